"""Cards in Markdown: front matter and tables; what came from the web stands there as text, never as markup."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import yaml

from scrapbag.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 20  # rows of a table
# Hugging Face's names of licences (hub-docs, "Licenses"), by the words of the usual names of them
_CC = re.compile(r"cc[ -]?(by(?:[ -](?:nc|sa|nd))*|0|zero)(?:[ -](?:v)?(\d\.\d))?(?:[ -].*)?", re.IGNORECASE)
_PUBLIC = re.compile(r"(pd|pdm|public domain|no restrictions|no known copyright.*)\b.*", re.IGNORECASE)
_HUB = {
    *(f"cc-by-{number}" for number in ("2.0", "2.5", "3.0", "4.0")),
    *(f"cc-by-sa-{number}" for number in ("3.0", "4.0")),
    *(f"cc-by-nc-{number}" for number in ("2.0", "3.0", "4.0")),
    *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
}


def front(table: dict[str, Any]) -> str:
    """The YAML between two lines of dashes, without empty values."""
    filled = {key: value for key, value in table.items() if value not in (None, "", [], {})}
    return f"---\n{yaml.safe_dump(filled, sort_keys=False, allow_unicode=True)}---\n"


def hub_licence(licence: str) -> str:
    """The name that Hugging Face has for a licence; `unknown` of none, `other` of one that it has no name for."""
    words = plain(licence)
    if not words or words == "unknown":
        return "unknown"
    if found := _CC.fullmatch(words):
        if found[1].lower() in {"0", "zero"}:
            return "cc0-1.0"
        name = f"cc-{found[1].lower().replace(' ', '-')}"
        return f"{name}-{found[2]}" if found[2] and f"{name}-{found[2]}" in _HUB else "other"
    return "pddl" if words.lower() == "pddl" else "cc0-1.0" if words.lower() == "cc0" else "other"


def is_public(licence: str) -> bool:
    """Whether it says that the picture is in the public domain, or as good as that."""
    return hub_licence(licence) == "cc0-1.0" or bool(_PUBLIC.fullmatch(plain(licence)))


def text(words: str) -> str:
    """`words` as Markdown shows them, and never obeys."""
    return re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", html.escape(plain(words), quote=False))


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Lines of a table; of more than MOST rows a last line says how many are left out. Words are escaped."""
    given = list(rows)
    first = given[0] if given else head
    lines = [_row(head), _row(tuple("---" if isinstance(one, str) else "---:" for one in first))]
    lines += [_row(tuple(text(one) if isinstance(one, str) else f"{one:,}" for one in row)) for row in given[:MOST]]
    if len(given) > MOST:
        lines += ["", f"And {len(given) - MOST:,} more."]
    return lines


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
