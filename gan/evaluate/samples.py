"""What the sample command makes: a sheet, a PNG each, the best of many, or a texture; and what does not go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gan.evaluate import best
from gan.sample import sample, textures
from gan.train import runs
from scrapbag.errors import UsageError
from scrapbag.layout import Data

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Run

SAMPLES = 64  # where no N is written
SHEET = 4096  # pictures on a sheet, at most
TIMES = 16  # samples to choose from for each of the best, where nothing else is said


@dataclass(frozen=True)
class Asked:
    """The options of `python -m gan sample`."""

    count: int | None  # None: one texture, or a sheet of so many as SAMPLES
    form: str  # sheet | png
    best: int | None
    among: int | None
    truncation: float
    data_root: Path | None
    pixels: str | None  # this and the next three: of a texture, see gan/sample/textures.py
    std: float
    kinds: str
    seamless: bool

    @property
    def texture(self) -> bool:
        """Whether anything was said that only a texture has."""
        return bool(self.pixels or self.kinds or self.seamless or self.std != 1)


def write(run: Run, seed: int, asked: Asked) -> str:
    """Make it; a line that says what and where. Raises UsageError, in one sentence, for what does not go together."""
    _check(asked)
    if asked.texture:
        count, pixels = asked.count or 1, asked.pixels or "512x512"
        if count > SHEET:
            raise UsageError(f"{count:,} textures are too many at once; write an N up to {SHEET:,}")
        paths = textures.write(run, pixels, asked.std, asked.kinds, seamless=asked.seamless, seed=seed, count=count)
        made = "a texture" if count == 1 else f"{count:,} textures"
        return f"{made} of seed {seed} -> {paths[0]}{f' to {paths[-1].name}' if count > 1 else ''}"
    if asked.best:
        pictures, curated, level = runs.pictures(run, asked.data_root)
        among = asked.among or TIMES * asked.best
        path, words = best.write(run, pictures, Data(curated.parent), level, asked.best, among, seed, asked.truncation)
        return f"{words} -> {path}"
    make, count = sample.write_each if asked.form == "png" else sample.write, asked.count or SAMPLES
    return f"{count:,} samples of seed {seed} -> {make(run, count, seed, asked.truncation)}"


def _check(asked: Asked) -> None:
    if asked.texture and (asked.best or asked.form == "png" or asked.truncation != 1):
        raise UsageError("PIXELS, STD, TYPE and SEAMLESS make textures; write them without BEST, AS and TRUNCATION")
    if asked.among and not asked.best:
        raise UsageError("OF is how many to choose from; write BEST=64 beside it")
    if asked.best and asked.form == "png":
        raise UsageError("BEST makes a sheet, AS=png a file each; write one of them")
    if asked.best and asked.among and asked.among <= asked.best:
        raise UsageError(f"the best {asked.best} of {asked.among} are no choice; write an OF larger than BEST")
    if asked.form == "sheet" and not (asked.best or asked.texture) and (asked.count or SAMPLES) > SHEET:
        raise UsageError(f"a sheet has at most {SHEET:,} pictures; write AS=png for a file each")
