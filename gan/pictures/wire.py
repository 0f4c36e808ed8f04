"""What a server of pictures and a trainer say to each other: a batch as a tar of PPM files, and dataset.json.

The layout of the tar is fixed (POSIX.1-1988 ustar, nothing compressed), so that equal pictures are equal bytes
whatever libraries either side has. Any tar and any reader of pictures opens it.
"""

from __future__ import annotations

import base64
import hashlib
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gan.pictures.packing import Pixels

VERSION = 1  # of the answers
DATASET = "X-Dataset"  # the header that names the key of the pack that an answer is of
DIGEST = "Content-Digest"  # RFC 9530
PLAIN, MILD = "none", "mild"  # what `augment` may be: squares as they are, or variations of them
PARTS = ("train", "held")
_BLOCK, _RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE


@dataclass(frozen=True)
class Offer:
    """dataset.json: what a server deals."""

    version: int
    key: str  # of the pack: a hash of names, levels and content
    side: int  # of the squares, in pixels
    train: int  # pictures that batches are drawn from
    held: int  # pictures that are held out, and never in a batch
    upto: tuple[int, ...]  # of `train`: how many are of level k or less
    held_upto: tuple[int, ...]  # of `held`
    variations: str  # the version of what `augment=mild` computes; other versions may round differently
    model: str  # that chose the pictures; "" where none did


def pack(pixels: Pixels) -> bytes:
    """(N, side, side, 3) as a tar of 000000.ppm, 000001.ppm and so on."""
    count, side = pixels.shape[:2]
    head, stride, total = _layout(count, side)
    body = np.zeros(total, np.uint8)
    frames = body[: count * stride].reshape(count, stride)
    frames[:, : head.shape[1]] = head
    frames[:, head.shape[1] : head.shape[1] + side * side * 3] = pixels.reshape(count, -1)
    return body.tobytes()


def unpack(body: bytes, count: int, side: int) -> Pixels:
    """The inverse of `pack`. Raises ValueError for what is no such tar of so many pictures of that side."""
    head, stride, total = _layout(count, side)
    if len(body) != total:
        raise ValueError(f"{len(body)} bytes and not {total}")
    frames = np.frombuffer(body, np.uint8)[: count * stride].reshape(count, stride)
    if not np.array_equal(frames[:, : head.shape[1]], head):
        raise ValueError(f"no tar of {count} pictures of {side}x{side}")
    pixels: Pixels = frames[:, head.shape[1] : head.shape[1] + side * side * 3].reshape(count, side, side, 3)
    return np.ascontiguousarray(pixels)


def digest(body: bytes) -> str:
    """What DIGEST says of an answer."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


@lru_cache(8)
def _layout(count: int, side: int) -> tuple[Pixels, int, int]:
    """What stands before the pixels of each picture, (count, bytes); from one picture to the next; of the whole tar."""
    ppm = b"P6\n%d %d\n255\n" % (side, side)
    size = len(ppm) + side * side * 3
    stride = _BLOCK + -(-size // _BLOCK) * _BLOCK
    heads = []
    for number in range(count):
        info = tarfile.TarInfo(f"{number:06d}.ppm")
        info.size = size
        heads.append(np.frombuffer(info.tobuf(tarfile.USTAR_FORMAT) + ppm, np.uint8))
    total = -(-(count * stride + 2 * _BLOCK) // _RECORD) * _RECORD
    return np.stack(heads), stride, total
