"""One sample of a grid: enlarged, laid three by three, and beside the training pictures that are nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from show.gallery import nearest, pictures, views
from show.known import dataset, files
from show.known.addresses import to, version
from show.known.listing import KEPT

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Data, Run
    from show.gallery.views import RunCard
    from show.known.listing import Listed
    from show.known.shelf import Shelf


def words(shelf: Shelf, run: Run, card: RunCard, kimg: int, number: int) -> dict[str, Any]:
    """For the template run.html.j2: sample `number` of the grid at `kimg` thousand images."""
    assert card.state is not None
    path = card.state.grids[kimg]
    query = {"run": card.name, "kimg": kimg, "sample": number, "v": version(path)}
    near, why = _neighbours(shelf.datasets().get(card.dataset), card, run, path, number)
    return {
        "number": number,
        "src": to("/sample", **query),
        "tiled": to("/sample", **query, tiled=1),
        "near": near,
        "said": why,
    }


def _neighbours(
    data: Data | None, card: RunCard, run: Run, grid: Path, number: int
) -> tuple[list[dict[str, Any]], str]:
    """The squares nearest to a sample with what is known of them; and how they were found, or why there are none."""
    if data is None or card.state is None:
        return [], "The dataset that it learnt from is not here, so nothing can be compared with."
    if card.state.crop:
        return [], "A texture is learnt from patches; whole pictures are not compared with."

    def find() -> tuple[list[dict[str, Any]], str]:
        listing = dataset.listing(data)
        there = nearest.reals(data, tuple(sorted(listing.by_square)))
        found = nearest.find(pictures.cell(run, grid, number), there)
        near = [_one(card.dataset, listing.by_square[one.square], one.distance) for one in found]
        return near, _how(there, card.dataset, files.command(run, "evaluate"))

    answer, sentence = views.told(data, find)
    return answer or ([], sentence)


def _how(among: nearest.Compared, name: str, command: str) -> str:
    count = len(among.names)
    many = f"{count:,} of {among.total:,}" if count < among.total else f"{count:,}"
    return (
        f"Of the {many} squares that {name} has now, pixel by pixel at {nearest.SIDE}x{nearest.SIDE}, mirror images "
        "included; some may have been held out of training. The number is the root mean squared difference, of 255 "
        f"grey levels. Whether samples are copies, {command} says: it compares features."
    )


def _one(name: str, row: Listed, distance: float) -> dict[str, Any]:
    to_it = to("/dataset", data=name, show=KEPT, picture=row.sha256 or row.square, q=row.title)
    return {**views.facts(name, row), "distance": distance, "to": to_it}
