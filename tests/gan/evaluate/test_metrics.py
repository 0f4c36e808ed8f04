"""What the metrics say of samples that are known to be good, copied, repeated or blurred."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gan_data import squares
from truth_pictures import drawn

from gan.evaluate import features, metrics
from gan.evaluate.fidelity import Judge, Known, Reals, Verdict, divide, reals_of
from gan.nets import presets
from gan.pictures import batches
from gan.pictures.data import Pictures, load


def blurred(pictures: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    small = torch.nn.functional.avg_pool2d(x, 4)
    return torch.nn.functional.interpolate(small, scale_factor=4, mode="bilinear").byte().permute(0, 2, 3, 1).numpy()


def test_honest_samples_raise_no_flag_and_reach_the_floor(honest: Verdict) -> None:
    ours, floor = honest.measured[0].fakes, honest.measured[0].floor
    assert honest.flags == ()
    assert abs(ours.kid - floor.kid) < 5
    assert ours.coverage == pytest.approx(floor.coverage, abs=0.05)
    assert floor.copy_auc == pytest.approx(0.5, abs=0.01)
    assert honest.fakes.colour_volume == pytest.approx(honest.floor.colour_volume, rel=0.1)
    assert honest.fakes.sharpness == pytest.approx(1, abs=0.05)


def test_more_samples_than_reals_count_for_kid_and_draw_by_draw_for_shares(judge: Judge, honest: Verdict) -> None:
    n = len(judge.reals.others)
    noise = np.random.default_rng(0).integers(0, 256, (n + 40, 32, 32, 3), dtype=np.uint8)
    other, both = judge.verdict(noise[:n]), judge.verdict(np.concatenate([drawn(n, 3), noise]))
    assert (both.n, both.many) == (n, 2 * n + 40)
    assert both.fakes == honest.fakes
    one, two, mean = (verdict.measured[0].fakes for verdict in (honest, other, both))
    assert mean.kid > one.kid + 10
    for name in ("precision", "recall", "coverage"):  # the last forty are no whole draw
        assert getattr(mean, name) == pytest.approx((getattr(one, name) + getattr(two, name)) / 2), name
    for name in ("copy_auc", "copies", "variety"):
        assert getattr(mean, name) == getattr(one, name)


def test_replayed_training_pictures_are_flagged_as_copies(judge: Judge) -> None:
    replay = judge.reals.train[:264]
    verdict = judge.verdict(replay)
    assert any(flag.startswith("copying: ") for flag in verdict.flags)
    figures = verdict.measured[0].fakes
    assert figures.copy_auc == pytest.approx(1)
    assert figures.copies == pytest.approx(1)


def test_a_few_replayed_pictures_among_honest_ones_are_flagged_too(judge: Judge) -> None:
    verdict = judge.verdict(np.concatenate([judge.reals.train[:80], drawn(184, 5)]))
    assert any(flag.startswith("copying: ") for flag in verdict.flags)


def test_one_picture_many_times_is_flagged_whatever_its_precision_is(judge: Judge) -> None:
    noise = np.random.default_rng(0).normal(0, 2, (264, 32, 32, 3))
    one = (drawn(1, 4) + noise).clip(0, 255).astype(np.uint8)
    verdict = judge.verdict(one)
    figures = verdict.measured[0].fakes
    assert any(flag.startswith("few modes: ") for flag in verdict.flags)
    assert figures.coverage < 0.05
    assert figures.variety < 0.3


def test_no_more_of_many_pictures_are_read_than_are_needed() -> None:
    every = np.arange(7700, dtype=np.uint16)[:, None, None].view(np.uint8).reshape(-1, 1, 1, 2).repeat(2, 3)[..., :3]
    train, held = list(every[:7000]), list(every[7000:])
    pictures = Pictures("", (), train, held, upto=(7000,) * 4, side=1)
    values = presets.resolve("auto-cpu")
    found = reals_of(pictures, values)
    whole = divide(*(batches.some(part, values, len(part)) for part in (train, held)))
    for part in fields(found):
        assert np.array_equal(getattr(found, part.name), getattr(whole, part.name)), part.name
    assert found.reference.base is None or len(found.reference.base) < 7000


@pytest.mark.parametrize("level", range(4))
def test_the_floor_is_of_the_levels_that_were_learnt(tmp_path: Path, level: int) -> None:
    dataset = squares(tmp_path, 300)
    pictures = load(dataset.curated, dataset.packed)
    every = zip(pictures.names, [*pictures.train, *pictures.held], strict=True)
    levels = {one.tobytes(): int(Path(name).stem) % 4 for name, one in every}
    reals = reals_of(pictures, presets.resolve("auto-cpu"), level)
    for part in (reals.reference, reals.others, reals.held, reals.train):
        assert max(levels[one.tobytes()] for one in part) == level
    assert len(reals.held) == sum(levels[one.tobytes()] <= level for one in pictures.held)
    assert not {one.tobytes() for one in reals.held} & {one.tobytes() for one in reals.train}


def test_blurred_pictures_are_flagged(judge: Judge) -> None:
    verdict = judge.verdict(blurred(drawn(264, 6)))
    assert any(flag.startswith("blur: ") for flag in verdict.flags)
    assert verdict.measured[0].fakes.kid > 50


def test_precision_is_fooled_by_one_good_picture_and_coverage_is_not() -> None:
    reals = torch.randn((500, 16), generator=torch.Generator().manual_seed(0))
    precision, _, coverage = metrics.precision_recall_coverage(reals, torch.zeros(500, 16))
    assert precision == 1
    assert coverage < 0.7
    again = metrics.precision_recall_coverage(reals, torch.randn((500, 16), generator=torch.Generator().manual_seed(1)))
    assert again[2] > 0.9


def test_kid_agrees_with_its_formula_on_a_whole_set() -> None:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn((8, 4), generator=rng), torch.randn((8, 4), generator=rng) + 1
    k = lambda a, b: (float(a @ b) / 4 + 1) ** 3  # noqa: E731
    within = sum(k(a[i], a[j]) for a in (x, y) for i in range(8) for j in range(8) if i != j) / (8 * 7)
    across = sum(k(a, b) for a in x for b in y) / 64
    # subsets of half of either set, many of them, have the same mean
    value, error = metrics.kid(x, y, rounds=4000)
    assert value == pytest.approx(1000 * (within - 2 * across), abs=5 * error)


def test_the_colour_volume_of_one_mean_colour_is_zero_and_of_a_normal_distribution_its_standard_deviation() -> None:
    assert metrics.colour_volume(np.full((50, 8, 8, 3), (20, 40, 200), np.uint8)) == 0
    means = np.random.default_rng(0).normal(128, 20, (4000, 1, 1, 3)).clip(0, 255).astype(np.uint8)
    assert metrics.colour_volume(means.repeat(4, 1).repeat(4, 2)) == pytest.approx(20, rel=0.05)


def test_sliced_wasserstein_tells_noise_from_the_real_thing() -> None:
    reals, others = drawn(200, 1), drawn(200, 2)
    noise = np.random.default_rng(0).integers(0, 256, others.shape).astype(np.uint8)
    assert metrics.sliced_wasserstein(reals, noise)[0] > 5 * metrics.sliced_wasserstein(reals, others)[0]


def test_random_features_are_the_same_twice_and_have_a_hash_of_their_own() -> None:
    reals, other = drawn(128, 1), drawn(128, 2)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second, third = (features.untrained(x) for x in (reals, reals, other))
    assert torch.equal(torch.random.get_rng_state(), before)  # training must not notice
    assert first.sha256 == second.sha256 != third.sha256
    assert torch.equal(first.look(other), second.look(other))
    assert first.look(other).shape == (128, features.WIDTH)


@pytest.mark.parametrize(("train", "held"), [(142, 64), (1600, 178), (6000, 667), (80, 64)])
def test_reference_and_floor_share_no_picture_and_are_enough_of_both(train: int, held: int) -> None:
    pictures: Any = np.arange(train + held, dtype=np.uint16)[:, None, None, None]
    reals = divide(pictures[:train], pictures[train:])
    reference, others = set(reals.reference.ravel().tolist()), set(reals.others.ravel().tolist())
    assert not reference & others
    assert set(reals.held.ravel().tolist()) <= others
    assert len(others) == min(512, (train + held) // 2)
    assert len(reference) >= min(1024, (train + held) // 2 - 1)
    assert np.array_equal(reals.train[: len(reals.reference)], reals.reference)


def test_training_pictures_are_known_in_their_order_those_of_the_reference_first() -> None:
    train, held = drawn(300, 1), drawn(64, 2)
    kind = features.untrained(train)
    known = Known(kind, Reals(train[:200], held, held, train))
    assert torch.allclose(known.train, kind.look(train), atol=1e-3)
