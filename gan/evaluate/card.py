"""The model card beside a generator: what it is, what it was trained on, and what its trainer looked through."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

from gan.nets import frozen
from scrapbag.disk import write_text
from scrapbag.layout import CREDITS
from scrapbag.plain import plain

if TYPE_CHECKING:
    from pathlib import Path

    from gan.train.job import Job, Moment

SHOWN = 12  # licences that have a line


def write(job: Job, moment: Moment, curated: Path) -> Path:
    """RUN/MODEL_CARD.md; returns its path."""
    values, run = job.values, job.run
    kind = f"textures, learnt from crops of {job.size}" if values.crop else f"{job.size}x{job.size}"
    lines = [
        f"# {plain(run.root.resolve().name)}",
        "",
        (
            f"A generator of pictures, {kind} pixels: preset {job.settings.preset}, {moment.images_seen:,} images seen "
            f"in {moment.seconds / 60:.1f} minutes on {job.machine.device}."
        ),
        "",
        "## Trained on",
        "",
        (
            f"{len(job.pictures.train):,} pictures, {len(job.pictures.held):,} more held out; "
            f"content {job.pictures.key}. Who made each stands in {CREDITS} beside them. Licences:"
        ),
        "",
        *(f"- {licence}: {count:,}" for licence, count in _licences(curated)),
        "",
        "## Looked through",
        "",
        _teacher(values.teacher),
        "",
        "## Use",
        "",
        (
            f"{run.generator.name} has the weights, {run.generator.with_suffix('.json').name} beside it the layers, "
            "the latents and every value of the preset. What the samples are worth stands in "
            f"{run.report.name}: near copies of training pictures are counted there."
        ),
        "",
    ]
    write_text(run.card, "\n".join(lines))
    return run.card


def _teacher(name: str) -> str:
    if name == "none":
        return "No other network: generator and discriminator began with random weights."
    licence = frozen.licence(name) or "stated nowhere"
    return (
        f"The discriminator looked through {name}, a pretrained network that never learnt; its licence is {licence}. "
        "None of its weights are in the generator. Figures of pretrained networks flatter such a generator "
        "(arXiv 2203.06026)."
    )


def _licences(curated: Path) -> list[tuple[str, int]]:
    """The most frequent ones with their numbers of pictures, and how many others."""
    try:
        with (curated / CREDITS).open(newline="", encoding="utf-8-sig") as file:
            found = Counter(plain(row.get("licence") or "") or "not stated" for row in csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return [("not known: there is no such table", 0)]
    most = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    rest = sum(count for _, count in most[SHOWN:])
    return most[:SHOWN] + ([("others", rest)] if rest else [])
