"""Whose fault a MemoryError is: that of a file whose header asks for too much, or that of the computer."""

from __future__ import annotations

import mmap

from scrapbag.errors import out_of_memory

_BYTES_A_PIXEL = 4


def blame(error: BaseException, max_pixels: int) -> None:
    """Raise MemoryError where this computer cannot spare what the largest allowed picture takes.

    Decoders raise it at hostile headers, too; then there is room, and this returns. Asked after the picture was let go.
    """
    if out_of_memory(error):
        try:
            mmap.mmap(-1, _BYTES_A_PIXEL * max_pixels).close()
        except OSError:
            raise MemoryError from error
