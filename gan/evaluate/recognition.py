"""What a person would see, where random features praise clay: the share that is kept, and KID on lite0's taps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from gan.evaluate import features, metrics, target
from gan.evaluate.target import Target
from scrapbag import decision
from scrapbag.errors import ScrapbagError

if TYPE_CHECKING:
    from torch import Tensor

    from gan.pictures.packing import Pixels
    from scrapbag.layout import Data

ASKED = 128  # pictures of each kind that the curation model is asked about: lite0 sees 10 to 30 a second on one core
SEEN = 512  # pictures of each kind whose taps are looked at
FLATTERS = (
    "D looked through {}, and so these two flatter the samples (arXiv 2203.06026): "
    "believe KID on random features, the grid and make blind first"
)


@dataclass(frozen=True)
class Shares:
    """The same share, 0 to 1, of three kinds of squares."""

    samples: float
    reals: float  # of held-out real pictures: what can be reached
    dropped: float | None  # of pictures that curate dropped: what anything gets; None where there are none


@dataclass(frozen=True)
class Kept:
    """What the curation model takes for the target."""

    by: str  # what decides, in words
    counts: tuple[int, int, int]  # samples, held-out reals, dropped pictures
    cut: Shares  # kept by what decides: at small sizes few reals are
    median: Shares  # as sure as the median held-out real, which half of these are at any size


@dataclass(frozen=True)
class Recognition:
    """What was measured of one set of samples, and why the rest was not."""

    kept: Kept | None
    taps: tuple[float, float] | None  # KID x1000 on lite0's taps: of samples, of other real pictures
    unmeasured: tuple[str, ...]
    warning: str  # '' unless G was trained through a pretrained network


class Recogniser:
    """Measures samples; what it needs of the real pictures is computed once, when it is made."""

    def __init__(self, reference: Pixels, others: Pixels, held: Pixels, data: Data, teacher: str = "none") -> None:
        """Of fidelity.Reals the first three; `data` is the dataset, `teacher` names what D looked through."""
        self._warning = "" if teacher == "none" else FLATTERS.format(teacher)
        self._target: Target | None = None
        self._kind: features.Features | None = None
        reasons = []
        try:
            self._target = Target(decision.read(data))
            strangers = target.dropped(data, held.shape[1], ASKED)
            self._held = self._target.confidences(held[:ASKED])
            self._dropped = self._target.confidences(strangers) if len(strangers) else torch.zeros(0)
        except ScrapbagError as error:
            reasons.append(f"no share kept by the curation model: {error}")
        try:
            self._kind = features.taps(reference[:SEEN])
            self._reference = self._kind.look(reference[:SEEN])
            self._floor = metrics.kid(self._reference, self._kind.look(others[:SEEN]))[0]
        except ScrapbagError as error:
            reasons.append(f"no KID on lite0's taps: {error}")
        self._reasons = tuple(reasons)

    def recognise(self, fakes: Pixels) -> Recognition:
        """Of samples (N, H, W, 3): the first 512 for KID, the first 128 for the share that is kept."""
        kept = taps = None
        if self._target:
            ours = self._target.confidences(fakes[:ASKED])
            counts = len(ours), len(self._held), len(self._dropped)
            cuts = self._target.decision.cut, float(self._held.median())
            kept = Kept(self._target.words, counts, *(self._shares(ours, cut) for cut in cuts))
        if self._kind:
            taps = metrics.kid(self._reference, self._kind.look(fakes[:SEEN]))[0], self._floor
        return Recognition(kept, taps, self._reasons, self._warning)

    def _shares(self, ours: Tensor, cut: float) -> Shares:
        samples, reals, dropped = (float((one >= cut).double().mean()) for one in (ours, self._held, self._dropped))
        return Shares(samples, reals, dropped if len(self._dropped) else None)


def rows(one: Recognition) -> list[tuple[str, str, str, str]]:
    """(name, samples, held-out reals, pictures that curate dropped), as text, for a terminal and the page."""
    out = []
    if one.kept:
        for name, shares in (
            ("kept as the target", one.kept.cut),
            ("as sure of it as the median real", one.kept.median),
        ):
            other = "" if shares.dropped is None else f"{shares.dropped:.3f}"
            out.append((name, f"{shares.samples:.3f}", f"{shares.reals:.3f}", other))
    if one.taps:
        out.append(("KID x1000 on lite0's taps", f"{one.taps[0]:.1f}", f"{one.taps[1]:.1f}", ""))
    return out


def notes(one: Recognition) -> list[str]:
    """What is to be known of the rows."""
    by = [f"by {one.kept.by}; {', '.join(map(str, one.kept.counts))} pictures"] if one.kept else []
    return [*by, *one.unmeasured, *filter(None, [one.warning])]


def restore(table: dict[str, Any] | None) -> Recognition | None:
    """From evaluation.json; None where an older one has none."""
    if not table:
        return None
    kept = table["kept"]
    return Recognition(
        Kept(kept["by"], tuple(kept["counts"]), Shares(**kept["cut"]), Shares(**kept["median"])) if kept else None,
        tuple(table["taps"]) if table["taps"] else None,
        tuple(table["unmeasured"]),
        table["warning"],
    )
