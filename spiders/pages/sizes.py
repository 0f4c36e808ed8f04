"""The sizes that addresses of pictures tell: which of several is the same picture, larger."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

WHOLE = 100_000  # pixels, of an address that tells no size: it is taken for the whole picture
_SCENE7 = 400  # pixels, of what Adobe's image server sends unless asked for more
_KEYS = {
    "w", "width", "wid", "imwidth", "sw", "maxwidth", "max-w", "mw", "h", "height", "hei", "sh", "maxheight", "mh",
    "size", "resize", "fit", "sz", "rs",
}  # fmt: skip
_OTHER_KEYS = {"hash", "v", "ts", "version", "auto", "format", "fm", "crop", "filter", "dpr", "quality", "q", "ssl"}
_NAMES = {
    "pico": 16, "icon": 32, "tiny": 50, "mini": 50, "thumb": 50, "thumbs": 50, "thumbnail": 50, "thumbnails": 50,
    "small": 100, "compact": 160, "medium": 240, "middle": 240, "large": 480, "grande": 600, "big": 800, "zoom": 1000,
    "original": 4000, "originals": 4000, "orig": 4000, "full": 4000, "fullsize": 4000, "hires": 4000,
}  # fmt: skip
_LETTERS = {"xxs": 50, "xs": 80, "s": 120, "m": 240, "l": 480, "xl": 960, "xxl": 1920}
# whose two numbers are sides: elsewhere they are dates, or shards of an archive
_FOLDERS = (
    "img", "image", "images", "photo", "photos", "pic", "pics", "picture", "pictures", "media", "cache", "resize",
    "resized", "thumb", "thumbs", "thumbnail", "crop", "fit", "fill", "scale", "size", "sized", "unsafe", "id",
)  # fmt: skip
_SIZED = re.compile(
    r"(?<=[/_.=,-])(?:w(\d{2,4})-h(\d{2,4})|(\d{2,4})x(\d{0,4})|x(\d{2,4})|s-l(\d{2,4})|[wh][_/]?(\d{2,4})"
    r"|_?(?:AC_)?(?:S[LXYSR]|U[LXYS])(\d{2,4})(?:,\d+)?_?"
    rf"|({'|'.join(_NAMES)}))(?=[/_.,-]|$)"
    r"|(?<==)s(\d{2,4})(?=-|$)|(?<=/)s(\d{2,4})(?:-[a-z]+)*(?=/)"
    rf"|(?:{'|'.join(f'(?<=/{word}/)' for word in _FOLDERS)})([1-9]\d{{1,3}})/([1-9]\d{{1,3}})(?=/)(?:/resize\w*(?=/))?"
    rf"|(?<=/)({'|'.join(_LETTERS)})(?=/)"
)
_SEAM = re.compile(r"[_.=,-]+(?=[./]|$)|(?<=/)/+|(?<=[_-])[_-]+")  # what joined a size to its neighbours
_RESIZER = re.compile(r"/dw/image/v2/[^/]+(?=/)|/cdn-cgi/image/[^/]+(?=/)")  # in front of the picture's own path
_NUMBERS = re.compile(rf"(?<=[/_.,-])(?:[1-9]\d{{2,3}}|{'|'.join(_NAMES)})(?=[/_.,-])")
_PRESET = re.compile(r"\$[\w-]*?(\d{2,4})\w*\$")  # of Scene7
_SIDES = re.compile(r"(\d{1,4})(?:[x,](\d{1,4}))?")


@lru_cache(maxsize=8192)
def declared(address: str) -> int:
    """The largest side in pixels that an address tells, 0 when it tells none."""
    parts = _split(address)
    told = [_SIDES.fullmatch(value) for key, value in parse_qsl(parts.query) if key.lower() in _KEYS]
    sides = [int(side) for found in told if found for side in found.groups() if side]
    sides += [int(side) for side in _PRESET.findall(unquote(parts.query))]
    for found in _SIZED.finditer(unquote(parts.path)):
        sides += [_NAMES.get(side) or _LETTERS.get(side) or int(side) for side in found.groups() if side]
    return max(sides, default=0)


def size(address: str, width: int = 0) -> int:
    """The side in pixels that a picture has by its address, else by the `width` told beside it, else WHOLE."""
    untold = _SCENE7 if "/is/image/" in address else WHOLE
    return declared(address) or width or untold


@lru_cache(maxsize=8192)
def identity(address: str) -> str:
    """What stays of an address when every size is taken out: two addresses with the same are the same picture."""
    parts = _split(address)
    dropped = _KEYS | _OTHER_KEYS
    query = [f"{key}={value}" for key, value in parse_qsl(parts.query) if key.lower() not in dropped]
    path = _SEAM.sub("", _SIZED.sub("", _RESIZER.sub("", unquote(parts.path))))
    return f"{parts.netloc}{path}?{'&'.join(query)}"


class Versions:
    """The largest of every picture among many addresses."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._best: dict[str, str] = {}
        for address in dict.fromkeys(addresses):
            same = identity(address)
            if same not in self._best or size(address) > size(self._best[same]):
                self._best[same] = address

    def largest(self, address: str) -> str:
        """`address`, or the one that is the same picture and larger; what tells no size is the whole picture."""
        return max((address, self._best.get(identity(address), address)), key=size)


def preview(address: str, previews: Iterable[str]) -> str:
    """`address`, or the one of a page's `previews` of it that differs in nothing but a larger number: 500_A, 1200_A."""

    def told(one: str) -> int:
        return max((_NAMES.get(number) or int(number) for number in _NUMBERS.findall(one)), default=0)

    same = _NUMBERS.sub("", address)
    return max((address, *(one for one in previews if _NUMBERS.sub("", one) == same)), key=told)


def largest(address: str, others: Iterable[str]) -> str:
    """Of `address` and the `others` that are the same picture, the largest."""
    return Versions(others).largest(address)


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", address, "", "")
