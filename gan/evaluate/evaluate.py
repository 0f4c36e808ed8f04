"""The evaluate command: a run's generators measured, for evaluation.json and as lines for a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from gan.evaluate import neighbours, recognition
from gan.evaluate.fidelity import MANY, Judge, reals_of
from gan.evaluate.recognition import Recogniser
from gan.pictures import batches
from gan.sample import sample
from scrapbag.disk import write_text
from scrapbag.errors import UsageError
from scrapbag.layout import Data

if TYPE_CHECKING:
    from pathlib import Path

    from gan.evaluate.fidelity import Measured, Verdict
    from gan.pictures.data import Pictures
    from scrapbag.layout import Run

NAMES = {
    "kid": "KID x1000 (smaller is better)",
    "recall": "recall",
    "coverage": "coverage",
    "precision": "precision (only beside coverage)",
    "copy_auc": "copy-AUC (0.5 is no copying)",
    "copies": "nearer than 98 % of held-out reals",
    "variety": "variety, over the reals'",
}


def evaluate(run: Run, pictures: Pictures, curated: Path, level: int = 3, seed: int = 0) -> dict[str, Verdict]:
    """Measure the last generator of `run`, and the best by KID; write evaluation.json and neighbours.png.

    Raises MissingError when nothing was trained, UsageError when the pictures are of another size.
    """
    generator = sample.load(run.generator)
    if not generator.values.crop and pictures.side != generator.size:
        raise UsageError(
            f"{run.generator} makes pictures of {generator.size} pixels and the squares are {pictures.side} wide; "
            "write DATA= with the pictures that it was trained on"
        )
    judge = Judge(reals_of(pictures, generator.values, level), curated)
    reals = judge.reals
    eye = Recogniser(reals.reference, reals.others, reals.held, Data(curated.parent), generator.values.teacher)
    fakes = batches.to_bytes(sample.draw(generator, MANY, seed))
    verdicts = {"last": replace(judge.verdict(fakes, generator.images_seen), recognition=eye.recognise(fakes))}
    neighbours.write(run, neighbours.find(fakes[: len(judge.reals.others)], judge))
    if run.best.exists():
        kept = sample.load(run.best)
        if kept.images_seen == generator.images_seen:  # it is the same one
            verdicts["best"] = verdicts["last"]
        else:
            fakes = batches.to_bytes(sample.draw(kept, MANY, seed))
            verdicts["best"] = replace(judge.verdict(fakes, kept.images_seen), recognition=eye.recognise(fakes))
    table = {name: asdict(verdict) for name, verdict in verdicts.items()}
    write_text(run.evaluation, json.dumps(table, indent=1) + "\n")
    return verdicts


def read(run: Run) -> dict[str, Any]:
    """evaluation.json, verdicts as dicts; {} when nothing was evaluated, or it cannot be read."""
    try:
        found = json.loads(run.evaluation.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def lines(verdict: Verdict) -> list[str]:
    """A verdict for a terminal: every metric beside the floor, what other real pictures reach."""
    counts = f"{verdict.n} samples ({verdict.many:,} on random features) after {verdict.images_seen:,} images"
    counts += f", {verdict.reference:,} training pictures"
    out = [f"{counts}; floor: {verdict.n} other real pictures in the samples' place"]
    out += [f"  {verdict.rough}"] if verdict.rough else []
    for one in verdict.measured:
        out.append(f"  {f'features: {one.name} ({one.sha256})':<48}{'samples':>10}{'floor':>10}")
        out += [f"    {name:<46}{ours:>10.3f}{floor:>10.3f}" for name, ours, floor in figure_rows(one)]
    if verdict.unmeasured:
        out.append(f"  not measured on the curation model's features: {verdict.unmeasured}")
    out.append("  pixels")
    out += [f"    {name:<46}{ours:>10.2f}{floor:>10.2f}" for name, ours, floor in surface_rows(verdict)]
    if seen := verdict.recognition:
        out.append(f"  {'what a person would see':<48}{'samples':>10}{'real':>10}{'dropped':>10}")
        out += [f"    {name:<46}{a:>10}{b:>10}{c:>10}" for name, a, b, c in recognition.rows(seen)]
        out += [f"    {words}" for words in recognition.notes(seen)]
    return out + [f"  FLAG {flag}" for flag in verdict.flags]


def summary(verdict: Verdict) -> str:
    """The verdict in a line: two metrics, then what is wrong, by name."""
    fakes, floor = verdict.measured[0].fakes, verdict.measured[0].floor
    flags = ", ".join(flag.partition(":")[0] for flag in verdict.flags)
    return (
        f"{f'FLAGS: {flags}' if flags else 'no flags'}; KID {fakes.kid:.1f} (floor {floor.kid:.1f}), "
        f"coverage {fakes.coverage:.2f} (floor {floor.coverage:.2f}){', rough' if verdict.rough else ''}"
    )


def figure_rows(one: Measured) -> list[tuple[str, float, float]]:
    """(name, samples, floor) for each metric on one kind of features."""
    return [(name, getattr(one.fakes, key), getattr(one.floor, key)) for key, name in NAMES.items()]


def surface_rows(verdict: Verdict) -> list[tuple[str, float, float]]:
    """(name, samples, floor) for each metric on pixels."""
    ours, floor = verdict.fakes, verdict.floor
    scales = zip(("fine", "middle", "coarse"), ours.sliced_wasserstein, floor.sliced_wasserstein, strict=True)
    return [
        *((f"sliced Wasserstein x1000, {scale}", a, b) for scale, a, b in scales),
        ("colour volume", ours.colour_volume, floor.colour_volume),
        ("sharpness, over the reals'", ours.sharpness, floor.sharpness),
    ]
