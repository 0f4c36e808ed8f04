"""What a kill, a full disk or a user's hand leaves in a run: the best is kept, and the rest is said in one sentence."""

from __future__ import annotations

import pytest
import torch
from gan_data import TINY, squares

from gan import data, networks, players, presets, sample
from gan.evaluate import best
from gan.keep import Keeper, looks
from gan.loop import Job
from gan.players import Machine
from scrapbag.layout import Run
from scrapbag.recipe import Train


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    root = tmp_path_factory.mktemp("damaged")
    made = squares(root / "data")
    pictures = data.load(made.curated, root / "packed")
    return Job(Run(root / "run"), pictures, presets.resolve("auto-cpu", TINY), 32, Train(), Machine())


def _net(job, seed):
    """An untrained one with lively weights."""
    net = players.make(job.values, job.size, 0, job.machine).ema
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        networks.initialise(net, normed=False)
    return net


def test_a_kill_and_looks_at_other_moments_leave_the_best_of_all_that_was_seen(job, monkeypatch):
    monkeypatch.setattr("gan.keep.COUNT", 32)
    nets = {seed: _net(job, seed) for seed in range(4)}
    for seed, net in nets.items():
        Keeper(job, young=0)(net, seed)
    order = sorted(looks(job.run), key=lambda one: one.kid)
    first, second, third, fourth = (nets[one.images_seen] for one in order)
    assert sample.load(best(job.run)).images_seen == order[0].images_seen

    for path in job.run.root.glob("*"):
        path.unlink()
    Keeper(job, young=0)(second, 200)
    kept = best(job.run).read_bytes()
    resumed = Keeper(job, young=0)  # from 100
    state = torch.random.get_rng_state()
    resumed(fourth, 120)
    assert torch.equal(torch.random.get_rng_state(), state)
    resumed(third, 140)
    Keeper(job, young=0)(third, 130)
    assert best(job.run).read_bytes() == kept
    assert [one.images_seen for one in looks(job.run)] == [120, 130]
    Keeper(job, young=0)(first, 160)
    assert sample.load(best(job.run)).images_seen == 160
