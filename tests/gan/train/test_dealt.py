"""Training from a server of pictures: the bits of a run on the folder, whatever breaks on the way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import numpy as np
import pytest
from click.testing import CliRunner
from dealing import TOKEN, ask, dealing, deck, process
from gan_data import TINY, squares
from making import ROOT, command, environment, make

from gan.__main__ import main
from gan.evaluate import fidelity
from gan.pictures import dealt
from gan.train import checkpoint, loop, runs
from scrapbag.desk import status
from scrapbag.errors import MissingError
from scrapbag.layout import Data, Run, dealt_by
from scrapbag.recipe import Train
from show.cards import writing

VALUES = (*TINY, "widen_kimg=0.02")  # so that the pool grows on the way


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return squares(tmp_path_factory.mktemp("there") / "data", 100, 32)


@pytest.fixture(scope="module")
def served(dataset):
    return deck(dataset)


def _train(source, root, images=80, level=3, like=None):
    """Train; with the machine and the values of the run `like`, where one is given, so that nothing is probed."""
    root.mkdir(exist_ok=True)
    if like is not None:
        (root / "settings.toml").write_text(like.run.settings.read_text().replace("level = 3", f"level = {level}"))
    job = runs.prepare(source, Run(root), Train(images=images, values=VALUES, level=level), lambda _: None)
    moment, sha256 = loop.train(job)
    runs.finish(job, moment, sha256)
    return job, sha256


@pytest.fixture(scope="module")
def local(dataset, tmp_path_factory):
    """A run on the folder, and its digest."""
    return _train(dataset, tmp_path_factory.mktemp("local") / "run")


def test_a_run_from_a_server_is_the_run_on_the_folder_to_the_bit(tmp_path, served, local):
    job, sha256 = local
    with dealing(served) as url, dealt.Dealer(url) as dealer:
        far, far_sha256 = _train(dealer, tmp_path / "run", like=job)
    assert far_sha256 == sha256
    assert far.run.reals.read_bytes() == job.run.reals.read_bytes()
    done = [json.loads(one.run.done.read_text()) for one in (far, job)]
    assert [{**one, "seconds": 0} for one in done[:1]] == [{**one, "seconds": 0} for one in done[1:]]
    ours, theirs = (fidelity.reals_of(*runs.pictures(one.run)[:1], one.values) for one in (far, job))
    for name in ("reference", "others", "held", "train"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_what_is_made_of_such_a_run_needs_neither_the_server_nor_a_dataset(tmp_path, served):
    with dealing(served) as url, dealt.Dealer(url) as dealer:
        job, _ = _train(dealer, tmp_path / "run", images=8)
    assert dealt_by(job.run) == url
    data = Data(tmp_path / "nothing")
    assert status.screen(data, job.run) == [str(job.run.root), f"dealt    by {url}", *status.learnt(job.run)]
    assert status.following(data, job.run) == "make sample N=64"
    assert writing.write(None, job.run) == [job.run.card]
    assert f"They were dealt by {url}" in job.run.card.read_text()
    assert "75 pictures, 25 more held out" in job.run.card.read_text()


def test_only_so_many_pictures_are_kept_and_of_the_levels_that_are_learnt(tmp_path, served, local, monkeypatch):
    monkeypatch.setattr(dealt, "KEPT", {"train": 12, "held": 4})
    with dealing(served) as url, dealt.Dealer(url) as dealer:
        job, _ = _train(dealer, tmp_path / "run", images=8, level=1, like=local[0])
    kept = runs.pictures(job.run)[0]
    assert (len(kept.train), len(kept.held), kept.counts) == (12, 4, (75, 25))
    densest = {one.tobytes() for one in fidelity.reals_of(kept, job.values, 1).train}
    assert densest <= {dealt_one.tobytes() for dealt_one in np.asarray(kept.train)}


def test_as_many_are_kept_as_are_looked_at():
    assert dealt.KEPT == {"train": fidelity.COUNT + fidelity.TRAIN, "held": fidelity.COUNT}


def test_variations_are_another_run(tmp_path, served, local):
    with dealing(served) as url, dealt.Dealer(f"{url}/?augment=mild") as dealer:
        job, sha256 = _train(dealer, tmp_path / "run", images=8)
        assert dealt_by(job.run) == f"{url}/?augment=mild"
        varied = dealer.reals(0, 1, 4, 75)
    assert sha256 != local[1]
    assert not {one.tobytes() for one in varied} & {one.tobytes() for one in job.pictures.train}


def test_another_dataset_is_one_sentence_and_the_run_stays(tmp_path, served, local):
    other = deck(squares(tmp_path / "other", 100, 32, seed=9))
    with dealing(served) as url, dealt.Dealer(url) as dealer:
        job, _ = _train(dealer, tmp_path / "run", images=8, like=local[0])
    before = {path.name for path in job.run.root.iterdir()}
    with dealing(other) as url:
        words = ("train", "--data-url", url, "--run", str(job.run.root), "--images", "16")
        result = CliRunner().invoke(main, [*words, *(part for one in VALUES for part in ("--set", one))])
    assert result.exit_code == 2, result.output
    assert f"{url} deals other pictures than {job.run.root} learns from; write another RUN" in result.output
    assert {path.name for path in job.run.root.iterdir()} - {".train.lock"} == before


def test_a_server_that_stays_away_ends_the_run_with_a_checkpoint(tmp_path, served, local, caplog):
    run = Run(tmp_path)
    run.settings.write_bytes(local[0].run.settings.read_bytes())
    with ExitStack() as here:
        url = here.enter_context(dealing(served))
        with dealt.Dealer(url, patience=0.5) as dealer:
            job = runs.prepare(dealer, run, Train(images=10**6, values=VALUES), lambda _: None)
            leaves = threading.Thread(target=lambda: (_wait(lambda: _dealt(url) > 60), here.close()))
            leaves.start()
            with pytest.raises(MissingError, match=r"gave no picture for 0\.5 seconds"):
                loop.train(job)
            leaves.join(30)
    assert MissingError.exit_code == 69
    assert "waiting for it, up to 0.5 seconds" in caplog.text
    assert checkpoint.load(run.checkpoints)["moment"]["images_seen"] > 0


@pytest.mark.slow
def test_neither_a_killed_server_nor_a_killed_trainer_changes_a_bit(tmp_path, dataset, local):
    run = Run(tmp_path)
    settings = Train(images=400, values=VALUES)
    run.settings.write_bytes(local[0].run.settings.read_bytes())
    with process(dataset) as (server, url):
        words = [sys.executable, "-m", "gan", "train", "--data-url", url, "--run", str(tmp_path), "--images", "400"]
        words += ["--save-every", "0.01", *(part for one in VALUES for part in ("--set", one))]
        with subprocess.Popen(words, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True) as trainer:
            _wait(lambda: any(int(one.stem) for one in checkpoint.saved(run.checkpoints)))
            server.kill()
            assert any("waiting for it" in line for line in trainer.stderr)
            trainer.kill()
    left = checkpoint.load(run.checkpoints)["moment"]["images_seen"]
    assert 0 < left < 400
    with process(dataset, int(url.rpartition(":")[2])) as (_, again), dealt.Dealer(again) as dealer:
        assert again == url
        job = runs.prepare(dealer, run, settings, lambda _: None)
        _, sha256 = loop.train(job)
    calm = Run(tmp_path / "calm")
    calm.root.mkdir()
    calm.settings.write_bytes(local[0].run.settings.read_bytes())
    assert sha256 == loop.train(runs.prepare(dataset, calm, settings, lambda _: None))[1]


@pytest.mark.slow
def test_make_trains_from_a_server_with_nothing_scraped_here_and_remembers_it(tmp_path, served):
    recipe = tmp_path / "far.toml"
    recipe.write_text('name = "far"\n[[source]]\nkind = "folder"\npath = "nowhere"\n[train]\nimages = 8\n')
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    words = command(recipe, tmp_path / "data", tmp_path / "run", "train", f"TOKEN_FILE={token}")
    with dealing(served, TOKEN, local=False) as url:
        done = make([*words, f"DATA_URL={url}", f"SET={' '.join(TINY)}"])
        assert done.returncode == 0, done.stderr
        assert "trained on 8 images" in done.stdout
    again = make(words)
    assert again.returncode == 0, "a run that has ended asks nobody"
    assert "trained on" not in again.stdout
    assert f"They were dealt by {url}" in Run(tmp_path / "run").card.read_text()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["settings"]


def _wait(until, most_s=120):
    """Until that is so."""
    end = time.monotonic() + most_s
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def _dealt(url):
    """How many batches a server has dealt."""
    found = re.search(rb'path="/batch.tar",status="200"} (\d+)', ask(url, "/metrics")[1])
    return int(found[1]) if found else 0
