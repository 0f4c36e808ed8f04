"""A lower bound of a share that stays valid however often one looks: a betting confidence sequence.

The null hypothesis says that less than `promise` of a finite set is wanted. Before every answer we bet against it, so
that our capital is a non-negative supermartingale that starts at 1 if the null is true. By Ville's inequality it then
ever reaches 1/alpha with a probability of at most alpha, so a capital of 20 rejects the null at the 5 % level, at
whatever number of answers one stops.

I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024) 1-27: the bets,
their hedge (section 4.4: capital spread over several stakes) and drawing without replacement (section 5). Why this is
our own code: certify.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

# The capital is split into parts, and each part stakes this share of the most that it may stake: 1 grows fastest and is
# lost at the first no, the others survive one. At a level of 5 % .90 takes 35 answers without a no, 67 with one and 85
# with two; .95 takes 71 and 136.
_STAKES = np.array([1.0, 0.8, 0.6, 0.4, 0.2])
_PARTS = np.array([0.35, 0.25, 0.2, 0.1, 0.1])
_RUIN = -1e6  # log(0), finite so that sums stay numbers
_WON = 1e4  # log of a capital that rejects for certain


def log_capital(answers: ArrayLike, size: ArrayLike, promise: ArrayLike) -> NDArray[np.float64]:
    """The logarithm of the capital after each answer, (..., n) like `answers`, which holds 1 (wanted) and 0 (not).

    The answers must be in the order of a uniform draw without replacement from a set of `size`. `size` and `promise`
    (0 to 1; the null hypothesis is a smaller share) are numbers or of shape (...).
    """
    hits = np.asarray(answers, dtype=np.float64)
    total, share = np.asarray(size, dtype=np.float64)[..., None], np.asarray(promise, dtype=np.float64)[..., None]
    drawn = np.arange(hits.shape[-1])
    left = np.maximum(total - drawn, 1)
    fewer = np.ceil(total * share - 1e-9) - 1  # the most that are wanted under the null hypothesis
    mean = (fewer - (np.cumsum(hits, axis=-1) - hits)) / left  # the largest chance of a yes next, under the null
    bounded = np.clip(mean, 1e-9, 1)
    stake, part = (each.reshape(-1, *[1] * hits.ndim) for each in (_STAKES, _PARTS))
    win = np.log(bounded + stake * (1 - bounded)) - np.log(bounded)
    loss = np.log(1 - stake, out=np.full_like(stake, _RUIN), where=stake < 1)
    step = np.where(mean < 0, _WON, np.where(hits > 0, win, loss))  # under 0 the null is impossible
    logs = np.cumsum(step, axis=-1) + np.log(part)
    most = logs.max(axis=0)
    return np.asarray(most + np.log(np.exp(logs - most).sum(axis=0)))


def lower_bound(answers: ArrayLike, size: int, alpha: float = 0.05) -> float:
    """The 1 - alpha lower confidence bound of the share that is wanted, to four places; 0 without answers.

    Every smaller share is rejected as a null hypothesis; the bound holds at whatever number of answers one looks.
    """
    hits = np.asarray(answers, dtype=np.float64)
    if not hits.size:
        return 0.0
    low, high = 0, 10_000
    while high - low > 1:  # bisection: the capital falls as the share under the null rises
        middle = (low + high) // 2
        if log_capital(hits, size, middle / 10_000).max() >= -np.log(alpha):
            low = middle
        else:
            high = middle
    return low / 10_000


def missing(answers: ArrayLike, size: int, promise: float, alpha: float = 0.05, limit: int = 400) -> float:
    """How many more answers certify `promise` if each of them is a yes; 0 if it is certified, infinity over `limit`."""
    hits = np.asarray(answers, dtype=np.float64)
    return further(ahead([(hits, size)], promise, limit)[0], hits.size, alpha)


def ahead(draws: Sequence[tuple[ArrayLike, int]], promise: float, limit: int = 400) -> NDArray[np.float64]:
    """For each draw, its answers and the size of its set, the logarithm of the capital: (D, n).

    After each answer, and after up to `limit` further ones that are all yes; minus infinity past the end of the set.
    """
    count = np.array([np.size(answers) for answers, _ in draws])
    size = np.array([size for _, size in draws])
    last = np.minimum(size, count + limit)
    hits = np.ones((len(draws), max(last, default=0)))
    for row, (answers, _) in zip(hits, draws, strict=True):
        row[: np.size(answers)] = answers
    return np.where(np.arange(hits.shape[1]) < last[:, None], log_capital(hits, size, promise), -np.inf)


def further(capital: NDArray[np.float64], answered: int, alpha: float) -> float:
    """`missing`, for a row of `ahead` of which the first `answered` steps are answers."""
    won = np.flatnonzero(capital >= -np.log(alpha))
    return float(max(0, won[0] + 1 - answered)) if won.size else np.inf
