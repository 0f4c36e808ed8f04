"""A small ICC profile (ICC.1:2022, matrix and gamma), and what its colours are in sRGB by the formulas alone."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Primaries = tuple[tuple[float, float, float], ...]

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))  # XYZ of D50
_TO_SRGB = np.linalg.inv(
    np.array(((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))).T
)


def profile(primaries: Primaries = ADOBE_RGB, gamma: float = 2.2) -> bytes:
    """The bytes of a display profile with these primaries (XYZ adapted to D50) and this gamma."""
    colours = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)) | {b"wtpt": (0.9642, 1.0, 0.8249)}
    tags = {name: b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in xyz) for name, xyz in colours.items()}
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + b"\0" * 79
    tags[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        padded = data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    header = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + b"\0" * 12 + b"acsp"
    header = header.ljust(68, b"\0") + b"".join(_fixed(value) for value in (0.9642, 1.0, 0.8249))
    whole = header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def in_srgb(colour: tuple[int, ...], primaries: Primaries = ADOBE_RGB, gamma: float = 2.2) -> NDArray[np.float64]:
    """An RGB colour (0 to 255) of such a profile in sRGB (IEC 61966-2-1), clipped to what sRGB holds."""
    linear = (np.asarray(colour) / 255) ** (round(gamma * 256) / 256)
    linear = (_TO_SRGB @ (np.asarray(primaries).T @ linear)).clip(0, 1)
    return np.asarray(255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
