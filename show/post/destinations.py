"""Where to post: apprise's addresses out of the environment or a file of mode 600; their secrets are never shown."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "TO"  # of the environment
_OPEN = {"json", "jsons", "xml", "xmls", "form", "forms"}  # apprise's schemes of plain receivers, which need no secret
_WRITE = f"write a file of mode 600 with an address a line and its path as {VARIABLE}, or export {VARIABLE}"


@dataclass(frozen=True)
class Destination:
    """One address of apprise's. Neither its words nor its repr tell more than the scheme."""

    url: str = field(repr=False)
    number: int  # as it was written, from 1

    def __str__(self) -> str:
        scheme = self.url.partition("://")[0]
        return f"destination {self.number} ({scheme if scheme.isalnum() and len(scheme) < 20 else 'unknown'})"

    @property
    def id(self) -> str:
        """Its name in posts.json: a hash, so that the file has no secret."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]


def read(written: str, environment: Mapping[str, str]) -> list[Destination]:
    """What `written` on the command line means, or else the variable TO of `environment`; each address once.

    A word is `env:NAME` (a variable that holds addresses), the path of a file of mode 600 with an address a line, or an
    address: on the command line, which others can read, one that has no secret. Raises UsageError, which never repeats
    an address.
    """
    words = written.split() or environment.get(VARIABLE, "").split()
    if not words:
        raise UsageError(f"nobody is named to post to; {_WRITE}")
    urls = dict.fromkeys(url for word in words for url in _urls(word, environment, typed=bool(written.split())))
    return [Destination(url, number) for number, url in enumerate(urls, 1)]


def _urls(word: str, environment: Mapping[str, str], *, typed: bool) -> Iterator[str]:
    if word.startswith("env:"):
        name = word.removeprefix("env:")
        if not environment.get(name, "").split():
            raise UsageError(f"the variable {name} is not in the environment, or empty; export it first")
        yield from _addresses(environment[name].split(), f"the variable {name}")
    elif "://" in word:
        if typed and not _is_open(word):
            raise UsageError(
                f"an address with a secret does not belong on a command line, where others see it; {_WRITE}"
            )
        yield from _addresses([word], "TO")
    else:
        yield from _of_file(Path(word).expanduser())


def _of_file(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode  # of the file that is read, not of one put in its place
            if mode & 0o077:
                raise UsageError(f"others may read {path} (mode {mode & 0o777:o}); run chmod 600 {path}")
            lines = [line.strip() for line in file]
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}; {_WRITE}") from None
    except (UnicodeDecodeError, IsADirectoryError, PermissionError):
        raise UsageError(f"cannot read {path} as text; {_WRITE}") from None
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise UsageError(f"{path} has no address; write one a line")
    yield from _addresses(urls, str(path))


def _addresses(urls: list[str], where: str) -> Iterator[str]:
    for number, url in enumerate(urls, 1):
        if "://" not in url:
            raise UsageError(f"what stands {number}. in {where} is no address of apprise's, such as discord://ID/TOKEN")
        yield url


def _is_open(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in _OPEN and "@" not in parts.netloc and not parts.query
