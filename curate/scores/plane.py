"""Every picture's place on a plane, alike ones side by side: t-SNE of the features, stored beside the scores.

t-SNE itself places at most MOST pictures, since its time grows faster than their number; every other picture goes to
where its nearest neighbours among these are. L. van der Maaten, G. Hinton, "Visualizing data using t-SNE" (2008); the
others as D. Kobak, P. Berens, "The art of using t-SNE for single-cell transcriptomics" (2019) begin with them.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.manifold import TSNE
from tqdm import tqdm

from curate.scores.derived import derived
from curate.scores.neighbours import principal_components
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.scores.shards import Shards

NAME, VERSION = "plane", 1  # raise the version by hand when the code finds other places
MOST = 5_000  # pictures that t-SNE places
_PERPLEXITY = 30.0
_STEPS = 1_000
_NEAREST = 5  # neighbours that say where one of the others goes
_TOGETHER = 0.05  # they count as far as they are this near to the first of them, as a share of the plane
_REACH = 0.05  # the weight of a neighbour is exp((its cosine - the highest) / _REACH)
_BLOCK = 512  # rows compared with all placed ones at a time


def read(shards: Shards) -> NDArray[np.float32]:
    """The places of all N rows of the shards, (N, 2) from -1 to 1, as stored or computed anew; NaN for unusable files.

    Raises MissingError where the scores have no features.
    """
    if not shards.has("features"):
        raise MissingError(f"{shards.folder} holds no features; run make score with a model, which makes them")
    return derived(shards, NAME, VERSION, lambda: {"place": _found(shards)})["place"]


def _found(shards: Shards) -> NDArray[np.float32]:
    usable = np.flatnonzero(shards.column("problem") == 0)
    order = usable[np.argsort(np.array(shards.sha256)[usable])]  # by chance, and the same whoever scored them first
    vectors = principal_components(shards.column("features"), shards.column("problem") == 0)[order]
    place = np.full((len(shards), 2), np.nan, dtype=np.float32)
    place[order] = places(vectors)
    return place


def places(vectors: NDArray[np.float32], most: int = MOST) -> NDArray[np.float32]:
    """A place (N, 2) from -1 to 1 for each unit vector of (N, D): t-SNE for the first `most`, the others beside them.

    Seeded: the same vectors have the same places.
    """
    few = vectors[:most]
    laid = _centred(_tsne(few))
    return np.concatenate([laid, _beside(vectors[most:], few, laid)]) if len(vectors) > most else laid


def _tsne(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    if len(vectors) < 4:  # too few to have neighbours
        return np.column_stack([np.arange(len(vectors)), np.zeros(len(vectors))]).astype(np.float32)
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    model = TSNE(perplexity=perplexity, max_iter=_STEPS, init="pca", random_state=0, verbose=2)
    hidden = None if len(vectors) > 1_000 else True
    with tqdm(desc="plane", total=_STEPS, unit="step", disable=hidden) as bar, redirect_stdout(_Steps(bar)):
        return np.asarray(model.fit_transform(vectors), dtype=np.float32)


class _Steps(io.StringIO):
    """What scikit-learn prints of its steps, as the progress of a bar: it has no other way to say it."""

    def __init__(self, bar: tqdm[Any]) -> None:
        super().__init__()
        self._bar = bar

    def write(self, text: str) -> int:
        if found := re.search(r"Iteration (\d+)", text):
            self._bar.update(int(found[1]) - self._bar.n)
        return len(text)


def _centred(laid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Moved and scaled, alike in both directions, so that all lie between -1 and 1."""
    if not len(laid):
        return laid
    low, high = laid.min(axis=0), laid.max(axis=0)
    return np.asarray((laid - (low + high) / 2) / max(float((high - low).max()) / 2, 1e-9), dtype=np.float32)


def _beside(others: NDArray[np.float32], few: NDArray[np.float32], laid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places of `others`: the weighted mean of where their nearest neighbours are, without those that lie elsewhere."""
    found = np.empty((len(others), 2), dtype=np.float32)
    for start in tqdm(range(0, len(others), _BLOCK), desc="others", disable=None if len(others) > 20_000 else True):
        cosine = others[start : start + _BLOCK] @ few.T
        near = np.argpartition(-cosine, _NEAREST, axis=1)[:, :_NEAREST]
        value = np.take_along_axis(cosine, near, axis=1)
        first = laid[near[np.arange(len(near)), value.argmax(axis=1)]]
        weight = np.exp((value - value.max(axis=1, keepdims=True)) / _REACH)
        weight *= np.linalg.norm(laid[near] - first[:, None], axis=2) < 2 * _TOGETHER
        found[start : start + _BLOCK] = (weight[..., None] * laid[near]).sum(axis=1) / weight.sum(axis=1)[:, None]
    return found
