"""The names inside data/<name>/ and runs/<name>/, and what two packages read of a run: metrics.csv, its origin.

docs/format.md specifies what is in each file.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "index.json"  # of scores and packs: written last, so that without it nothing counts
SECTIONS = "recipe"  # the folder of the recipe's sections as they were last seen, to notice an edit
# The tables of curated/, and of every folder that squares are handed over in (Hugging Face's ImageFolder; StyleGAN)
METADATA, DATASET, CREDITS = "metadata.csv", "dataset.json", "CREDITS.csv"
TYPED = "metadata.parquet"  # of an exported folder, in metadata.csv's place: Hugging Face reads it without a loss
CARD = "README.md"  # of an export
SHARDS = f".{INDEX}"  # of exported shards; hidden, because readers of a folder of shards take all else for one
_FAKES = "fakes-"


class Inside:
    """An attribute that is a path: `name` inside the `root` of the object that has it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: Data | Version | Pack | Run | Start, _: type) -> Path:
        return folder.root / self._name


@dataclass(frozen=True)
class Data:
    """The folder of one dataset. Stages meet here and nowhere else."""

    root: Path
    variable: ClassVar = "DATA"  # of make, that names it

    catalog = Inside("catalog.db")
    records = Inside("records")  # a cache of what the catalog says
    addresses = Inside("records/addresses.arrow")  # of every address that was asked for, as columns
    images = Inside("images")  # the bytes as served, by sha256
    scored = Inside("scored")  # score versions, a folder each
    index = Inside(f"scored/{INDEX}")  # which score version is the present one, and the stamp of the score stage
    squares = Inside("squares")  # the cache of squares; curated/ is made of links into it
    thumbs = Inside("thumbs")  # the cache of the small pictures that report.html shows
    curated = Inside("curated")
    stamps = Inside("stamps")  # when Make last ran a stage
    packed = Inside("packed")  # curated/ as arrays that a trainer maps into memory
    export = Inside("export")  # curated/ in other forms
    report = Inside("report")
    scrape_csv = Inside("report/scrape.csv")
    report_csv = Inside("report/report.csv")
    report_parquet = Inside("report/report.parquet")  # the same with types, for programs
    map = Inside("report/map.parquet")  # every picture's place on a plane, and the picture small
    sweep_csv = Inside("report/sweep.csv")
    labels_csv = Inside("report/labels.csv")
    report_html = Inside("report/report.html")
    targets_html = Inside("report/targets.html")  # the classes that pictures won most often
    decision = Inside("report/decision.json")  # what curate decided by, for pictures that are not in the dataset
    counts = Inside("report/counts.json")  # of report.csv, so that make status need not read all of that
    card = Inside("DATASET_CARD.md")
    handed = Inside("shards.json")  # where curated/ came from, if not from a catalog: shards of another machine
    afield = Inside(".afield")  # there while processes of a crawl ask hosts that its command does not ask itself
    moving = Inside(".moving")  # what a push or a pull has not finished with
    settings = Inside("settings")
    call = Inside(f"settings/{SECTIONS}/call.toml")  # how make was last called for this dataset
    model_digests = Inside("settings/model.sha256")  # of a model on this computer, when the score stage was last set

    def settings_of(self, stage: str) -> Path:
        """What a stage last ran with, as a recipe of that one section."""
        return self.settings / f"{stage}.toml"

    def section_of(self, stage: str) -> Path:
        """A stage's section of the recipe as it was last seen."""
        return self.settings / SECTIONS / f"{stage}.toml"

    def version(self, key: str) -> Version:
        return Version(self.scored / key)

    def image(self, sha256: str, extension: str) -> Path:
        """Where a picture's bytes are; `extension` comes from the bytes' signature, never from a URL."""
        return self.images / image(sha256, extension)


def image(sha256: str, extension: str) -> str:
    """The place of a picture's bytes inside images/."""
    return f"{sha256[:2]}/{sha256}.{extension}"


