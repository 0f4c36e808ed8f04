"""Measures samples against the real pictures of a run: figures, their floor, and flags for what figures would hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from gan.evaluate import features, metrics
from gan.pictures import batches
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from gan.evaluate.features import Features
    from gan.nets.presets import Values
    from gan.pictures.data import Pictures, Pixels

COUNT = 512  # samples, and as many other reals for the floor
MANY = 1024  # samples on random features: by 238 of them one generator's KID lay between 180 and 329 (docs/gan.md)
TRAIN = 6000  # training pictures among which copies are looked for
COPIES = 0.15  # of the samples nearer than 98 % of held-out reals are: replay is 1, honest samples keep 0.02
FEW = 0.3  # of the reals' variety
SOFT = 0.6  # of the reals' finest detail


@dataclass(frozen=True)
class Reals:
    """A run's real pictures by use. `reference` and `others` share none; `train` begins with `reference`."""

    reference: Pixels  # what samples are compared with
    others: Pixels  # in the samples' place they give the floor: held out, and training pictures beside the reference
    held: Pixels  # never trained on
    train: Pixels  # among which copies are looked for


@dataclass(frozen=True)
class Figures:
    """On one kind of features. `kid` is times 1000; precision means nothing without coverage."""

    kid: float
    kid_error: float
    precision: float
    recall: float
    coverage: float
    copy_auc: float
    copies: float
    variety: float


@dataclass(frozen=True)
class Surface:
    """On the pixels themselves."""

    sliced_wasserstein: tuple[float, ...]  # fine, middle, coarse
    colour_volume: float
    sharpness: float


@dataclass(frozen=True)
class Measured:
    """The samples, and the floor, on one kind of features."""

    name: str
    sha256: str
    fakes: Figures
    floor: Figures


@dataclass(frozen=True)
class Verdict:
    """Everything that is said of one set of samples, and how many pictures it rests on."""

    images_seen: int
    n: int
    many: int  # samples that KID, precision, recall and coverage rest on, on random features
    reference: int
    train: int
    held: int
    measured: tuple[Measured, ...]
    unmeasured: str  # why the curation model's features are not among them
    fakes: Surface
    floor: Surface
    flags: tuple[str, ...]


class Known:
    """The vectors of a run's real pictures under one kind of features."""

    def __init__(self, kind: Features, reals: Reals) -> None:
        self.kind = kind
        self.reference, self.others, self.held = map(kind.look, (reals.reference, reals.others, reals.held))
        more = reals.train[len(reals.reference) :]
        self.train = torch.cat([self.reference, kind.look(more)]) if len(more) else self.reference

    def figures(self, vectors: Tensor, many: Tensor, unseen: Tensor) -> Figures:
        """Of samples: KID of `many` of them, shares as the mean over draws of as many as `vectors` has.

        The nearness of `unseen` ones to the training set is looked at.
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
    """Says what samples are worth. What it needs of the reals is computed once."""

    def __init__(self, reals: Reals, curated: Path | None = None) -> None:
        """`curated` has the metadata.csv that names the curation model; without it only random features are used."""
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
        """Of (N, H, W, 3) samples, N at least as many as `reals.others`, or the floor is not measured alike.

        So many of them are judged. On the random features all count: for KID, and draw by draw for precision, recall
        and coverage, because one draw swings (docs/gan.md).
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
        )


def reals_of(pictures: Pictures, values: Values, level: int = 3) -> Reals:
    """The real pictures of a run, divided, always in the same way. Of textures, crops stand for pictures."""
    train = pictures.train[: batches.pool(pictures, values, level, images_seen=2**62)]
    if values.crop:
        reference, known = (batches.crops(train, values.crop, n, np.random.default_rng(n)) for n in (1024, 4096))
        held = batches.crops(pictures.held, values.crop, COUNT, np.random.default_rng(1))
        return Reals(reference, held, held, np.concatenate([reference, known]))
    held = batches.some(pictures.held, values, min(COUNT, len(pictures.held)))
    return divide(batches.some(train, values, min(COUNT + TRAIN, len(train))), held)


def divide(train: Pixels, held: Pixels) -> Reals:
    """As many others as can be had, up to 512, while the reference keeps at least as many."""
    count = min(COUNT, (len(held) + len(train)) // 2, len(train))
    lent = max(0, count - len(held))
    return Reals(
        reference=train[lent:][: features.REALS],
        others=np.concatenate([held, train[:lent]])[:count],
        held=held[:COUNT],
        train=train[lent:][:TRAIN],
    )


def surface(reference: Pixels, pixels: Pixels) -> Surface:
    fine, middle, coarse = metrics.sliced_wasserstein(reference, pixels)
    return Surface(
        sliced_wasserstein=(fine, middle, coarse),
        colour_volume=metrics.colour_volume(pixels),
        sharpness=metrics.sharpness(reference, pixels),
    )


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
