"""The class prior of a dataset, estimated from the network's own probabilities."""

import numpy as np
import pytest

from curate.model import prior

CLASSES, COUNT = 120, 4000
ONES = np.ones(CLASSES, np.float32)


@pytest.fixture(scope="module")
def world():
    """Pictures of 120 classes, one in four of class 7, and the softmax of a network trained where all are as many."""
    rng = np.random.default_rng(3)
    centre = rng.normal(size=(CLASSES, 12)) * 1.2
    share = np.full(CLASSES, 0.75 / (CLASSES - 1))
    share[7] = 0.25
    truth = rng.choice(CLASSES, COUNT, p=share)
    x = centre[truth] + rng.normal(size=(COUNT, 12))
    logit = x @ centre.T - (centre**2).sum(axis=1) / 2
    p = np.exp(logit - logit.max(axis=1, keepdims=True))
    return truth, (p / p.sum(axis=1, keepdims=True)).astype(np.float32), share


def apart(count):
    return np.arange(count), np.zeros((count, 0), dtype=np.int32)


def test_the_share_of_each_class_is_found_without_a_label(world):
    truth, p, share = world
    found = prior.estimate(p, ONES)
    assert found.sum() == pytest.approx(1)
    assert found[7] == pytest.approx((truth == 7).mean(), abs=0.02)
    assert np.abs(found - share).sum() < 0.5 * np.abs(1 / CLASSES - share).sum()


def test_under_the_found_prior_a_confidence_is_a_frequency(world):
    """Of the pictures with a confidence around .8 some 80 % are of the class; by the softmax nearly all are."""
    truth, p, _ = world
    corrected = prior.correct(p, *apart(COUNT)).posterior[:, 7]
    off = []
    for confidence in (corrected, p[:, 7]):
        around = (confidence > 0.7) & (confidence < 0.9)
        off.append((truth[around] == 7).mean() - confidence[around].mean())
    assert abs(off[0]) < 0.06
    assert off[1] > 0.08
    assert (corrected >= 0.9).sum() > 1.3 * (p[:, 7] >= 0.9).sum()


def test_one_round_of_em_is_the_mean_of_the_posteriors(world, monkeypatch):
    _, p, _ = world
    monkeypatch.setattr(prior, "ROUNDS", 1)
    mean = (prior.posterior(p, np.full((1, CLASSES), 1 / CLASSES, np.float32)).sum(axis=0) + 1) / (COUNT + CLASSES)
    assert prior.estimate(p, ONES) == pytest.approx(mean, rel=1e-4)


def test_classes_that_share_a_column_weigh_as_many_as_they_are(world):
    _, p, _ = world
    joined = np.hstack([p[:, :40], p[:, 40:].sum(axis=1, keepdims=True)])
    width = np.append(np.ones(40), 80).astype(np.float32)
    group, nobody = apart(COUNT)
    whole, narrow = prior.correct(p, group, nobody), prior.correct(joined, group, nobody, width)
    assert np.abs(whole.posterior[:, :40] - narrow.posterior[:, :40]).mean() < 1e-3
    assert narrow.prior[7] == pytest.approx(whole.prior[7], rel=0.02)


def test_copies_of_a_picture_vote_once(world):
    _, p, _ = world
    again = np.concatenate([p, np.repeat(p[:1], 3000, axis=0)])
    group = np.concatenate([np.arange(COUNT), np.zeros(3000, dtype=int)])
    once = prior.correct(p, *apart(COUNT))
    many = prior.correct(again, group, np.zeros((len(again), 0), dtype=np.int32))
    assert many.prior == pytest.approx(once.prior)
    assert np.array_equal(many.posterior[:COUNT], once.posterior)


def test_neighbours_lend_their_class_and_copies_do_not():
    """Two kinds that the network cannot tell apart by themselves; a picture among cats is a cat."""
    p = np.full((200, 2), 0.5, dtype=np.float32)
    p[:100, 0], p[100:, 0] = 0.8, 0.2
    p[0] = p[199] = 0.5
    p[:, 1] = 1 - p[:, 0]
    kind = np.arange(200) // 100
    rng = np.random.default_rng(1)
    neighbour = np.array([rng.choice(np.flatnonzero(kind == k), 20, replace=False) for k in kind], dtype=np.int32)
    q = prior.correct(p, np.arange(200), neighbour).posterior[:, 0]
    assert q[0] > 0.75
    assert q[199] < 0.25
    p[0] = 0.95, 0.05
    copies = np.where(kind == 0, 0, np.arange(200))  # all of the first kind are one picture
    alone = prior.correct(p, copies, neighbour)
    assert np.allclose(alone.posterior[:100], prior.posterior(p[:100], alone.prior[None].astype(np.float32)))


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (np.full((49, 1000), 0.001), "49 pictures are too few"),
        (np.full((500, 22), 1 / 22), "22 classes was made for these very classes"),
        (np.eye(1000)[:200] * 0.9 + 0.0001, "is sure by itself"),
        (np.full((500, 1000), 0.001), ""),
    ],
    ids=["few", "own classes", "sure", "spread"],
)
def test_it_steps_aside_where_there_is_nothing_to_gain_and_says_why(p, words):
    said = prior.aside(p.max(axis=1), p.shape[1])
    assert words in said
    assert bool(words) == bool(said)
