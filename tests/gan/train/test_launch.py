"""What the command says that starts the processes of a run: its own errors, and nothing that it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import pytest
import torch
from gan_data import TINY, squares
from making import ROOT

from gan.train import launch
from scrapbag.errors import STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 300
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return squares(tmp_path_factory.mktemp("launched") / "data").root


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@contextmanager
def command(data: Path, temporary: Path, *words: str) -> Iterator[psutil.Popen]:
    """`gan train` by two processes, with a temporary folder of its own; none is left at the end."""
    values = [word for value in (*TINY, "batch=8") for word in ("--set", value)]
    options = ["--data", data, "--run", temporary.parent / "run", "--images", "8", "--processes", "2"]
    call = [sys.executable, "-m", "gan", "train", *map(str, options), *values, *words]
    place, to = os.environ | {"TMPDIR": str(temporary)}, subprocess.PIPE
    one = psutil.Popen(call, cwd=ROOT, env=place, stdout=to, stderr=to, text=True)
    try:
        yield one
    finally:
        with suppress(psutil.NoSuchProcess):
            left = one.children()
            one.kill()
            for child in left:
                child.kill()
        one.communicate()


def children(one: psutil.Popen) -> list[psutil.Process]:
    """The processes that train, as soon as there are some; none where it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while one.poll() is None:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if found := [child for child in one.children() if "RANK" in child.environ()]:
                return found
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return []


def test_a_process_that_is_killed_again_and_again_ends_the_command_with_a_sentence(data, temporary):
    with command(data, temporary) as one:
        killed = set()
        while found := children(one):
            for child in set(found) - killed:
                with suppress(psutil.NoSuchProcess):
                    child.kill()  # the other one may not have been seen yet; the agent stops it
            killed |= set(found)
        said, errors = one.communicate(timeout=PATIENCE_S)
    assert one.returncode == 1
    assert said.splitlines() == [launch.AGAIN.format(left) for left in (3, 2, 1)]
    assert errors.startswith("error: processes of this run were killed 4 times")
    assert errors.count("\n") == 1
    assert list(temporary.iterdir()) == []


def test_ctrl_c_before_a_process_says_anything_is_said(data, temporary):
    with command(data, temporary) as one:
        assert children(one)
        one.send_signal(signal.SIGINT)
        said, errors = one.communicate(timeout=PATIENCE_S)
    assert (one.returncode, said) == (STOPPED, "")
    last = errors.splitlines()[-1]  # after what Python says of a process that was still starting
    assert last == "stopped; the same command goes on from here"
    assert list(temporary.iterdir()) == []


def test_more_processes_than_cores_are_refused_before_any_is_started(data, temporary):
    many = max(2, os.cpu_count() or 1, torch.cuda.device_count()) + 1
    with command(data, temporary, "--processes", str(many)) as one:
        said, errors = one.communicate(timeout=PATIENCE_S)
    assert (one.returncode, said) == (2, "")
    assert errors.startswith(f"error: PROCESSES={many} is more than this computer's ")
    assert errors.count("\n") == 1
