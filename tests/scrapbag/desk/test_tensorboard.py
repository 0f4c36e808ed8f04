"""make tensorboard: one sentence where it cannot be; where it is installed, a page on this computer."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec

import pytest

from scrapbag.errors import UsageError

HERE = find_spec("tensorboard") is not None


def command(folder, *words):
    return [sys.executable, "-m", "scrapbag.desk.tensorboard", "--root", str(folder), *words]


def test_without_the_extra_or_without_a_run_it_is_a_sentence(tmp_path):
    done = subprocess.run(command(tmp_path), capture_output=True, text=True, check=False)
    said = "no run in" if HERE else "run make setup EXTRA=tensorboard"
    assert (done.returncode, said in done.stderr, len(done.stderr.splitlines())) == (
        UsageError.exit_code if HERE else 69,
        True,
        1,
    )


@pytest.mark.skipif(not HERE, reason="needs the extra tensorboard")
def test_its_page_answers_on_this_computer(tmp_path):
    (tmp_path / "mine" / "tensorboard").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        command(tmp_path, "--port", str(port)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    try:
        for _ in range(60):
            time.sleep(0.5)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/environment") as page:
                    assert page.status == 200
                break
            except OSError:
                assert server.poll() is None
        else:
            pytest.fail("no answer in half a minute")
    finally:
        server.terminate()
        server.wait(10)
