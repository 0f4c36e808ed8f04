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

import psutil

from demo.server import bound, is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from demo.server import Site

_PDEATHSIG = 1  # prctl(2)
_PATIENCE = 5.0  # seconds that a command has to end before it is told again, more firmly


def run_while_served(site: Site, port: int, command: Sequence[str]) -> int:
    """Run `command` while `site` is served on `port`; its exit code, or 130 when somebody stopped it.

    A port that already serves this very site is used as it is. Raises PortTakenError.
    """
    server = None if is_open(site, port) else bound(site, port)
    child = subprocess.Popen(command, preexec_fn=_dying_with_us())  # noqa: PLW1509  # it makes one system call
    follow_parent(child.terminate)
    if server is not None:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        code = child.wait()
    except KeyboardInterrupt:  # the terminal told the child too; give it time to put its things in order
        _stop(child)
        return 130
    return code if code >= 0 else 128 - code


def follow_parent(before: Callable[[], object] = lambda: None) -> None:
    """End this process, after calling `before`, once a process above it in its process group is gone.

    The whole line is watched, not the parent alone: between make and us there may be a shell, which outlives make.
    """
    mine = os.getpgrp()
    line = [p for p in psutil.Process().parents() if _group(p.pid) == mine]

    def watch() -> None:
        while all(_lives(process) for process in line):
            time.sleep(0.3)
        before()
        os._exit(143)

    if line:
        threading.Thread(target=watch, daemon=True).start()


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


def _dying_with_us() -> Callable[[], None] | None:
    """What the child does before it becomes the command: ask the kernel for SIGTERM when we die. Linux only."""
    if sys.platform != "linux":
        return None
    prctl, us = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:
            os._exit(143)

    return ask
