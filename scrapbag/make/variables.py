"""The variables of make, and which of them a misspelt one was meant to be."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What a variable sets in the recipe; the Makefile passes it on as --set
SETS = {
    "LIMIT": "scrape.limit",
    "MODEL": "score.model",
    "BACKEND": "score.backend",
    "DTYPE": "score.dtype",
    "THRESH": "curate.threshold",
    "BY": "curate.by",
    "SIZE": "curate.size",
    "FIT": "curate.fit",
    "PRESET": "train.preset",
    "MINUTES": "train.minutes",
    "IMAGES": "train.images",
    "LEVEL": "train.level",
    "INIT": "train.init",
    "SEED": "train.seed",
    "SET": "train.values",
}
FOLDERS = ("RECIPE", "DATA", "RUN")
_OTHERS = (
    "SITE", "RETRY", "FRESH", "PART", "JSON", "PORT", "AS", "SIDE", "WORD", "ND", "TO", "EVERY", "DRY",
    "ENGINE", "WORKERS", "HOST", "TOKEN_FILE", "DATA_URL", "STORE", "SHARDS", "PROCESSES",
    "N", "PIXELS", "STD", "TYPE", "SEAMLESS", "BEST", "OF", "TRUNCATION", "SEEDS",
    "REAL", "PYTHON", "TORCH_INDEX", "EXTRA", "B", "T", "VENV",
)  # fmt: skip
VARIABLES = frozenset({*FOLDERS, *SETS, *_OTHERS})
_NUMBERS = {
    "LIMIT",
    "THRESH",
    "SIZE",
    "MINUTES",
    "IMAGES",
    "LEVEL",
    "SEED",
    "N",
    "STD",
    "BEST",
    "OF",
    "TRUNCATION",
    "PORT",
    "PROCESSES",
    "WORKERS",
}
_OF_MAKE = {"SHELL", "MAKE", "MAKEFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "MAKELEVEL", "MFLAGS", "VPATH"}
_OF_MAKE |= {".SHELLFLAGS", "-*-command-variables-*-"}
_OF_OTHERS = {"DATABASE_URL"}  # known to many programs, and as like DATA_URL as a slip would be
_ALIKE = 0.6  # difflib's ratio from which a written variable is taken for a slip
_SURELY = 0.8  # and one of the environment, where other programs have variables too


def unknown(written: Iterable[str], environment: Mapping[str, str]) -> str:
    """What is wrong with the variables `written` on the command line, or in the `environment`; '' if nothing is.

    What nobody here reads is refused on the command line. The environment is full of other programs' variables, so
    only a close miss is refused there: MINUTE=60, but not IMAGE=debian or MODELS=/srv.
    """
    for one in sorted(set(written) - VARIABLES - _OF_MAKE):
        near = meant(one, VARIABLES, _ALIKE)
        return f"{one}: did you mean {near}?" if near else f"there is no variable {one}; README.md has them all"
    for one, value in sorted(environment.items()):
        near = "" if one in VARIABLES | _OF_OTHERS else meant(one, VARIABLES, _SURELY)
        if near and _is_slip(one, near, value):
            return f"{one} is in the environment: did you mean {near}? Then rename it; unset {one} if not"
    return ""


def meant(word: str, known: Iterable[str], least: float = _ALIKE) -> str:
    """The known word that is most like `word`, whatever its case; '' if none is `least` alike."""
    by_case = {one.upper(): one for one in sorted(known)}
    near = get_close_matches(word.upper(), by_case, n=1, cutoff=least)
    return by_case[near[0]] if near else ""


def _is_slip(word: str, near: str, value: str) -> bool:
    """Whether a variable of the environment looks like ours by more than chance: by its value, or by its letters."""
    if near in _NUMBERS:
        return value.strip().replace(".", "", 1).isdigit()
    return min(len(word), len(near)) > 4 and not word.startswith(near) and not near.startswith(word)
