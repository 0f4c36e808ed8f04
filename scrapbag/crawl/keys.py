"""Keys of other people's interfaces: from the environment, or from a file that its owner alone may read."""

from __future__ import annotations

import os
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from scrapbag.disk import private
from scrapbag.errors import RecipeError

_KEY = re.compile(r"[!-~]{1,4096}")  # what fits into a header


class Key:
    """A secret. Whoever prints it, or what it is part of, prints ***."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """The key itself, for the request that needs it."""
        return self._text

    def hide(self, text: str) -> str:
        """`text` with *** in place of the key, however an address escapes it."""
        for form in {self._text, quote(self._text, safe=""), quote_plus(self._text)}:
            text = text.replace(form, "***")
        return text

    def hidden(self, found: Any) -> Any:
        """What a page names, a Page or a Picture, without the key: an interface may repeat what it was asked with."""
        return replace(found, **{one.name: self._without(getattr(found, one.name)) for one in fields(found)})

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, tuple | list):
            return type(value)(map(self._without, value))
        return {key: self._without(one) for key, one in value.items()} if isinstance(value, dict) else value


def key(name: str, variable: str, file: str) -> Key | None:
    """The key of the source `name`: from `file` where the recipe names one, else from the environment's `variable`.

    None where there is none. Raises ExposedKeyError, unread, for a file that others may read, RecipeError for what
    cannot be a key.
    """
    where = file or f"the variable {variable}"
    text = _from_file(Path(file).expanduser(), name) if file else os.environ.get(variable, "")
    if text is None or not text.strip():
        return None
    if not _KEY.fullmatch(text.strip()):
        raise RecipeError(f"source {name!r}: {where} holds no key: it is one word on one line")
    return Key(text.strip())


def _from_file(path: Path, name: str) -> str | None:
    try:
        return private(path)
    except ValueError as error:
        raise RecipeError(f"source {name!r}: api_key_file is {error}") from None
