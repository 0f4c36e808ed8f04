"""The best of many samples, on a sheet that says by what they were chosen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from gan.evaluate import features, metrics
from gan.evaluate.fidelity import reals_of
from gan.evaluate.target import Target
from gan.pictures import batches, grids
from gan.sample import sample
from scrapbag import decision
from scrapbag.disk import write_bytes
from scrapbag.errors import ScrapbagError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from gan.evaluate.fidelity import Reals
    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels
    from scrapbag.layout import Data, Run

_GAP = 8  # pixels around the words


def write(
    run: Run, pictures: Pictures, data: Data, level: int, best: int, of: int, seed: int, truncation: float = 1.0
) -> tuple[Path, str]:
    """A sheet of the `best` of `of` samples under RUN/samples/, best first; its path, and by what they were chosen.

    Copies are left out: samples nearer to a training picture than 98 % of held-out ones are (metrics.copying). Raises
    UsageError where fewer than `best` are left.
    """
    generator = sample.load(run.generator, truncation=truncation)
    fakes = batches.to_bytes(sample.draw(generator, of, seed))
    distance, least = distances(fakes, reals_of(pictures, generator.values, level))
    worth, by = value(fakes, data, distance)
    able = distance >= least
    order = chosen(worth, able, best)
    words = f"{best} of {of:,} samples of seed {seed}, by {by}; {of - int(able.sum())} near copies left out"
    path = run.samples / f"best{best}-of{of}-seed{seed}{sample.suffix(truncation)}.png"
    _save(path, fakes[order.numpy()], words)
    return path, words


def chosen(value: Tensor, able: Tensor, best: int) -> Tensor:
    """(best,): the positions of the largest of `value`, (N,), that are `able`, (N,) bool; the largest first.

    Raises UsageError where fewer are.
    """
    places = able.nonzero().flatten()
    if len(places) < best:
        raise UsageError(
            f"{len(places)} of {len(able)} samples are no copies of training pictures, and {best} were asked for; "
            "write a smaller BEST or a larger OF"
        )
    return places[value[places].argsort(descending=True, stable=True)][:best]


def distances(fakes: Pixels, reals: Reals) -> tuple[Tensor, float]:
    """On random features: how far each sample is from the nearest training picture, and how far one must be."""
    kind = features.untrained(reals.reference)
    train = kind.look(reals.train)
    held = metrics.nearest(kind.look(reals.held), train)
    return metrics.nearest(kind.look(fakes), train), float(held.quantile(0.02))


def value(fakes: Pixels, data: Data, distance: Tensor) -> tuple[Tensor, str]:
    """(N,) larger is better, and in words what it is: the curation model's confidence; where there is none, nearness.

    Nearness to real pictures on random features is a weak judge (docs/gan.md), but better than none.
    """
    try:
        target = Target(decision.read(data))
    except ScrapbagError as error:
        return -distance, f"their nearness to training pictures ({error})"
    confidence = target.confidences(fakes)
    kept = int((confidence >= target.decision.cut).sum())
    return confidence, f"the confidence of {target.words}, which {kept} of all reach"


def _save(path: Path, pixels: Pixels, words: str) -> None:
    """The sheet with the words below it, on as many lines as they need."""
    sheet, font = grids.sheet(pixels), ImageFont.load_default(13)
    lines, line = [], ""
    for word in words.split():
        if line and font.getlength(f"{line} {word}") > sheet.width - 2 * _GAP:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    text = "\n".join([*lines, line])
    _, top, _, bottom = ImageDraw.Draw(sheet).multiline_textbbox((0, 0), text, font)
    image = Image.new("RGB", (sheet.width, sheet.height + round(bottom - top) + 3 * _GAP), "white")
    image.paste(sheet)
    ImageDraw.Draw(image).multiline_text((_GAP, sheet.height + _GAP), text, "black", font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())