@dataclass(frozen=True)
class Version:
    """The folder of one score version."""

    root: Path

    model = Inside("model.json")  # who looked, and how: name, activation, backend, dtype, number of features
    sums = Inside("SHA256SUMS")  # of the shards, as sha256sum writes and checks them
    labels = Inside("labels.json")  # the classes that the model knows, in the order of its logits

    def shard(self, number: int) -> Path:
        return self.root / f"shard-{number:05d}.safetensors"

    def shards(self) -> list[Path]:
        """Every shard, in order."""
        return sorted(self.root.glob("shard-*.safetensors"))

    def derived(self, name: str) -> Path:
        """What is derived from all shards: pairs, neighbours, posterior, winners."""
        return self.root / f"{name}.npz"


@dataclass(frozen=True)
class Pack:
    """The folder of one packed curation."""

    root: Path

    pixels = Inside("pixels.u8")  # of every picture, one after the other
    index = Inside(INDEX)  # names, levels and shapes


@dataclass(frozen=True)
class Run:
    """The folder of one training run."""

    root: Path
    variable: ClassVar = "RUN"  # of make, that names it

    asked = Inside("train.toml")  # what Make was asked to train, the stamp of the train stage
    section = Inside(f"{SECTIONS}/train.toml")  # [train] of the recipe as it was last seen
    call = Inside(f"{SECTIONS}/call.toml")  # how make was last called for this run
    settings = Inside("settings.toml")  # what the run really uses, the probe's choice and every preset value included
    metrics = Inside("metrics.csv")
    quality = Inside("quality.csv")  # KID and coverage on the way, a row a look
    checkpoints = Inside("checkpoints")
    generator = Inside("generator.safetensors")
    best = Inside("best.safetensors")  # the generator of the smallest KID so far
    evaluation = Inside("evaluation.json")
    reals = Inside("reals.png")
    neighbours = Inside("neighbours.png")  # samples beside the training pictures that are nearest to them
    blind = Inside("blind.json")  # answers of people who did not know which picture is real
    start = Inside("start")  # a copy of what it began from, where INIT said so
    dealt = Inside("dealt")  # some pictures of another computer, kept to measure by: a Pack
    samples = Inside("samples")  # what `sample` and `interpolate` made
    film = Inside("progress.gif")
    video = Inside("progress.mp4")  # the same
    poster = Inside("poster.png")
    posts = Inside("posts.json")  # what was posted, and where
    report = Inside("report.html")
    card = Inside("MODEL_CARD.md")
    done = Inside("done.json")

    def fakes(self, kimg: int) -> Path:
        """The grid of so many thousand images."""
        return self.root / f"{_FAKES}{kimg:06d}.png"

    def grids(self) -> dict[Path, int]:
        """Every grid with its thousands of images, in their order; files that a user named alike are left out."""
        paths = sorted(self.root.glob(f"{_FAKES}*.png"))
        kimg = {path: path.stem.removeprefix(_FAKES) for path in paths}
        return {path: int(number) for path, number in kimg.items() if number.isdecimal()}


@dataclass(frozen=True)
class Start:
    """The folder of what a run can begin from: networks, and some pictures that they had learnt from."""

    root: Path

    weights = Inside("weights.safetensors")  # of D, of the averaged G and, where it is there, of G
    squares = Inside("squares.webp")  # side by side on one sheet
    card = Inside("start.json")  # what they are; written last, so that without it nothing counts


class Handed(NamedTuple):
    """Where a dataset's squares came from, if they came as shards."""

    source: str  # a folder or a bucket
    pictures: int
    sha256: str  # of the index there; '' while curated/ is being exchanged


def handed_by(data: Data) -> Handed:
    """What shards.json says. Raises UsageError when the file is damaged."""
    try:
        said = json.loads(data.handed.read_text(encoding="utf-8"))
        return Handed(str(said["from"]), int(said["pictures"]), str(said["sha256"]))
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"{data.handed} is damaged; run make pull SHARDS=<where its squares came from>") from None


def dealt_by(run: Run) -> str:
    """The address of the server that a run's pictures come from; "" where they lie in a folder, or nobody knows."""
    try:
        origin = tomllib.loads(run.settings.read_text(encoding="utf-8")).get("from")
    except (OSError, ValueError):
        return ""
    return origin if isinstance(origin, str) and origin.startswith(("http://", "https://")) else ""


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
