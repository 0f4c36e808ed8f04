"""A memory that is full says nothing about a run's files: it is one sentence, and the run goes on later."""

from __future__ import annotations

import os
import subprocess
import sys

import torch

from gan.train import checkpoint

UNDER_A_LIMIT = """
import resource, sys, psutil
from pathlib import Path
from gan.train import checkpoint
from scrapbag.errors import exits
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + 2**24,) * 2)
with exits():
    checkpoint.load(Path(sys.argv[1]))
"""


def test_a_checkpoint_that_does_not_fit_into_the_memory_is_not_taken_for_a_damaged_one(tmp_path):
    checkpoint.save(tmp_path, {"x": torch.zeros(2**16)}, 1)
    checkpoint.save(tmp_path, {"x": torch.zeros(2**24)}, 2)  # 64 MB, of which 16 are left
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=120,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        74,
        "error: the memory is full; nothing is lost, close other programs or raise the limit, and run it again\n",
    )
    state = checkpoint.load(tmp_path)
    assert state is not None
    assert state["x"].numel() == 2**24
