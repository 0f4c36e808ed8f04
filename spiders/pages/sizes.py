"""The sizes that addresses of pictures tell: which of several is the same picture, larger."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEYS = {"w", "width", "wid", "imwidth", "sw", "maxwidth", "max-w", "h", "height", "hei", "sh", "maxheight", "size"}
_OTHER_KEYS = {"hash", "v", "ts", "version", "auto", "format", "fm", "fit", "crop", "filter", "dpr"}
_NAMES = {
    "pico": 16, "icon": 32, "thumb": 50, "small": 100, "compact": 160, "medium": 240, "middle": 240, "large": 480,
    "grande": 600, "big": 800,
}  # fmt: skip
_SIZED = re.compile(
    r"(?<=[/_.-])(?:(\d{2,4})x(\d{0,4})|x(\d{2,4})|s-l(\d{2,4})|w[_/]?(\d{2,4})|_?(?:AC_)?(?:S[LXYSR]|U[LXYS])(\d{2,4})(?:,\d+)?_?"
    rf"|({'|'.join(_NAMES)}))(?=[/_.,-]|$)"
)


def declared(address: str) -> int:
    """The largest side in pixels that an address tells, 0 when it tells none."""
    parts = urlsplit(address)
    told = [value for key, value in parse_qsl(parts.query) if key.lower() in _KEYS]
    sides = [int(value) for value in told if re.fullmatch(r"\d{1,4}", value)]
    for found in _SIZED.finditer(unquote(parts.path)):
        sides += [_NAMES.get(side) or int(side) for side in found.groups() if side]
    return max(sides, default=0)


def identity(address: str) -> str:
    """What stays of an address when every size is taken out: two addresses with the same are the same picture."""
    parts = urlsplit(address)
    dropped = _KEYS | _OTHER_KEYS
    query = [f"{key}={value}" for key, value in parse_qsl(parts.query) if key.lower() not in dropped]
    return f"{parts.netloc}{_SIZED.sub('', unquote(parts.path))}?{'&'.join(query)}"


def largest(address: str, others: Iterable[str]) -> str:
    """Of `address` and the `others` that are the same picture, the one that tells the largest size.

    An address that tells no size is taken for the whole picture, and stays.
    """
    if not declared(address):
        return address
    own = identity(address)
    return max((address, *(other for other in others if identity(other) == own)), key=declared)
