"""Arrow's columns in parts and with words as codes: put together, counted out and taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def taken(column: pa.ChunkedArray, places: NDArray[np.int64], after: Callable[[], None] = lambda: None) -> pa.Array:
    """Some values of a column in parts, in the order of `places`; Arrow would put the whole of it together first.

    `after` is called after each part.
    """
    if column.num_chunks == 1:
        return column.chunk(0).take(pa.array(places))
    order = np.argsort(places, kind="stable")
    ascending = places[order]
    ends = np.cumsum([0, *map(len, column.chunks)])
    cuts = np.searchsorted(ascending, ends)
    some = []
    for part, first, start, stop in zip(column.chunks, ends.tolist(), cuts, cuts[1:], strict=False):
        if start < stop:
            some.append(part.take(pa.array(ascending[start:stop] - first)))
            after()
    found = pa.chunked_array(some, column.type).combine_chunks()
    if np.array_equal(places, ascending):
        return found
    back = np.empty(len(places), dtype=np.int64)
    back[order] = np.arange(len(places))
    return found.take(pa.array(back))


def coded(column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """Texts as positions (N,) in a list of the different ones, in the order of their first row."""
    found = whole(column)
    if not pa.types.is_dictionary(found.type):
        found = found.dictionary_encode()
    first = pc.unique(found.indices)
    place = np.empty(len(found.dictionary), dtype=np.int64)
    place[first.to_numpy()] = np.arange(len(first))
    return place[found.indices.to_numpy()], found.dictionary.take(first).to_pylist()


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one part; it is copied only where it is in several."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.unify_dictionaries().combine_chunks()
