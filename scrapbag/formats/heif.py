"""HEIC and HEIF pictures (ISO/IEC 23008-12), which Pillow reads once pillow-heif, an extra, is installed."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from scrapbag.formats.signatures import HEIC


def can_decode(name: str) -> bool:
    """Whether pictures of a format, by Pillow's name, are decoded here; of HEIF, Pillow is told how, once a process.

    Nobody else registers an opener: where the extra is missing, or no HEIC comes, Pillow knows as many as before.
    """
    return name != HEIC.pillow or _registered()


@cache
def _registered() -> bool:
    try:
        plugin = import_module("pillow_heif")
    except ImportError:  # or its library does not fit this system
        return False
    plugin.register_heif_opener(thumbnails=False)
    return True
