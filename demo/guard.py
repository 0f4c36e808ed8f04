"""Nothing outlives those who started it: a command runs while a site is served, and both end together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import click
import psutil

from demo.server import bound, is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from demo.server import Site

_PDEATHSIG = 1  # prctl(2)
_STOPS = (signal.SIGINT, signal.SIGTERM)
_PATIENCE = 5.0  # seconds that a command has to end before it is told again, more firmly


def run_while_served(site: Site, port: int, command: Sequence[str]) -> int:
    """Run `command` while `site` is served on `port`; its exit code, or 130 when somebody stopped it.

    A port that already serves this very site is used as it is. Raises PortTakenError.
    """
    line = line_above()
    server = None if is_open(site, port) else bound(site, port)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # one that falls into a fork, or to a thread, is lost
    try:
        child = subprocess.Popen(command, preexec_fn=_prepared(before))  # noqa: PLW1509  # no thread runs yet
    except FileNotFoundError:
        raise click.UsageError(f"there is no program {command[0]!r}") from None
    except OSError as error:
        raise click.UsageError(f"{command[0]!r} cannot be run: {error.strerror}") from None
    follow_parent(child.terminate, line)
    if server is not None:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        code = child.wait()
    except KeyboardInterrupt:  # the terminal told the child too; give it time to put its things in order
        _stop(child)
        return 130
    return code if code >= 0 else 128 - code


def follow_parent(before: Callable[[], object] = lambda: None, line: Sequence[psutil.Process] | None = None) -> None:
    """End this process, after calling `before`, once a process of `line`, by default `line_above()`, is gone."""
    watched = line_above() if line is None else line

    def watch() -> None:
        while all(_lives(process) for process in watched):
            time.sleep(0.3)
        before()
        os._exit(143)

    if watched:
        threading.Thread(target=watch, daemon=True).start()


def line_above() -> list[psutil.Process]:
    """The processes above this one in its process group.

    All of them count, not the parent alone: between make and us there may be a shell, which outlives make.
    """
    mine = os.getpgrp()
    return [p for p in psutil.Process().parents() if _group(p.pid) == mine]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return -1


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Let the child end by itself, else end it."""
    for firmer in (child.terminate, child.kill):
        try:
            child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            firmer()


def _prepared(mask: set[int | signal.Signals]) -> Callable[[], None]:
    """What the child does before it becomes the command: hear signals as any program does, and end when we die.

    The kernel sees to the latter, on Linux alone.
    """
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    us = os.getpid()

    def prepare() -> None:
        if prctl is not None:
            prctl(_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != us:
                os._exit(143)
        for stop in _STOPS:
            if signal.getsignal(stop) is not signal.SIG_IGN:  # Python's own handlers would only wake up in here
                signal.signal(stop, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    return prepare
