"""The shop ends with the command that it was opened for, however that ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from making import ROOT
from PIL import Image

DEMO = [sys.executable, "-m", "demo"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    Image.new("RGB", (30, 30), "green").save(tmp_path / "leaf.png")
    return tmp_path


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_command_finds_the_shop_open_and_its_exit_code_is_handed_on(photos: Path, port: int) -> None:
    ask = f"from urllib.request import urlopen as o; o('http://127.0.0.1:{port}/pictures/leaf.png').read(); exit(7)"
    done = subprocess.run(_with(photos, port, sys.executable, "-c", ask), cwd=ROOT, timeout=60)
    assert done.returncode == 7
    assert _closed(port)


def test_a_port_taken_by_a_stranger_is_one_sentence_and_75(photos: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        done = subprocess.run(_with(photos, port, "true"), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 75
    assert (
        done.stderr
        == f"error: port {port} of 127.0.0.1 is taken by another program; stop it, or name another with --port\n"
    )


def test_a_program_that_is_not_there_is_named(photos: Path, port: int) -> None:
    done = subprocess.run(_with(photos, port, "no-such-thing"), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "there is no program 'no-such-thing'" in done.stderr


def test_a_shop_that_is_open_already_is_used(photos: Path, port: int) -> None:
    first = subprocess.Popen(_with(photos, port, "sleep", "60"), cwd=ROOT)
    try:
        _wait_until(lambda: not _closed(port))
        done = subprocess.run(_with(photos, port, "true"), cwd=ROOT, timeout=60)
        assert done.returncode == 0
        assert not _closed(port)
    finally:
        first.terminate()
        assert first.wait(10) == 128 + signal.SIGTERM


@pytest.mark.parametrize("victim", ["the shop", "the shell above it", "make above the shell"])
def test_nothing_is_left_when_somebody_is_killed_without_warning(
    photos: Path, port: int, tmp_path: Path, victim: str
) -> None:
    note = tmp_path / "pid"
    command = " ".join(_with(photos, port, "sh", "-c", f"'echo $$$$ > {note}; exec sleep 60'"))
    (tmp_path / "Makefile").write_text(f"all:\n\t@{command}; true\n")  # '; true' keeps the shell alive under make
    top = subprocess.Popen(["make", "-s", "-f", tmp_path / "Makefile"], cwd=ROOT, start_new_session=True)
    try:
        _wait_until(lambda: note.exists() and note.read_text().strip() and not _closed(port))
        child = int(note.read_text())
        shop = _parent(child)
        shell = _parent(shop)
        assert _parent(shell) == top.pid
        os.kill(
            {"the shop": shop, "the shell above it": shell, "make above the shell": top.pid}[victim], signal.SIGKILL
        )
        _wait_until(lambda: _closed(port) and not _lives(child), 10)
    finally:
        if top.poll() is None:
            os.killpg(top.pid, signal.SIGKILL)
        top.wait()


def test_ctrl_c_closes_the_shop_and_ends_the_command(photos: Path, port: int) -> None:
    running = subprocess.Popen(_with(photos, port, "sleep", "60"), cwd=ROOT, start_new_session=True)
    _wait_until(lambda: not _closed(port))
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(10) == 130
    assert _closed(port)


def _with(photos: Path, port: int, *command: str) -> list[str]:
    return [*DEMO, "with-folder", str(photos), "--port", str(port), "--", *command]


def _closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_until(true: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]  # a function without arguments
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
