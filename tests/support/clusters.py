"""A Ray cluster of two nodes on this computer, whose second node sees an empty folder where the data is."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

RAY = str(Path(sys.executable).with_name("ray"))
TOKEN = secrets.token_hex(32)
BLIND = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"')

Found = TypeVar("Found")


class Nodes(NamedTuple):
    """`node` has the workers; they are `blind` where this computer allows a mount of one's own."""

    node: subprocess.Popen[bytes]
    blind: bool


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(found: Callable[[], Found], seconds: float = 120) -> Found:
    deadline = time.monotonic() + seconds
    while not (value := found()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert value, "it did not come"
    return value


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def at_work(node: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Its workers that have a task."""
    found = []
    for one in family(node):
        try:
            if one.name().startswith("ray::scrapbag"):
                found.append(one)
        except psutil.NoSuchProcess:
            continue
    return found


def end(processes: Iterable[psutil.Process]) -> None:
    every = list(processes)
    for one in every:
        if one.is_running():
            one.kill()
    psutil.wait_procs(every, 60)


@contextmanager
def two_nodes(root: Path) -> Iterator[Nodes]:
    """A head without cores, and a node with two that has an empty folder in the place of `root`; RAY_ADDRESS is set."""
    port, place = free_port(), tempfile.mkdtemp(prefix="bag-", dir="/tmp")
    before = dict(os.environ)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
    may = subprocess.run([*BLIND, str(root), "true"], capture_output=True).returncode == 0
    logs = [Path(place, name) for name in ("head.log", "node.log")]
    nodes: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        log = logs[len(nodes)]
        for _ in range(3):  # Ray gives up after 30 s, which a busy computer may need
            with log.open("w") as file:
                common = ("--object-store-memory=80000000", "--block")
                node = subprocess.Popen([*words, *common], stdout=file, stderr=file, stdin=subprocess.DEVNULL)
            wait_for(lambda: "runtime started" in log.read_text() or node.poll() is not None)  # noqa: B023
            if node.poll() is None:
                nodes.append(node)
                return
        pytest.fail(log.read_text())

    try:
        start(
            RAY, "start", "--head", f"--port={port}", "--num-cpus=0", f"--temp-dir={place}", "--include-dashboard=false"
        )
        more = (RAY, "start", f"--address=127.0.0.1:{port}", "--num-cpus=2")
        start(*((*BLIND, str(root)) if may else ()), *more)
        os.environ["RAY_ADDRESS"] = f"127.0.0.1:{port}"
        yield Nodes(nodes[1], may)
    finally:
        running = [node for node in nodes if node.poll() is None]
        end([one for node in running for one in (*family(node), psutil.Process(node.pid))])
        for node in nodes:
            node.wait()
        os.environ.clear()
        os.environ |= before
        shutil.rmtree(place, ignore_errors=True)
