"""What the demo's model card calls a copy is what curation calls one, and benchmarks say what they lack."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from making import ROOT

from demo.train_model import COPY, MODEL
from scrapbag.recipe import Curate


def test_the_card_counts_the_copies_that_curation_would_drop():
    assert Curate().near == COPY
    card = (MODEL / "README.md").read_text().replace("\n", " ")
    assert f"(cosine of {COPY} or more), which curation would drop as copies" in card


@pytest.mark.parametrize("words", [["benchmarks.scrape"], ["benchmarks.crash", "scrape"]])
def test_a_benchmark_without_nginx_says_how_to_get_it(tmp_path, words):
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env=dict(os.environ, PATH=str(tmp_path)),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        69,
        "error: this benchmark needs nginx; Debian and Ubuntu: sudo apt install nginx-light\n",
    )
