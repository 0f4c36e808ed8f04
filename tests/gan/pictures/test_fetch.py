"""A trainer's requests to a server of pictures: asked again until they come whole, and never anywhere else."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from dealing import TOKEN

from gan.pictures import fetch, wire
from gan.pictures.dealt import Dealer
from gan.pictures.fetch import Fetcher
from scrapbag.errors import MissingError, NoPermissionError, UsageError

BODY = b"a batch of pictures" * 1000
WHOLE = (200, BODY, {wire.DATASET: "key", wire.DIGEST: wire.digest(BODY)})


@contextmanager
def answering(*answers):
    """A server that gives these (status, body, headers), then the last one for ever; and what it was asked."""
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            asked.append((self.path, self.headers.get("Authorization")))
            status, body, headers = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in ({"Content-Length": len(body)} | headers).items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = "Content-Length" in headers

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def fetching(url, **options):
    one = Fetcher(url, **options)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize(
    "torn",
    [
        (503, b"busy", {}),
        (500, b"", {}),
        (200, BODY[:-1], WHOLE[2]),
        (200, b"x" + BODY[1:], WHOLE[2]),
        (200, BODY[:100], {**WHOLE[2], "Content-Length": len(BODY)}),
        (200, BODY, {wire.DATASET: "key"}),
    ],
    ids=["busy", "fault", "short", "flipped", "cut off", "no digest"],
)
def test_what_does_not_come_whole_is_asked_for_again(torn, caplog):
    with answering(torn, torn, WHOLE) as (url, asked), fetching(url) as fetcher:
        assert fetcher.get("batch.tar", n=4) == (BODY, "key")
        assert fetcher.get("batch.tar", n=4) == (BODY, "key")
    assert [path for path, _ in asked] == ["/batch.tar?n=4"] * 4
    assert caplog.text.count("waiting for it") == 1
    assert caplog.text.count("answers again") == 1


def test_the_token_goes_to_the_host_that_was_named_and_to_no_other():
    with (
        answering(WHOLE) as (elsewhere, never),
        answering((302, b"", {"Location": elsewhere})) as (url, asked),
        fetching(url, token=TOKEN) as fetcher,
        pytest.raises(UsageError, match=r"sends elsewhere \(302\)"),
    ):
        fetcher.get("")
    assert asked == [("/", f"Bearer {TOKEN}")]
    assert never == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((400, b"n is 0\x1b[31m", {}), r"answered 400: n is 0 \[31m$"),
        ((200, b"<html>", {}), "is no server of make serve"),
        ((200, b"", {"Content-Length": "abc"}), "sends abc bytes; that is no server of make serve"),
        ((200, b"", {"Content-Length": "9" * 5000}), "bytes; that is no server of make serve"),
    ],
)
def test_what_is_refused_is_not_asked_again(answer, words):
    with answering(answer) as (url, asked), fetching(url) as fetcher, pytest.raises(UsageError, match=words):
        fetcher.get("")
    assert len(asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_taken_is_a_matter_of_permission(status):
    refused = (status, b"the token is missing or wrong\n", {})
    with answering(refused) as (url, _), fetching(url) as one, pytest.raises(NoPermissionError) as error:
        one.get("")
    assert str(error.value).startswith(f"{url} refuses: the token is missing or wrong; give the token")
    assert error.value.exit_code == 77


def _listens(said: bytes) -> tuple[socket.socket, str]:
    """What takes one connection and says that, as sshd does."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with listening.accept()[0] as one:
            one.sendall(said)
            while one.recv(4096):
                pass

    threading.Thread(target=answer, daemon=True).start()
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_at_first_contact_what_cannot_become_a_server_ends_at_once():
    listening, ssh = _listens(b"SSH-2.0-OpenSSH_9.6\r\n")
    with listening, answering(WHOLE) as (plain, _):
        began = time.monotonic()
        for url in (ssh, plain.replace("http:", "https:"), "http://no-such-host.invalid:8778"):
            with fetching(url) as fetcher, pytest.raises(MissingError, match=r"is not reached \(.+\); write DATA_URL="):
                fetcher.get("")
    assert time.monotonic() - began < 20


def test_a_server_that_answered_once_is_waited_for_longer_than_one_that_never_did(monkeypatch, caplog):
    monkeypatch.setattr(fetch, "FIRST_S", 0.3)
    with answering(WHOLE) as (url, _), fetching(url, patience=600) as known:
        known.get("")
    with fetching(url, patience=600) as fetcher, pytest.raises(MissingError, match=r"for 0\.3 seconds .*refused"):
        fetcher.get("")
    assert "up to 0.3 seconds" in caplog.text
    stops = threading.Timer(1, known.stop)
    stops.start()
    with pytest.raises(MissingError, match="for 600 seconds"):
        known.get("")
    stops.join()
    assert "up to 600 seconds" in caplog.text


OFFER = {"key": "key", "side": 8, "train": 4, "held": 0, "upto": [4] * 4, "held_upto": [0] * 4, "variations": "1"}


@pytest.mark.parametrize("offer", [{"version": 2, "deals": []}, {**OFFER, "version": wire.VERSION + 1, "model": ""}])
def test_a_server_of_another_version_is_one_sentence(offer):
    body = json.dumps(offer).encode()
    with (
        answering((200, body, {wire.DATASET: "key", wire.DIGEST: wire.digest(body)})) as (url, _),
        Dealer(url) as one,
        pytest.raises(UsageError, match=r"is of another version \(.+\); update the older of both"),
    ):
        one.pictures(0)


def test_where_nobody_answers_it_gives_up_in_time_and_at_once_when_it_is_stopped():
    with answering(WHOLE) as (gone, _):
        pass
    began = time.monotonic()
    with fetching(gone, patience=0.3) as fetcher, pytest.raises(MissingError, match="Connection refused"):
        fetcher.get("")
    assert 0.3 <= time.monotonic() - began < 5
    with fetching(gone, patience=600) as fetcher:
        stops = threading.Timer(0.2, fetcher.stop)
        stops.start()
        with pytest.raises(MissingError):
            fetcher.get("")
        stops.join()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "url",
    [
        "quilts:8778", "ftp://quilts/", "http://", "http://me:secret@quilts/", "http://quilts:99999", "http://quilts/a",
        "http://[quilts", "http://quilts:8778/?augment=wild", "http://quilts:8778/?seed=3", "http://quilts/#x",
        "http://a..b:1", f"http://{'a' * 64}:1", "http://a b:1", "me:secret@quilts:1", "http://me:sec/secret@quilts",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_refused(url):
    with pytest.raises(UsageError, match="DATA_URL=") as refused:
        Dealer(url)
    assert "secret" not in str(refused.value)


def test_crops_are_not_dealt():
    with Dealer("http://127.0.0.1:1") as dealer, pytest.raises(UsageError, match="train it without DATA_URL"):
        dealer.pictures(64)
