"""The shop's command line ends as every stage does: by a sentence and a code."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from making import ROOT
from PIL import Image

DEMO = f"exec {sys.executable} -m demo"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("ulimit -f 1; {} squares -n 12 -o {}/full", 74, "error: cannot write"),
        ("{} squares -n 2 -o /dev/null/{}", 74, "error: cannot read or write /dev/null"),
        ("{} serve-folder {} --port 99999", 2, "Error: Invalid value for '--port'"),
        ("{} with-folder {} -- no-such-program", 2, "Error: there is no program 'no-such-program'"),
        ("{} with-folder {} --port 0 -- tests/demo/test_main.py", 2, "Error: 'tests/demo/test_main.py' cannot be run"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_a_code(tmp_path: Path, command: str, code: int, said: str) -> None:
    Image.new("RGB", (30, 30), "green").save(tmp_path / "leaf.png")
    line = command.format(DEMO, tmp_path)
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert done.stderr.splitlines()[-1].startswith(said)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_shop_that_is_stopped_says_so_and_is_130(tmp_path: Path, stop: signal.Signals) -> None:
    Image.new("RGB", (30, 30), "green").save(tmp_path / "leaf.png")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    line = [sys.executable, "-um", "demo", "serve-folder", str(tmp_path), "--port", str(port)]
    shop = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert shop.stdout is not None
        assert "Ctrl-C closes it" in shop.stdout.readline()
        shop.send_signal(stop)
        _, said = shop.communicate(timeout=20)
    finally:
        shop.kill()
    assert shop.returncode == 130
    assert said.splitlines()[-1].startswith("stopped")
