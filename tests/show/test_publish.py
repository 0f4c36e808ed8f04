"""Posts to a real receiver on loopback: each grid once, whatever kills the sender, and no secret anywhere."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from click.testing import CliRunner
from making import ROOT

from gan.pictures import grids
from scrapbag.disk import held, lock
from scrapbag.errors import LockedError, MissingError, TooManyFailuresError, UsageError
from scrapbag.layout import Run
from show.__main__ import main
from show.post import destinations, publishing
from show.post.publishing import Every

SECRET = "s3cr3t-t0k3n"


class Receiver:
    """What apprise's json:// posts to: keeps every body; answers `status`, once it may."""

    def __init__(self, port=0):
        self.got, self.status, self.may_answer = [], 200, threading.Event()
        self.may_answer.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append(body)
                receiver.may_answer.wait(20)
                if receiver.status:
                    self.send_response(receiver.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port
        self.url = f"json://127.0.0.1:{self.port}/"

    @property
    def names(self):
        return [one["attachments"][0]["filename"] for one in self.got]

    def close(self):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "TO"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path / "quilts")
    run.root.mkdir()
    run.settings.write_text("")
    run.metrics.write_text("images_seen,seconds\n1000,60\n2000,120\n")
    run.quality.write_text("images_seen,kid\n1000,7.25\n")
    draw(run, 1)
    return run


def draw(run, kimg):
    grids.save(run.fakes(kimg), np.full((1, 64, 64, 3), kimg, np.uint8))


def at(*urls):
    return destinations.read("", {"TO": " ".join(urls)})


def posting(run, to, every="1kimg", least=0.0):
    said = []
    return publishing.publish(run, at(*to), Every.of(every), said.append, least), said


