"""For a process that decodes other people's pictures: bombs are errors, and decoders say nothing on the terminal."""

from __future__ import annotations

import ctypes
import warnings
from pathlib import Path

from PIL import Image


def quiet() -> None:
    """Make Pillow's warning of a bomb an error, its other warnings silent, and libtiff's messages too.

    For the whole process, whose filters know no threads; the filters are added once, however often this is called.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    for library in _libtiffs():
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            handler = getattr(library, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


def _libtiffs() -> list[ctypes.CDLL]:
    """The libtiff that Pillow has loaded, by the process's own memory map; none where the system shows no such map."""
    maps = Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    return [ctypes.CDLL(path) for path in {line.split()[-1] for line in lines if "libtiff" in line} if path]
