"""The lines of a text file, whatever wrote it: packed, with a byte order mark, in UTF-16, UTF-8 or Latin-1."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open))
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_LOOKED_AT = 4096


def unpacked(file: IO[bytes]) -> io.BufferedReader:
    """`file`, which can be wound back, inflated where its first bytes say that it is packed."""
    start = file.read(8)
    file.seek(0)
    opener = next((opener for mark, opener in _PACKED if start.startswith(mark)), None)
    return io.BufferedReader(cast("io.RawIOBase", opener(file, "rb") if opener else file))


def lines(file: io.BufferedReader) -> Iterator[str]:
    """Every line, without its end, in any of the ways in which systems end them.

    A line that is no UTF-8 is read as Windows' Latin-1, so that one odd name costs nobody else anything.
    """
    start = file.peek(_LOOKED_AT)[:_LOOKED_AT]
    mark, encoding = next(((m, name) for m, name in _MARKS if start.startswith(m)), (b"", _guessed(start)))
    file.read(len(mark))
    errors = "surrogateescape" if encoding == "utf-8" else "replace"
    with io.TextIOWrapper(file, encoding=encoding, errors=errors) as text:
        for line in text:
            yield _latin(line.rstrip("\n"))


def _latin(line: str) -> str:
    if line.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in line):
        return line
    return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _guessed(start: bytes) -> str:
    """UTF-16 without a mark has a zero in every second byte of what is mostly ASCII."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 <= len(start):
        return "utf-8"
    return "utf-16-be" if even > odd else "utf-16-le"
