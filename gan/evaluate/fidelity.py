"""Samples measured against a run's real pictures: metrics, their floor, and flags for what a single metric hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from gan.evaluate import features, metrics
from gan.pictures import batches
from gan.pictures.data import HELD_ENOUGH
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from gan.evaluate.features import Features
    from gan.evaluate.recognition import Recognition
    from gan.nets.values import Values
    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels

COUNT = 512  # samples, and as many held-out reals for the floor
MANY = 1024  # samples on random features: with 238, the KID of one generator was 180 to 329 (docs/gan.md)
TRAIN = 6000  # training pictures among which copies are looked for
COPIES = 0.15  # of `copies` below, flagged above; 1 for replayed training pictures, 0.02 for none
FEW = 0.3  # of `variety` below, flagged below
SOFT = 0.6  # of `sharpness` below, flagged below


@dataclass(frozen=True)
class Reals:
    """A run's real pictures, (N, H, W, 3) each, by use. `reference` and `others` share none."""

    reference: Pixels  # what samples are compared with
    others: Pixels  # measured like samples, for the floor: held out, and training pictures outside the reference
    held: Pixels  # never trained on
    train: Pixels  # among which copies are looked for; it begins with `reference`
    apart: int | None = None  # how many crops of what is held out share no pixel; None where `held` are whole pictures


@dataclass(frozen=True)
class Figures:
    """The metrics of one set of samples on one kind of features; see gan/evaluate/metrics.py."""

    kid: float  # times 1000
    kid_error: float  # standard error of it
    precision: float  # 0 to 1, as the next two; means nothing without coverage
    recall: float
    coverage: float
    copy_auc: float  # 0.5 where samples are as far from the training pictures as held-out ones, 1 where all are nearer
    copies: float  # share of samples nearer to a training picture than 98 % of held-out ones
    variety: float  # 1 where samples differ as much as reals


@dataclass(frozen=True)
class Surface:
    """The metrics on pixels."""

    sliced_wasserstein: tuple[float, ...]  # times 1000; fine, middle, coarse
    colour_volume: float  # grey levels
    sharpness: float  # over that of reals


@dataclass(frozen=True)
class Measured:
    """The metrics of samples, and of other real pictures (the floor), on one kind of features."""

    name: str
    sha256: str
    fakes: Figures
    floor: Figures


@dataclass(frozen=True)
class Verdict:
    """All that was measured of one set of samples, and on how many pictures."""

    images_seen: int
    n: int
    many: int  # samples used for KID, precision, recall and coverage on random features
    reference: int
    train: int
    held: int
    measured: tuple[Measured, ...]
    unmeasured: str  # why the curation model's features are not among them
    fakes: Surface
    floor: Surface
    flags: tuple[str, ...]
    rough: str = ""  # why the figures are rough, where few pictures are held out
    recognition: Recognition | None = None  # what agrees with people; only make evaluate measures it


class Known:
    """The feature vectors of a run's real pictures, of one kind of features."""

    def __init__(self, kind: Features, reals: Reals) -> None:
        self.kind = kind
        self.reference, self.others, self.held = map(kind.look, (reals.reference, reals.others, reals.held))
        more = reals.train[len(reals.reference) :]
        self.train = torch.cat([self.reference, kind.look(more)]) if len(more) else self.reference

    def figures(self, vectors: Tensor, many: Tensor, unseen: Tensor) -> Figures:
        """The metrics of samples, each given as feature vectors (N, width).

        KID is of `many`; precision, recall and coverage are means over parts of `many` as long as `vectors`; variety is
        of `vectors`, and copying of `unseen`, which must not be training pictures.
        """
        value, error = metrics.kid(self.reference, many)
        draws = [draw for draw in torch.split(many, len(vectors)) if len(draw) == len(vectors)]
        shares = torch.tensor([metrics.precision_recall_coverage(self.reference, draw) for draw in draws])
        precision, recall, coverage = shares.double().mean(0).tolist()
        area, copies = metrics.copying(self.train, self.held, unseen)
        return Figures(
            kid=value,
            kid_error=error,
            precision=precision,
            recall=recall,
            coverage=coverage,
            copy_auc=area,
            copies=copies,
            variety=metrics.variety(self.reference, vectors),
        )


