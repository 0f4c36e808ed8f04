"""What is said of a kept picture where it is handed over: its caption, and whether its licence forbids derivatives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scrapbag.errors import UsageError
from scrapbag.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from curate.rows import Row

LONGEST = 300  # characters of a caption: CLIP's text encoder reads 77 tokens, some 300 characters of English
_WORD = re.compile(r"[^\s,$\"'\\]([^,$\"'\\\x00-\x1f]{0,38}[^\s,$\"'\\])?")
# -ND of Creative Commons, by its letters behind BY or NC, in names and in addresses; and the words in full
_NO_DERIVATIVES = re.compile(
    r"(?<![a-z])(?:by|nc)[-_ /.]*nd(?![a-z])"
    r"|no[-_ ]?deriv|keine[-_ ]bearbeitung|pas[-_ ]de[-_ ]modification|sin[-_ ](?:obra[-_ ])?derivad"
    r"|non[-_ ]opere[-_ ]derivate|geen[-_ ]afgeleide",
    re.IGNORECASE,
)


def trigger(word: str, name: str) -> str:
    """The word that a trained model shall know these pictures by: `word`, or the dataset's name.

    Raises UsageError for one that a caption, TOML or YAML would take apart.
    """
    said = word or name
    if not _WORD.fullmatch(said):
        raise UsageError(f"WORD is {said!r:.60}; write one word or two of at most 40 characters, without , $ or quotes")
    return said


def caption(word: str, row: Row, targets: Sequence[str]) -> str:
    """`word, target, title, tag, tag …`, each once, as many whole tags as LONGEST characters have room for.

    Of several targets it is the one that the model calls the picture, or none.
    """
    called = row.class_name.partition(",")[0].casefold()
    fitting = targets if len(targets) == 1 else [one for one in targets if one.casefold() == called]
    said: dict[str, str] = {}
    for part in (word, *fitting, _cut(plain(row.title), LONGEST // 2), *map(plain, row.tags.split(","))):
        if part and sum(len(one) + 2 for one in said.values()) + len(part) <= LONGEST:
            said.setdefault(part.casefold(), part)
    return ", ".join(said.values())


def _cut(text: str, most: int) -> str:
    """`text`, or as many whole words of it."""
    return text if len(text) <= most else text[: most + 1].rpartition(" ")[0] or text[:most]


def forbids_derivatives(row: Row) -> bool:
    """Whether any licence that is stated of the picture forbids to change it: the strictest counts."""
    return says_so((row.licence, row.licence_url, row.licence_disputed))


def says_so(stated: Iterable[str]) -> bool:
    """Whether one of these names or addresses of licences forbids derivatives."""
    return any(_NO_DERIVATIVES.search(plain(one)) for one in stated)
