"""The names inside data/<name>/ and runs/<name>/, and the lines of metrics.csv, which two packages read."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Data:
    """The folder of one dataset. Stages meet here and nowhere else."""

    root: Path

    @property
    def catalog(self) -> Path:
        return self.root / "catalog.db"

    @property
    def images(self) -> Path:
        """The bytes as served, by sha256."""
        return self.root / "images"

    @property
    def scored(self) -> Path:
        """Score versions, a folder each, and which of them is the present one."""
        return self.root / "scored"

    @property
    def index(self) -> Path:
        """Which score version is the present one, and the stamp of the score stage."""
        return self.scored / "index.json"

    def version(self, key: str) -> Version:
        return Version(self.scored / key)

    @property
    def squares(self) -> Path:
        """The cache of squares; curated/ is made of links into it."""
        return self.root / "squares"

    @property
    def thumbs(self) -> Path:
        """The cache of the small pictures that report.html shows."""
        return self.root / "thumbs"

    @property
    def export(self) -> Path:
        """curated/ in other forms."""
        return self.root / "export"

    @property
    def curated(self) -> Path:
        return self.root / "curated"

    @property
    def packed(self) -> Path:
        """curated/ as arrays that a trainer maps into memory."""
        return self.root / "packed"

    @property
    def report(self) -> Path:
        return self.root / "report"

    @property
    def scrape_csv(self) -> Path:
        return self.report / "scrape.csv"

    @property
    def report_csv(self) -> Path:
        return self.report / "report.csv"

    @property
    def sweep_csv(self) -> Path:
        return self.report / "sweep.csv"

    @property
    def labels_csv(self) -> Path:
        return self.report / "labels.csv"

    @property
    def report_html(self) -> Path:
        return self.report / "report.html"

    @property
    def settings(self) -> Path:
        return self.root / "settings"

    def settings_of(self, stage: str) -> Path:
        """What a stage last ran with, as a recipe of that one section."""
        return self.settings / f"{stage}.toml"

    @property
    def model_digests(self) -> Path:
        """What the files of a model on this computer were when the score stage was last set."""
        return self.settings / "model.sha256"

    def image(self, sha256: str, extension: str) -> Path:
        """Where a picture's bytes are; `extension` comes from the bytes' signature, never from a URL."""
        return self.images / sha256[:2] / f"{sha256}.{extension}"


@dataclass(frozen=True)
class Version:
    """One score version: its shards stand beside these."""

    root: Path

    @property
    def model(self) -> Path:
        """Who looked, and how: name, activation, backend, dtype, number of features."""
        return self.root / "model.json"

    @property
    def labels(self) -> Path:
        """The classes that the model knows, in the order of its logits."""
        return self.root / "labels.json"


# The tables of curated/, and of every folder that squares are handed over in (Hugging Face's ImageFolder; StyleGAN)
METADATA = "metadata.csv"
DATASET = "dataset.json"
CREDITS = "CREDITS.csv"


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    root: Path

    @property
    def asked(self) -> Path:
        """What Make was asked to train, the stamp of the train stage."""
        return self.root / "train.toml"

    @property
    def settings(self) -> Path:
        """What the run really uses, the probe's choice and every preset value included."""
        return self.root / "settings.toml"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.csv"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def generator(self) -> Path:
        return self.root / "generator.safetensors"

    @property
    def best(self) -> Path:
        """The generator of the smallest KID so far."""
        return self.root / "best.safetensors"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation.json"

    @property
    def quality(self) -> Path:
        """KID and coverage on the way, a row a look."""
        return self.root / "quality.csv"

    @property
    def reals(self) -> Path:
        return self.root / "reals.png"

    @property
    def samples(self) -> Path:
        """What `sample` and `interpolate` made."""
        return self.root / "samples"

    @property
    def neighbours(self) -> Path:
        """Samples beside the training pictures that are nearest to them."""
        return self.root / "neighbours.png"

    @property
    def film(self) -> Path:
        return self.root / "progress.gif"

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    @property
    def done(self) -> Path:
        return self.root / "done.json"

    def fakes(self, kimg: int) -> Path:
        return self.root / f"fakes-{kimg:06d}.png"

    def grids(self) -> list[Path]:
        """Every grid of samples, in the order of images seen."""
        return sorted(self.root.glob("fakes-*.png"))


def metrics_rows(run: Run) -> list[dict[str, str]]:
    """The lines of metrics.csv, checked to be numbers; [] where there is none. A line that a kill cut off is left out.

    Raises UsageError when the file is damaged.
    """
    if not run.metrics.exists():
        return []
    try:
        whole = run.metrics.read_text(encoding="utf-8").rpartition("\n")[0]
        lines = list(csv.DictReader(io.StringIO(whole)))
        for line in lines:
            int(line["images_seen"])
            for value in line.values():
                float(value or 0)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UsageError(f"{run.metrics} is damaged ({error}); take the wrong line out or move it away") from None
    return lines
