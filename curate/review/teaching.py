"""Which picture teaches a ranker most: one that the scores are unsure of and that is unlike those asked before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def teaching(how: str, confidence: NDArray[np.float64], free: NDArray[np.bool_], near: NDArray[np.bool_]) -> int | None:
    """The position in the pool of the next teaching question, None when none is `free`. Arrays are of shape (M,).

    `random` takes the last free one: the pool is in random order, and its beginning is kept for the certificate.
    `uncertain` takes the free one whose confidence is nearest to 0.5, while there are any among those not `near` a
    picture asked about before; of equals the last.
    """
    places = np.flatnonzero(free & ~near) if how == "uncertain" and (free & ~near).any() else np.flatnonzero(free)
    if not places.size:
        return None
    last_first = places[::-1]
    return int(last_first[0 if how == "random" else np.argmin(np.abs(confidence[last_first] - 0.5))])