class Judge:
    """Measures samples. What it needs of the reals is computed once, when it is made."""

    def __init__(self, reals: Reals, curated: Path | None = None) -> None:
        """`curated` holds the metadata.csv that names the curation model; without it only random features are used."""
        self.reals = reals
        self.unmeasured = "" if curated else "nobody asked for them"
        kinds = [features.untrained(reals.reference)]
        if curated:
            try:
                kinds.append(features.curation(curated))
            except MissingError as error:
                self.unmeasured = str(error)
        self.known = [Known(kind, reals) for kind in kinds]  # the random features first
        self._floor = [known.figures(known.others, known.others, known.held) for known in self.known]
        self._floor_surface = surface(reals.reference, reals.others)

    def verdict(self, fakes: Pixels, images_seen: int = 0) -> Verdict:
        """The verdict on (N, H, W, 3) samples; N is at least len(reals.others), for a floor of as many pictures.

        The first len(reals.others) are measured. On random features all are: together for KID, and in parts for
        precision, recall and coverage, because one part alone varies too much (docs/gan.md).
        """
        first = fakes[: len(self.reals.others)]
        measured: list[Measured] = []
        for known, floor in zip(self.known, self._floor, strict=True):
            many = known.kind.look(first if measured else fakes)
            ours = many[: len(first)]
            figures = known.figures(ours, many, unseen=ours)
            measured.append(Measured(known.kind.name, known.kind.sha256, figures, floor))
        seen = surface(self.reals.reference, first)
        return Verdict(
            images_seen=images_seen,
            n=len(first),
            many=len(fakes),
            reference=len(self.reals.reference),
            train=len(self.reals.train),
            held=len(self.reals.held),
            measured=tuple(measured),
            unmeasured=self.unmeasured,
            fakes=seen,
            floor=self._floor_surface,
            flags=_flags(measured[0].fakes, seen),
            rough=_rough(self.reals),
        )


def reals_of(pictures: Pictures, values: Values, level: int = 3) -> Reals:
    """The real pictures of a run, divided in the same way each time; where a run takes crops, crops of them.

    Held-out ones too are of the levels that it learnt from: the floor is what other pictures of these would reach.
    """
    train = pictures.train[: batches.pool(pictures, values, level, images_seen=2**62)]
    apart = pictures.held[: batches.pool_held(pictures, values, level)]
    if values.crop:
        reference, known = (batches.crops(train, values.crop, n, np.random.default_rng(n)) for n in (1024, 4096))
        held = batches.crops(apart, values.crop, COUNT, np.random.default_rng(1))
        count = sum((one.shape[0] // values.crop) * (one.shape[1] // values.crop) for one in apart)
        return Reals(reference, held, held, np.concatenate([reference, known]), count)
    held = batches.some(apart, values, min(COUNT, len(apart)))
    return divide(batches.some(train, values, min(COUNT + TRAIN, len(train))), held)


def divide(train: Pixels, held: Pixels) -> Reals:
    """`others` are as many as there can be, up to 512, with a reference at least as large."""
    count = min(COUNT, (len(held) + len(train)) // 2, len(train))
    lent = max(0, count - len(held))
    return Reals(
        reference=train[lent:][: features.REALS],
        others=np.concatenate([held, train[:lent]])[:count],
        held=held[:COUNT],
        train=train[lent:][:TRAIN],
    )


def surface(reference: Pixels, pixels: Pixels) -> Surface:
    """The metrics on pixels, (N, H, W, 3) both."""
    fine, middle, coarse = metrics.sliced_wasserstein(reference, pixels)
    return Surface(
        sliced_wasserstein=(fine, middle, coarse),
        colour_volume=metrics.colour_volume(pixels),
        sharpness=metrics.sharpness(reference, pixels),
    )


def _rough(reals: Reals) -> str:
    """Whether the floor and the figures on copying rest on too few pictures, in words; "" where they do not."""
    if reals.apart is None:
        count = len(reals.held)
        words = f"{count} pictures are held out, and {HELD_ENOUGH} are needed for the floor and for copying"
    else:
        count = reals.apart
        words = (
            f"{count} crops that share no pixel are held out, and {HELD_ENOUGH} are needed; the floor says how that "
            "part of the pictures differs from the rest, not what other pictures would reach"
        )
    return f"the figures are rough: {words}" if count < HELD_ENOUGH else ""


def _flags(figures: Figures, seen: Surface) -> tuple[str, ...]:
    flags = []
    if figures.copies > COPIES:
        flags.append(
            f"copying: {figures.copies:.0%} of the samples are nearer to a training picture than 98 % of the held-out "
            "ones are; look at the neighbours"
        )
    if figures.variety < FEW:
        flags.append(
            f"few modes: samples differ from each other {figures.variety:.0%} as much as real pictures do; "
            f"coverage is {figures.coverage:.2f}, whatever precision ({figures.precision:.2f}) says"
        )
    if seen.sharpness < SOFT:
        flags.append(f"blur: the samples have {seen.sharpness:.0%} of the finest detail of real pictures")
    return tuple(flags)