def patiently(holds, seconds=40):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def started(run, *words):
    """`python -m show publish` as a process of its own."""
    command = [sys.executable, "-m", "show", "publish", f"--run={run.root}", "--no-dry", "--least=0.2", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_newest_grid_goes_out_with_its_words_and_only_once(run, receiver):
    count, said = posting(run, [receiver.url])
    assert (count, said) == (1, ["posted fakes-000001.png to destination 1 (json)"])
    (one,) = receiver.got
    assert (one["title"], one["message"]) == ("quilts", "1,000 images seen in 1 minute, KID x1000 7.2")
    assert base64.b64decode(one["attachments"][0]["base64"]) == run.fakes(1).read_bytes()
    assert posting(run, [receiver.url]) == (0, [])
    draw(run, 2)
    draw(run, 3)
    assert posting(run, [receiver.url])[0] == 1
    assert receiver.names == ["fakes-000001.png", "fakes-000003.png"]


def test_while_a_run_learns_grids_go_out_as_often_as_asked_and_the_last_one_at_its_end(run, receiver):
    done = []
    assert not held(run.root, "train")
    with lock(run.root, "train"):
        assert held(run.root, "train")
        worker = threading.Thread(target=lambda: done.append(posting(run, [receiver.url], "3kimg")))
        worker.start()
        for kimg in range(1, 9):
            draw(run, kimg)
            if kimg in {1, 4, 7}:
                patiently(lambda want=kimg: receiver.names[-1:] == [f"fakes-{want:06d}.png"])
            else:
                time.sleep(0.15)
        assert worker.is_alive()
    worker.join(30)
    assert receiver.names == [f"fakes-{kimg:06d}.png" for kimg in (1, 4, 7, 8)]
    assert done[0][0] == 4


def test_between_two_posts_there_are_as_many_seconds_as_asked(run, receiver):
    with lock(run.root, "train"):
        worker = threading.Thread(target=lambda: posting(run, [receiver.url], "1kimg", 1.5))
        worker.start()
        patiently(lambda: receiver.got)
        began = time.monotonic()
        draw(run, 2)
        patiently(lambda: len(receiver.got) == 2)
        assert time.monotonic() - began > 1.0
    worker.join(30)
    assert len(receiver.got) == 2


def test_a_kill_after_the_service_has_it_does_not_repeat_the_post(run, receiver):
    receiver.may_answer.clear()
    with started(run, f"--to={receiver.url}") as process:
        patiently(lambda: receiver.got)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    receiver.may_answer.set()
    count, said = posting(run, [receiver.url])
    assert (count, len(receiver.got)) == (0, 1)
    assert said == ["destination 1 (json) may have got fakes-000001.png when this was stopped; it is not posted again"]
    draw(run, 2)
    assert posting(run, [receiver.url])[0] == 1


def test_a_kill_before_the_service_was_reached_does_not_lose_the_post(run):
    closed = Receiver()
    closed.close()
    with started(run, f"--to={closed.url}") as process:
        assert "did not take fakes-000001.png; it is tried again" in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    again = Receiver(closed.port)
    try:
        assert posting(run, [again.url])[0] == 1
        assert again.names == ["fakes-000001.png"]
    finally:
        again.close()


def test_what_is_refused_is_tried_again_and_what_got_no_answer_is_not(run, receiver):
    receiver.status = 503
    with pytest.raises(TooManyFailuresError, match=r"destination 1 \(json\)"):
        posting(run, [receiver.url], least=0.01)
    assert len(receiver.got) == publishing.TRIES
    receiver.status = 200
    assert posting(run, [receiver.url], least=0.01)[0] == 1
    receiver.status, before = 0, len(receiver.got)
    draw(run, 2)
    _, said = posting(run, [receiver.url])
    assert said == ["destination 1 (json) may have got fakes-000002.png, but did not answer; it is not posted again"]
    assert len(receiver.got) == before + 1
    assert posting(run, [receiver.url]) == (0, [said[0].replace(", but did not answer", " when this was stopped")])


def test_one_destination_that_fails_repeats_nothing_in_the_other(run, receiver):
    broken = Receiver()
    broken.status = 500
    try:
        with pytest.raises(TooManyFailuresError):
            posting(run, [receiver.url, broken.url], least=0.01)
    finally:
        broken.close()
    assert receiver.names == ["fakes-000001.png"]


def test_half_a_grid_is_not_posted(run, receiver):
    whole = run.fakes(1).read_bytes()
    run.fakes(2).write_bytes(whole[:-20])
    posting(run, [receiver.url])
    assert receiver.names == ["fakes-000001.png"]


def test_the_first_call_is_a_dry_run_and_no_secret_is_ever_said(run, receiver, tmp_path, monkeypatch):
    address = f"json://user:{SECRET}@127.0.0.1:{receiver.port}/{SECRET}?+X-Key={SECRET}"
    file = tmp_path / "to.txt"
    file.write_text(f"# mine\n\n{address}\n")
    file.chmod(0o600)
    words = ["publish", f"--run={run.root}", f"--to={file}", "--least=0"]
    first = CliRunner().invoke(main, words)
    assert first.exit_code == 0, first.output
    assert "destination 1 (json): " in first.output
    assert "with the words 'quilts', '1,000 images seen" in first.output
    assert "nothing was posted, this was the dry run; the same command posts now" in first.output
    assert not receiver.got
    assert not CliRunner().invoke(main, [*words, "--dry"]).exit_code
    assert not receiver.got
    second = CliRunner().invoke(main, words)
    assert second.output.endswith(f"1 posts; {run.root} is not being trained now -> {run.posts}\n"), second.output
    assert len(receiver.got) == 1
    receiver.status = 401
    draw(run, 2)
    third = CliRunner().invoke(main, words)
    assert third.exit_code == 1
    monkeypatch.setenv("MINE", address)
    fourth = CliRunner().invoke(main, ["publish", f"--run={run.root}", "--to=env:MINE", "--dry"])
    assert fourth.exit_code == 0, fourth.output
    everything = first.output + second.output + third.output + fourth.output + run.posts.read_text()
    everything += repr(destinations.read(str(file), {}))
    assert SECRET not in everything


@pytest.mark.parametrize(
    ("written", "mode", "says"),
    [("", 0, "nobody is named"), ("env:NOTHING", 0, "NOTHING is not in the environment"),
     ("{file}", 0o644, "run chmod 600"), ("{file}", 0o640, "run chmod 600"), ("nowhere.txt", 0, "there is no file"),
     (f"discord://1/{SECRET}", 0, "does not belong on a command line"), (f"json://a:{SECRET}@h", 0, "does not belong"),
     (f"jsons://h/?+Auth={SECRET}", 0, "does not belong")],
)  # fmt: skip
def test_a_secret_that_others_could_read_is_refused_without_a_word_of_it(tmp_path, written, mode, says):
    file = tmp_path / "to.txt"
    file.write_text(f"discord://1/{SECRET}")
    file.chmod(mode or 0o600)
    with pytest.raises(UsageError) as raised:
        destinations.read(written.format(file=file), {})
    assert says in str(raised.value)
    assert SECRET not in str(raised.value)


def test_what_is_no_address_is_refused_without_a_word_of_it(run, tmp_path):
    file = tmp_path / "to.txt"
    for content in (f"nonsense://{SECRET}", SECRET, ""):
        file.write_text(content)
        file.chmod(0o600)
        done = CliRunner().invoke(main, ["publish", f"--run={run.root}", f"--to={file}"])
        assert done.exit_code == 2, done.output
        assert "error: " in done.output
        assert SECRET not in done.output


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("30min", Every(1800)),
        ("2h", Every(7200)),
        ("100kimg", Every(kimg=100)),
        ("5", Every(300)),
        ("0.5h", Every(1800)),
    ],
)
def test_how_often_is_said_with_its_unit(text, every):
    assert Every.of(text) == every


@pytest.mark.parametrize("text", ["", "0", "-1", "1d", "0.5kimg", "nan", "1e9", "min"])
def test_other_words_for_how_often_are_refused(text):
    with pytest.raises(UsageError, match="write 30min"):
        Every.of(text)


def test_two_publishers_no_run_and_a_damaged_memory_are_a_sentence_each(run, receiver, tmp_path):
    with lock(run.root, "publish"), pytest.raises(LockedError):
        posting(run, [receiver.url])
    with pytest.raises(MissingError, match="make train"):
        posting(Run(tmp_path / "nothing"), [receiver.url])
    for content in ("{", "[]", '{"format": 9}', '{"format": 1, "shown": [], "destinations": {"a": {}}}'):
        run.posts.write_text(content)
        with pytest.raises(UsageError, match="damaged"):
            posting(run, [receiver.url])
    assert not receiver.got
    assert os.path.exists(run.posts)  # noqa: PTH110  it is kept
