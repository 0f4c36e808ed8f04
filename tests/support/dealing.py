"""Servers of pictures for tests: one in a thread of this process, and one that can be killed."""

from __future__ import annotations

import http.client
import re
import selectors
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from making import ROOT, environment
from waitress import wasyncore

from gan.pictures import data as squares
from gan.serve import server
from gan.serve.deal import Deck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapbag.layout import Data

TOKEN = "a-token-of-thirty-two-bytes-or-more"


def deck(data: Data) -> Deck:
    """What a server of these squares deals."""
    return Deck(squares.load(data.curated, data.packed), squares.chosen_by(data.curated))


@contextmanager
def dealing(dealt: Deck, token: str = "", *, local: bool = True) -> Iterator[str]:
    """The address of the very server that make serve runs, in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        waiting = server.waiting(dealt, listening, token, local=local)
        thread = threading.Thread(target=waiting.run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            connections = {}  # closed here, since its own thread may look at them before the trigger is pulled
            waiting.trigger.pull_trigger(lambda: (connections.update(waiting._map), waiting._map.clear()))
            thread.join(30)
            wasyncore.close_all(connections)
            waiting.task_dispatcher.shutdown()
            assert not thread.is_alive()


@contextmanager
def process(data: Data, port: int = 0, wait_s: float = 120) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m gan.serve` and its address; killed at the end, if it has not been before."""
    command = [sys.executable, "-m", "gan.serve", "--data", str(data.root), "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as one:
        try:
            with selectors.DefaultSelector() as ready:
                ready.register(one.stdout, selectors.EVENT_READ)
                assert ready.select(wait_s), "the server says nothing"
            yield one, re.search(r"at (http://\S+)", one.stdout.readline())[1]
        finally:
            one.kill()


def ask(url: str, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """An answer and its body; of a header's name _ is written for -."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()
