"""The name of a licence from the address of its text, for the licences whose addresses everybody knows."""

from __future__ import annotations

import re

_CC = re.compile(r"^https?://(?:www\.)?creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)", re.IGNORECASE)
_PUBLIC = re.compile(r"^https?://(?:www\.)?creativecommons\.org/publicdomain/(zero|mark)/1\.0", re.IGNORECASE)

CC0 = "CC0-1.0"
CC0_URL = "https://creativecommons.org/publicdomain/zero/1.0/"


def licence_name(address: str) -> str:
    """'CC-BY-SA-4.0' and the like (SPDX) of a Creative Commons address, '' of any other: that is not ours to guess."""
    if found := _CC.match(address):
        return f"CC-{found[1].upper()}-{found[2]}"
    if found := _PUBLIC.match(address):
        return CC0 if found[1].lower() == "zero" else "PDM-1.0"
    return ""
