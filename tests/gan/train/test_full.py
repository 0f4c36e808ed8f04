"""A memory that is full says nothing about a run: it is one sentence, and the run goes on later."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from gan_data import TINY, squares

UNDER_A_LIMIT = """
import resource, sys, psutil
from gan.__main__ import main
from gan.evaluate import keep, report, samples
from gan.train import loop, runs
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv.pop(1)),) * 2)
main()
"""
SENTENCE = "error: the memory is full; nothing is lost, close other programs or raise the limit, and run it again"


def _gan(*words, spare=None):
    call = ["-m", "gan"] if spare is None else ["-c", UNDER_A_LIMIT, str(spare)]
    return subprocess.run(
        [sys.executable, *call, *map(str, words)], capture_output=True, text=True, check=False, timeout=120,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
    )  # fmt: skip


@pytest.mark.slow
def test_a_run_that_the_memory_stops_goes_on_when_there_is_room(tmp_path):
    data = squares(tmp_path / "data")
    values = [f"--set={value}" for value in (*TINY, "batch=128", "width=48")]
    train = ["train", "--data", data.root, "--run", tmp_path / "run", *values, "--images"]
    assert _gan(*train, 128).returncode == 0
    kept = {path.name: path.read_bytes() for path in (tmp_path / "run" / "checkpoints").iterdir()}
    for spare in (2**23, 2**25):  # the first is too little to read the checkpoint, the second too little for a step
        full = _gan(*train, 512, spare=spare)
        assert (full.returncode, full.stderr.splitlines()[-1]) == (74, SENTENCE)
        assert {path.name: path.read_bytes() for path in (tmp_path / "run" / "checkpoints").iterdir()} == kept
    full = _gan("sample", "--run", tmp_path / "run", spare=2**21)
    assert (full.returncode, full.stderr.splitlines()[-1]) == (74, SENTENCE)
    again = _gan(*train, 256)
    assert (again.returncode, "trained on 256 images" in again.stdout) == (0, True)
