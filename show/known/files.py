"""Files that others write at this moment, or wrote long ago: read whole or refused, remembered until they change."""

from __future__ import annotations

import csv
import json
import sqlite3
import struct
import tomllib
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from PIL import Image

from scrapbag.errors import ScrapbagError, UsageError
from scrapbag.make.command import Call, last_call
from scrapbag.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scrapbag.layout import Data, Run

T = TypeVar("T")
MOST = 200_000_000  # bytes of a file that is read at once

# What files that are damaged, half written, gone by now, or somebody else's make their readers raise
UNUSABLE = (
    *(ScrapbagError, OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError),
    *(EOFError, RecursionError, MemoryError, csv.Error, struct.error, sqlite3.Error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def sentence(error: BaseException, where: Path) -> str:
    """What is wrong at `where`, in one sentence for the page."""
    if isinstance(error, ScrapbagError):
        return plain(str(error))
    if isinstance(error, FileNotFoundError):
        return f"{plain(str(where))} is changing or was moved: something is not there now."
    if isinstance(error, OSError) and error.strerror:
        return f"{plain(str(where))} cannot be read: {error.strerror}."
    return f"{plain(str(where))} is damaged: {plain(str(error))[:160] or type(error).__name__}."


def stamp(path: Path) -> tuple[int, int, int]:
    """What differs as soon as a file has other content. Raises OSError, and UsageError for what is no file."""
    found = path.stat()
    if not path.is_file():  # to read a pipe would wait for ever
        raise UsageError(f"{path} is no file")
    return found.st_mtime_ns, found.st_size, found.st_ino


def remembered(
    count: int, stamped: Callable[[Path], Any] = stamp
) -> Callable[[Callable[[Path], T]], Callable[[Path], T]]:
    """For a function of a file: what it made of the last `count` files is made anew only when their stamp changes."""

    def decorate(parse: Callable[[Path], T]) -> Callable[[Path], T]:
        @lru_cache(count)
        def once(path: Path, _: Any) -> T:
            return parse(path)

        @wraps(parse)
        def look(path: Path) -> T:
            return once(path, stamped(path))

        return look

    return decorate


def content(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, and UsageError for what is no file or too large."""
    if stamp(path)[1] > MOST:
        raise UsageError(f"{path} is too large to be shown")
    return path.read_bytes()


@remembered(64)
def toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dict."""
    return tomllib.loads(content(path).decode())


@remembered(64)
def json_table(path: Path) -> dict[str, Any]:
    """A JSON file that is an object. Raises UsageError for any other."""
    found = json.loads(content(path))
    if not isinstance(found, dict):
        raise UsageError(f"{path} is damaged (it is no table)")
    return found


def called(folder: Data | Run) -> Call:
    """How make was last called for a dataset or a run, whatever stands in that file's place."""
    try:
        stamp(folder.call)
    except UNUSABLE:
        return Call(**{folder.variable.lower(): str(folder.root)})
    return last_call(folder)


def command(run: Run, target: str) -> str:
    """The command that acts on a run; where its recipe is not known, by its folder alone."""
    call = called(run)
    return call.make(target) if call.recipe else call.make(target, RUN=call.run)


def optional(read: Callable[[Path], dict[str, Any]], path: Path) -> dict[str, Any]:
    """What `read` makes of a file that need not be there; {} where it is not, or cannot be read."""
    try:
        return read(path)
    except UNUSABLE:
        return {}


@contextmanager
def table(path: Path) -> Iterator[csv.DictReader[str]]:
    """The rows of a CSV file."""
    if stamp(path)[1] > MOST:
        raise UsageError(f"{path} is too large to be shown")
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield csv.DictReader(file)
