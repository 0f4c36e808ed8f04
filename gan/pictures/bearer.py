"""The token that a server of pictures asks for, and how a request carries it (RFC 6750, Authorization: Bearer)."""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

from scrapbag.disk import private
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "SCRAPBAG_TOKEN"  # of the environment
HEADER = "Authorization"
LEAST = 32  # bytes of a token
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}")  # RFC 6750, 2.1
_MAKE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"


def read(file: Path | None) -> str:
    """The token in `file`, else in the environment; "" where there is none.

    Raises ExposedKeyError for a file that others may read, UsageError for what can be no token.
    """
    where = str(file) if file else f"the variable {VARIABLE}"
    try:
        text = private(file.expanduser()) if file else os.environ.get(VARIABLE, "")
    except ValueError as error:
        raise UsageError(f"TOKEN_FILE is {error}") from None
    if text is None:
        raise UsageError(f"there is no file {file} with a token; {_MAKE}")
    token = text.strip()
    if file is None and not token:
        return ""
    if not _TOKEN.fullmatch(token):
        raise UsageError(f"{where} holds no token: it is one word on one line; {_MAKE}")
    if len(token) < LEAST:
        raise UsageError(f"the token in {where} has {len(token)} bytes, and {LEAST} are the least; {_MAKE}")
    return token


def header(token: str) -> dict[str, str]:
    """The headers of a request with that token; none where it is ""."""
    return {HEADER: f"Bearer {token}"} if token else {}


def admits(token: str, sent: str) -> bool:
    """Whether what a request `sent` as HEADER carries the token; takes equally long whatever was sent."""
    return not token or secrets.compare_digest(sent.encode(), header(token)[HEADER].encode())
