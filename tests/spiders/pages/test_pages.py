"""The readers on real, saved pages: REAL=<folder> pytest -m real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from making import ROOT

REAL = Path(os.environ.get("REAL") or "unset").absolute()


@pytest.mark.real
@pytest.mark.skipif(not (REAL / "pages").is_dir(), reason="set REAL=<folder> that holds pages/")
def test_every_aim_on_real_pages_is_reached() -> None:
    command = [sys.executable, "-m", "benchmarks.pages"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "REAL": str(REAL)}, capture_output=True, check=True)
    told = json.loads(done.stdout)
    figures = told["figures"]
    assert all(told["reached"].values()), told
    assert figures["pages"] == figures["named_found"] + figures["unnamed_right"] == 77
