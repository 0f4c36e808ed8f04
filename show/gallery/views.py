"""What the templates are given: a dataset's and a run's card, or one sentence where there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from scrapbag.plain import link
from show.gallery import training
from show.known import dataset, files
from show.known.addresses import to, version
from show.known.listing import KEPT, Listed, Listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapbag.layout import Data, Run
    from show.gallery.training import RunState
    from show.known.dataset import Funnel

T = TypeVar("T")
SIDE, LARGE = 160, 900  # pixels of a thumbnail and of a large picture
SAMPLES = 8  # squares on a dataset's card


@dataclass(frozen=True)
class DatasetCard:
    """A dataset, or why there is none: `sentence` is '' where it can be shown."""

    name: str
    sentence: str
    funnel: Funnel | None = None
    listing: Listing | None = None
    thumbs: tuple[str, ...] = ()  # addresses

    @property
    def widths(self) -> list[float]:
        """Of the three bars of the funnel, of 100."""
        if self.funnel is None or not self.funnel.found:
            return [0.0, 0.0, 0.0]
        counts = (self.funnel.found, self.funnel.fetched, self.funnel.kept or 0)
        return [round(100 * count / self.funnel.found, 1) for count in counts]


@dataclass(frozen=True)
class RunCard:
    """A run, or why there is none."""

    name: str
    sentence: str
    state: RunState | None = None
    dataset: str = ""  # its name; '' where it is not here
    newest: int | None = None  # thousands of images of the newest grid
    thumb: str = ""  # its address

    @property
    def time(self) -> str:
        """How long it learnt, or how long it still will."""
        if self.state is None:
            return ""
        if self.state.left_s is not None:
            return f"about {training.lasts(self.state.left_s)} left"
        return f"{training.lasts(self.state.seconds)} of training" if self.state.seconds else ""


def told(folder: Data | Run, build: Callable[[], T]) -> tuple[T | None, str]:
    """What `build` gives and '', or None and a sentence about the folder."""
    try:
        return build(), ""
    except files.UNUSABLE as error:
        return None, files.called(folder).complete(files.sentence(error, folder.root))


def dataset_card(name: str, data: Data) -> DatasetCard:
    """Whatever the folder holds."""

    def build() -> DatasetCard:
        listing = dataset.listing(data)
        shown = [row for row in listing.kept if row.came] or listing.came
        shown = shown[:: max(1, len(shown) // SAMPLES)]
        thumbs = tuple(thumb(name, row) for row in shown[:SAMPLES])
        return DatasetCard(name, "", dataset.funnel(data, listing), listing, thumbs)

    card, sentence = told(data, build)
    return card or DatasetCard(name, sentence)


def run_card(name: str, run: Run, learnt_from: str) -> RunCard:
    """Whatever the folder holds."""

    def build() -> RunCard:
        state = training.run_state(run)
        newest = max(state.grids, default=None)
        image = "" if newest is None else grid(name, newest, state, side=640)
        return RunCard(name, "", state, learnt_from, newest, image)

    card, sentence = told(run, build)
    return card or RunCard(name, sentence)


def grid(name: str, kimg: int, state: RunState, **more: object) -> str:
    """The address of a grid."""
    return to("/grid", run=name, kimg=kimg, **more, v=version(state.grids[kimg]))


def thumb(name: str, row: Listed, side: int = SIDE) -> str:
    """The address of a small picture: of its square where it was kept, otherwise of what came."""
    if row.square:
        return to("/square", data=name, square=row.square, side=side)
    return to("/picture", data=name, sha256=row.sha256, side=side)


def facts(name: str, row: Listed) -> dict[str, Any]:
    """What is known of a picture: where it came from, under which licence, and what became of it."""
    return {
        "title": row.title or "without a title",
        "source": row.source,
        "creator": row.creator,
        "licence": row.licence or "unknown",
        "licence_url": link(row.licence_url),
        "page_url": link(row.page_url),
        "confidence": row.confidence,
        "reason": row.reason or KEPT,
        "meaning": dataset.meaning(row.reason or KEPT),
        "large": to("/picture", data=name, sha256=row.sha256, side=LARGE) if row.sha256 else "",
        "square": to("/square", data=name, square=row.square, side=LARGE) if row.square else "",
        "thumb": thumb(name, row),
    }
