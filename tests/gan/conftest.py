"""What is costly to set up and shared by the tests of the GAN: a finished run, and real pictures measured once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from gan_data import job, squares
from truth_pictures import drawn

from gan.evaluate.fidelity import Judge, divide
from gan.train import loop, runs
from scrapbag.layout import Data, Run

if TYPE_CHECKING:
    from pathlib import Path

    from gan.evaluate.fidelity import Verdict
    from gan.train.job import Job


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Job, str]:
    """The folder of `data` and `run`, trained on 40 images; nothing in it may be changed."""
    root = tmp_path_factory.mktemp("finished")
    one = job(squares(root / "data"), root / "run")
    moment, sha256 = loop.train(one)
    runs.finish(one, moment, sha256)
    return root, one, sha256


@pytest.fixture
def finished(tmp_path: Path, once: tuple[Path, Job, str]) -> tuple[Data, Job, str]:
    """A finished run of 40 images to do harm to, its data, and its digest."""
    root, one, sha256 = once
    for name in ("data", "run"):
        shutil.copytree(root / name, tmp_path / name)
    run = Run(tmp_path / "run")
    run.settings.write_text(run.settings.read_text().replace(str(root), str(tmp_path)))  # where its pictures are
    return Data(tmp_path / "data"), replace(one, run=run), sha256


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge(divide(drawn(400, 1), drawn(128, 2)))


@pytest.fixture(scope="session")
def honest(judge: Judge) -> Verdict:
    """Of samples that are as good as other real pictures."""
    return judge.verdict(drawn(len(judge.reals.others), 3))
