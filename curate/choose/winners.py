"""Which classes a dataset's pictures won most often: what its recipe may write under targets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from curate.choose import addresses, correction, duplicates
from curate.choose.decide import originals
from curate.choose.facts import collect, current, predictions
from curate.model.targets import SYNSET
from curate.rows import Suggestions, Winner
from curate.scores.pairs import read_pairs
from scrapbag import catalog
from scrapbag.errors import MissingError, RecipeError
from scrapbag.recipe import Curate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.choose.addresses import Addresses
    from curate.choose.facts import Predictions, Scores
    from scrapbag.layout import Data

EXAMPLES = 12  # pictures of a class, evenly spread from the most confident to the least


def suggest(data: Data) -> Suggestions:
    """Every class that a picture won, by the model's own winners and by those under this dataset's class prior.

    Copies count once. Raises MissingError without scores, and RecipeError for a model without classes.
    """
    scores = current(data)
    predicted = predictions(scores, [])
    if scores.classes.name == "unknown" or not scores.shards.has("below"):
        raise RecipeError(
            f"model {scores.info['model']!r} names no classes; make score MODEL=lite0 takes one that does"
        )
    connection = catalog.connect(data.catalog)
    try:
        known = addresses.read(connection, data, scores.shards)
    finally:
        connection.close()
    facts = collect(scores, predicted, known, {}, ())
    usable = (facts.problem == "") & (predicted.best >= 0)
    if not usable.any():
        raise MissingError(f"{data.root} has no picture that the model could look at; make report says why")
    copies = originals(facts, duplicates.links(read_pairs(scores.shards), Curate.near), usable).original
    group = np.where(copies < 0, np.arange(copies.size), copies)
    corrected, aside = correction.winners(scores, usable, group)
    once = usable & (copies < 0)
    best = np.where(once, predicted.best, -1)
    ours = np.where(once, corrected, -1)
    return Suggestions(
        model=scores.info["model"],
        pictures=int(once.sum()),
        winners=_winners(scores, predicted, best, ours, known),
        aside=aside,
    )


def _winners(
    scores: Scores,
    predicted: Predictions,
    best: NDArray[np.int64],
    corrected: NDArray[np.int64],
    known: Addresses,
) -> tuple[Winner, ...]:
    """The commonest first, by the corrected winners where there are any, then by the model's own, then by class."""
    raw, ours = (Counter(column[column >= 0].tolist()) for column in (best, corrected))
    ordered = sorted(raw.keys() | ours.keys(), key=lambda one: (-ours[one], -raw[one], one))
    found = []
    for one in ordered:
        name, count = scores.classes.classes[one], ours[one] if ours else None
        rows = np.flatnonzero(corrected == one) if ours[one] else np.flatnonzero(best == one)
        won = predicted.best[rows] == one
        rows = rows[np.lexsort((rows, -np.where(won, predicted.best_confidence[rows], 0)))]
        examples = [known.record(row) for row in _spread(rows)]
        words = scores.classes.words.get(name, "" if SYNSET.fullmatch(name) else name)
        found.append(Winner(name, words, raw[one], count, tuple(examples)))
    return tuple(found)


def _spread(rows: NDArray[np.int64]) -> Sequence[int]:
    """At most EXAMPLES of the rows, evenly spaced, the first and the last among them."""
    if len(rows) <= EXAMPLES:
        return [int(row) for row in rows]
    return [int(rows[round(i * (len(rows) - 1) / (EXAMPLES - 1))]) for i in range(EXAMPLES)]
