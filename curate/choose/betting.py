"""A lower bound for a share that holds however often one looks: what bets against a sceptic have won.

A sceptic says that less than `promise` of a finite set is wanted. We bet against that before every answer. Were the
sceptic right, our capital would be a non-negative supermartingale that starts at 1, and by Ville's inequality it would
ever reach 1/alpha with probability alpha at most: at no number of answers, chosen beforehand or while looking.

I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024) 1-27: the bets,
their hedge (section 4.4: capital spread over several stakes) and drawing without replacement (section 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Each part of the capital stakes this share of all that it may: 1 wins fastest and is ruined by a single no, the
# others live on. With these, .90 takes 35 answers without a no, 67 with one, 85 with two; .95 takes 71 and 136.
_STAKES = np.array([1.0, 0.8, 0.6, 0.4, 0.2])
_PARTS = np.array([0.35, 0.25, 0.2, 0.1, 0.1])
_RUIN = -1e6  # the logarithm of nothing, finite so that sums stay numbers
_WON = 1e4


def log_capital(answers: ArrayLike, size: ArrayLike, promise: ArrayLike) -> NDArray[np.float64]:
    """The logarithm of the capital after each answer, of the same shape as `answers`: (..., n) of 1 (wanted) and 0.

    The answers must be in the order of a uniform draw without replacement from a set of `size`. `size` and `promise`
    (the sceptic's share, 0 to 1) are numbers or of shape (...).
    """
    hits = np.asarray(answers, dtype=np.float64)
    total, share = np.asarray(size, dtype=np.float64)[..., None], np.asarray(promise, dtype=np.float64)[..., None]
    drawn = np.arange(hits.shape[-1])
    left = np.maximum(total - drawn, 1)
    fewer = np.ceil(total * share - 1e-9) - 1  # the most that can be wanted while the promise is broken
    mean = (fewer - (np.cumsum(hits, axis=-1) - hits)) / left  # so much the sceptic must expect of the next answer
    bounded = np.clip(mean, 1e-9, 1)
    logs = []
    for stake, part in zip(_STAKES, _PARTS, strict=True):
        win = np.log1p(stake * (1 - bounded) / bounded)
        loss = np.log1p(-stake) if stake < 1 else _RUIN
        step = np.where(mean < 0, _WON, np.where(hits > 0, win, loss))  # under 0 the promise is kept for certain
        logs.append(np.cumsum(step, axis=-1) + np.log(part))
    return np.asarray(np.logaddexp.reduce(logs, axis=0))


def lower_bound(answers: ArrayLike, size: int, alpha: float = 0.05) -> float:
    """The largest share, to four places, that the bets have refuted all less of: the true one is no less."""
    hits = np.asarray(answers, dtype=np.float64)
    if not hits.size:
        return 0.0
    low, high = 0, 10_000
    while high - low > 1:  # the capital falls as the share that is bet against rises
        middle = (low + high) // 2
        if log_capital(hits, size, middle / 10_000).max() >= -np.log(alpha):
            low = middle
        else:
            high = middle
    return low / 10_000


def missing(answers: ArrayLike, size: int, promise: float, alpha: float = 0.05, limit: int = 400) -> float:
    """How many more answers, were each of them yes, refute `promise`; 0 when it is, infinity when over `limit`."""
    hits = np.asarray(answers, dtype=np.float64)
    more = min(limit, size - hits.size)
    won = np.flatnonzero(log_capital(np.append(hits, np.ones(more)), size, promise) >= -np.log(alpha))
    return float(max(0, won[0] + 1 - hits.size)) if won.size else np.inf
