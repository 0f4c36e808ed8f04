"""The errors that end a stage, each with its exit code, and the context manager that prints them as one sentence."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import sqlite3
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ScrapbagError(Exception):
    """Ends a stage; its message is one sentence that says what to do. Exit codes follow sysexits.h where it has one."""

    exit_code = 1


class TooManyFailuresError(ScrapbagError):
    """A stage ran, but what it found is too little or too broken to go on with."""

    exit_code = 1


class UsageError(ScrapbagError):
    """Something that the user wrote cannot be used."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe, or an override of it, that cannot be used."""


class MissingError(ScrapbagError):
    """A program or a network that is needed is not there (EX_UNAVAILABLE)."""

    exit_code = 69


class MissingExtraError(MissingError):
    """An optional package is needed: `use` is what needs it, `extra` the name under optional-dependencies."""

    def __init__(self, use: str, package: str, extra: str) -> None:
        super().__init__(f"{use} needs {package}; run make setup EXTRA={extra}")
        self._words = use, package, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        """As a worker of another process sends it."""
        return type(self), self._words


class DiskError(ScrapbagError):
    """The disk is full, read-only, or of a kind that cannot hold a catalog (EX_IOERR)."""

    exit_code = 74


class ExposedKeyError(ScrapbagError):
    """A key lies where others may read it (EX_NOPERM)."""

    exit_code = 77


class NoPermissionError(ScrapbagError):
    """A server does not take the key that it was shown, or there is none (EX_NOPERM)."""

    exit_code = 77


class LockedError(ScrapbagError):
    """Another run of the same stage is at work (EX_TEMPFAIL)."""

    exit_code = 75


STOPPED = 130
_STOPPED = "stopped; the same command goes on from here"
_SAVING = b"stopping: what was done is being saved; once more stops it at once\n"
_NO_ROOM = "the memory is full; nothing is lost, close other programs or raise the limit, and run it again"
_FULL = "cannot write {}: {}; free some space and run it again"
_CLOSED = "cannot read or write {}: {}; see that you may and that no other program has it open, and run it again"
_TAKEN = "cannot read or write {}: {}; choose another name, or move away what stands there"
_LARGE = "cannot write {}: {}; its disk, or a limit (ulimit -f), takes no file of that size, so use another or raise it"
_MANY = "cannot open {}: {}; raise the limit (ulimit -n 4096, or more) or close other programs, and run it again"
_GONE = "{} is not there ({}); see that its disk is mounted, and run it again"
_DISK = dict.fromkeys((errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN), _GONE)
_DISK |= dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EIO), _FULL)
_DISK |= dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EBUSY), _CLOSED)
_DISK |= dict.fromkeys((errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.ELOOP), _TAKEN)
_DISK |= {errno.EFBIG: _LARGE, errno.EMFILE: _MANY, errno.ENFILE: _MANY}


# What says that the memory is full, in words: torch's, the C++ library's, OpenCV's, Python's own, the loader's
_NO_MEMORY = (
    "can't allocate memory", "not enough memory", "bad allocation", "bad_alloc", "insufficient memory",
    "can't start new thread", "cannot allocate memory", "failed to map segment",
)  # fmt: skip
_HARDLY = ("could not create a primitive", "pyobject pointer is null")  # oneDNN and PyO3 say that of other faults, too
_LITTLE = 2**28  # bytes; with less left such a fault is one of memory


def out_of_memory(error: BaseException) -> bool:
    """Whether this computer's memory, or what a limit leaves of it, was too small: libraries share no class for it."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    said = str(error).lower()
    return any(words in said for words in _NO_MEMORY) or (any(words in said for words in _HARDLY) and not _has_room())


def _has_room() -> bool:
    try:
        mmap.mmap(-1, _LITTLE).close()
    except OSError:
        return False
    return True


def never_full(error: BaseException) -> None:
    """Raise MemoryError where `error` says that the memory is full, which says nothing about a file that was read."""
    if out_of_memory(error):
        raise MemoryError from error


def end(sentence: str, code: int) -> NoReturn:
    """Print the sentence and end the process with the code."""
    click.echo(f"error: {sentence}" if code != STOPPED else sentence, err=True)
    sys.exit(code)


def caught() -> None:
    """Call it where KeyboardInterrupt is caught for good, so that the process ends with the code that it names.

    `python -m` ends by SIGINT instead where the last string of code that was run, such as a dataclass's methods, was
    stopped, though that was caught (CPython's run_eval_code_obj): Make would say Interrupt. The next string undoes it.
    """
    exec("")  # noqa: S102


@contextmanager
def exits(say: Callable[[str], str] = str, ending: Callable[[str, int], NoReturn] = end) -> Iterator[None]:
    """Around a stage's command: an expected error is printed as one sentence and ends the process with its code.

    `say` completes the sentence: commands in it get what they need to be pasted (scrapbag/desk/command.py). `ending`
    prints it and ends the process. Ctrl-C and SIGTERM are expected, code 130. A second one, as of timeout(1) or of
    impatience, waits for what is being saved; a third does not. Slow imports (torch, Scrapy) belong inside, so that
    Ctrl-C is a sentence during them too.
    """
    _stop_once()
    try:
        yield
    except ScrapbagError as error:
        ending(say(str(error)), error.exit_code)
    except KeyboardInterrupt:
        caught()
        ending(_STOPPED, STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if out_of_memory(error):
            ending(_NO_ROOM, DiskError.exit_code)
        if error.errno not in _DISK:
            raise
        place = error.filename2 or error.filename or "a file"  # of a rename the file that was to be there
        ending(_DISK[error.errno].format(place, error.strerror), DiskError.exit_code)
    except sqlite3.DatabaseError as error:
        if "locked" in str(error) or "busy" in str(error):
            ending("another program holds the catalog; close it and run it again", LockedError.exit_code)
        if "malformed" in str(error):
            ending(f"the catalog is damaged ({error}); move catalog.db away and scrape anew", DiskError.exit_code)
        if not any(words in str(error) for words in ("full", "disk I/O", "readonly", "unable to open")):
            raise
        ending(f"cannot write the catalog: {error}; free some space and run it again", DiskError.exit_code)
    except BaseException as error:  # PyO3's panics are no Exception
        if not out_of_memory(error):
            raise
        ending(_NO_ROOM, DiskError.exit_code)


def _stop_once() -> None:
    asked = 0

    def stop(*_: object) -> None:
        nonlocal asked
        asked += 1
        if asked != 2:
            raise KeyboardInterrupt
        os.write(sys.stderr.fileno(), _SAVING)  # a handler may not print: it may have interrupted a print

    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # ignored where a shell sent it to the background
        signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
