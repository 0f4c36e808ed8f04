"""poster.png: one A3 sheet to print, of the best samples, with the dataset's name, counts and credits."""

from __future__ import annotations

import csv
import io
import math
from bisect import bisect
from collections import Counter
from typing import TYPE_CHECKING

import torch
from PIL import Image, ImageDraw, ImageFont

from gan.evaluate import best
from gan.evaluate.fidelity import reals_of
from gan.pictures import batches
from gan.sample import sample
from gan.step import players
from gan.step.players import Machine
from gan.train import checkpoint
from scrapbag.disk import write_bytes
from scrapbag.errors import ScrapbagError, UsageError
from scrapbag.layout import CREDITS
from scrapbag.make.command import last_call
from scrapbag.plain import plain

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from gan.pictures.data import Pictures
    from gan.pictures.packing import Pixels
    from gan.sample.sample import Generator
    from scrapbag.layout import Data, Run

DPI = 300
A3 = (3508, 4961)  # pixels at 300 dpi: 297 x 420 mm (ISO 216)
COUNT, TIMES = 48, 16  # pictures, and samples to choose from for each of them
_MARGIN, _GAP = 180, 24
_TITLE, _SMALL, _TINY = 200, 64, 44  # heights of the type
_PAPER, _INK, _GREY = "#ffffff", "#1c1b1a", "#6b6763"
_NAMED = 3  # licences that the sheet names


def write(run: Run, pictures: Pictures, data: Data, level: int, count: int, of: int, seed: int) -> tuple[Path, str]:
    """RUN/poster.png of the `count` best of `of` samples; its path, and in words by what they were chosen.

    The best are those that D is surest of, where a checkpoint has it, else the curation model; samples nearer to a
    training picture than 98 % of held-out ones are left out (metrics.copying). Raises UsageError where few are left.
    """
    if of <= count:
        raise UsageError(f"the best {count} of {of} are no choice; write an OF larger than N")
    generator = sample.load(run.generator)
    floats = sample.draw(generator, of, seed)
    pixels = batches.to_bytes(floats)
    distance, least = best.distances(pixels, reals_of(pictures, generator.values, level))
    value = by_d(run, generator, floats)
    by = "D's own score"
    if value is None:
        value, by = best.value(pixels, data, distance)
    order = best.chosen(value, distance >= least, count)
    name = last_call(data).name or data.root.resolve().name
    facts = f"{count} of {of:,} samples, after {generator.images_seen:,} images of {generator.size}x{generator.size}"
    facts += f", learnt from {sum(pictures.counts):,} pictures"
    image = sheet(pixels[order.numpy()], name, facts, credit_line(data))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", dpi=(DPI, DPI), compress_level=3)
    write_bytes(run.poster, buffer.getvalue())
    return run.poster, f"the best {count} of {of:,} samples of seed {seed}, by {by}"


@torch.no_grad()
def by_d(run: Run, generator: Generator, fakes: Tensor) -> Tensor | None:
    """(N,) the newest D's logits of samples (N, 3, H, W) in [-1, 1]; None where no checkpoint has a D of this shape."""
    state = checkpoint.load(run.checkpoints)
    if state is None:
        return None
    try:
        d = players.make(generator.values, generator.size, 0, Machine()).d.eval()
        d.load_state_dict(state["d"])
    except (ScrapbagError, KeyError, RuntimeError):
        return None
    return torch.cat([d(part).float().flatten(1).mean(1) for part in torch.split(fakes, 64)])


def sheet(pixels: Pixels, title: str, facts: str, credited: str) -> Image.Image:
    """The sheet: `title` and `facts` above (N, H, W, 3) pictures in a block as large as the paper lets it be."""
    image = Image.new("RGB", A3, _PAPER)
    draw = ImageDraw.Draw(image)
    wide = A3[0] - 2 * _MARGIN
    top, bottom = _MARGIN + _TITLE + _SMALL + 160, A3[1] - _MARGIN - 2 * _TINY - 60
    columns, side = arranged(len(pixels), wide, bottom - top)
    rows = -(-len(pixels) // columns)
    left = (A3[0] - columns * side - (columns - 1) * _GAP) // 2
    high = top + (bottom - top - rows * side - (rows - 1) * _GAP) // 2
    for i, one in enumerate(pixels):
        at = (left + i % columns * (side + _GAP), high + i // columns * (side + _GAP))
        image.paste(Image.fromarray(one).resize((side, side), Image.Resampling.LANCZOS), at)
    edge = left if left < 2 * _MARGIN else _MARGIN  # words begin where the pictures do
    wide = A3[0] - 2 * edge
    draw.text((edge, _MARGIN), title, _INK, _fitting(title, _TITLE, wide))
    draw.text((edge, _MARGIN + _TITLE + 60), facts, _GREY, _fitting(facts, _SMALL, wide))
    lines, font = _wrapped(credited, wide), ImageFont.load_default(_TINY)
    draw.multiline_text((edge, A3[1] - _MARGIN - _TINY * (lines.count("\n") + 1)), lines, _GREY, font)
    return image


def arranged(count: int, width: int, height: int) -> tuple[int, int]:
    """How many columns of squares fill a field best, and the side of each in pixels."""

    def side(columns: int) -> int:
        rows = -(-count // columns)
        return min((width - (columns - 1) * _GAP) // columns, (height - (rows - 1) * _GAP) // rows)

    columns = max(range(1, count + 1), key=lambda one: (side(one), -one))
    if (found := side(columns)) < 1:
        raise UsageError(f"{count} pictures do not fit on a sheet; write a smaller N")
    return columns, found


def credit_line(data: Data) -> str:
    """Whose pictures were learnt from: how many makers are named, and the commonest licences, by CREDITS.csv."""
    try:
        with (data.curated / CREDITS).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        rows = []
    if not rows:
        return "Made with scrapbag. The credits of the pictures are lost."
    makers = {plain(row.get("creator") or "") for row in rows} - {""}
    licences = Counter(plain(row.get("licence") or "") or "unknown" for row in rows)
    most = ", ".join(f"{name} {count:,}" for name, count in licences.most_common(_NAMED))
    rest = licences.total() - sum(count for _, count in licences.most_common(_NAMED))
    more = f", others {rest:,}" * bool(rest)
    return (
        f"Made with scrapbag from {len(rows):,} pictures{f' of {len(makers):,} named makers' * bool(makers)}, "
        f"each credited in {CREDITS}. Licences: {most}{more}."
    )


def _fitting(text: str, height: int, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of that height, or of the largest in which `text` is no wider than `width`."""
    length = ImageFont.load_default(height).getlength(text)
    height = min(height, math.floor(height * width / max(length, 1)))
    while (font := ImageFont.load_default(height)).getlength(text) > width:  # small letters are as wide as whole pixels
        height -= 1
    return font


def _wrapped(text: str, width: int) -> str:
    """On at most two lines; what they have no room for is cut."""
    font = ImageFont.load_default(_TINY)

    def fits(words: list[str], end: str = "") -> int:
        """How many of the words a line has room for, by halving."""
        return bisect(
            range(1, len(words) + 1), width, key=lambda n: math.ceil(font.getlength(" ".join(words[:n]) + end))
        )

    words = text.split()
    first = fits(words)
    if len(rest := words[first:]) == (second := fits(rest)):
        return "\n".join(filter(None, (" ".join(words[:first]), " ".join(rest))))
    return f"{' '.join(words[:first])}\n{' '.join(rest[: fits(rest, ' …') or second])} …"
