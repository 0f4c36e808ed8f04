"""Exports the original pictures with captions, for those who fine-tune a diffusion model: LoRA by three trainers."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import tomli_w
import yaml
from PIL import Image
from tqdm import tqdm

from curate.look import decode
from curate.report import report_csv
from curate.squares import words
from curate.squares.handover import name_of, replacing
from curate.squares.tables import CREDITED, credits_csv
from scrapbag import decision
from scrapbag.disk import lock
from scrapbag.errors import DiskError, MissingError, ScrapbagError, UsageError
from scrapbag.layout import CREDITS
from scrapbag.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from curate.rows import Row
    from scrapbag.layout import Data

STEP = 64  # of the sides: diffusion models work on an eighth of them, in steps of eight
LEAST = 256  # shorter side: sd-scripts' own min_bucket_reso
QUALITY = 95  # of the JPEGs, without chroma subsampling
JSONL, KOHYA, OSTRIS = "metadata.jsonl", "sd-scripts.toml", "ai-toolkit.yaml"


@dataclass(frozen=True)
class Captions:
    """What was asked for."""

    side: int = 768  # a picture has at most as many pixels as a square of that side
    word: str = ""  # the trigger word; '' is the dataset's name
    derivatives: bool = False  # take those whose licence forbids derivatives, too


@dataclass(frozen=True)
class HandedOver:
    """What came of it: pictures written, and those left out, by why."""

    place: Path
    count: int
    small: int
    forbidden: int
    unreadable: int

    def __str__(self) -> str:
        left = {
            f"under {LEAST} pixels": self.small,
            "whose licence forbids derivatives (ND=1 takes them)": self.forbidden,
            "unreadable": self.unreadable,
        }
        said = ", ".join(f"{count:,} {why}" for why, count in left.items() if count)
        return f"exported {self.count:,} pictures with captions{f'; left out: {said}' * bool(said)} -> {self.place}"


def bucket(width: int, height: int, side: int) -> tuple[int, int] | None:
    """The size that a picture gets: its aspect, at most side² pixels, sides in steps of 64, never enlarged.

    As sd-scripts' buckets with bucket_no_upscale. None where the shorter side would be under 256.
    """
    scale = min(1.0, side / math.sqrt(width * height))
    sides = (int(width * scale + 1e-6) // STEP * STEP, int(height * scale + 1e-6) // STEP * STEP)
    return sides if min(sides) >= LEAST else None


def export(data: Data, asked: Captions) -> HandedOver:
    """Write data/<name>/export/captions/, whole or not at all: NNNNN.jpg, NNNNN.txt, tables and two configurations.

    Raises MissingError before the first make curate, UsageError where no picture is left, DiskError where one is lost,
    LockedError while make curate runs.
    """
    word = words.trigger(asked.word, name_of(data))
    with lock(data.root, "curate"):
        if not data.curated.is_dir():
            raise MissingError(f"there is no {data.curated}; run make curate first")
        rows = sorted((row for row in report_csv.read(data.report_csv) if row.kept), key=lambda row: row.number or 0)
        allowed = [row for row in rows if asked.derivatives or not words.forbids_derivatives(row)]
        place = data.export / "captions"
        decode.strict(decode.max_pixels(data))
        with replacing(place) as made:
            made.mkdir()
            written = _pictures(data, made, allowed, asked.side)
            kept = [row for row, how in zip(allowed, written, strict=True) if how == "written"]
            if not kept:
                raise UsageError(f"none of {len(rows):,} kept pictures can be handed over so; write a smaller SIDE")
            _words(made, kept, word, _targets(data))
            _configure(made, place, asked.side, word)
    return HandedOver(
        place, len(kept), written.count("small"), len(rows) - len(allowed), written.count("unreadable")
    )  # fmt: skip


def _pictures(data: Data, made: Path, rows: Sequence[Row], side: int) -> list[str]:
    def one(row: Row) -> str:
        source = data.image(row.sha256, row.extension)
        try:
            opened = decode.load(source, at_least=side)
        except decode.UnusableError:
            return "unreadable"
        except FileNotFoundError:
            raise DiskError(f"{source} is lost; make scrape RETRY=failed fetches it again") from None
        if (sides := bucket(opened.width, opened.height, side)) is None:
            return "small"
        fitted(opened.image, sides).save(made / _picture(row), quality=QUALITY, subsampling=0)
        return "written"

    with ThreadPoolExecutor() as pool:  # Pillow decodes without the interpreter's lock
        return list(tqdm(pool.map(one, rows), total=len(rows), desc="export", disable=None, delay=2))


def fitted(image: Image.Image, sides: tuple[int, int]) -> Image.Image:
    """The middle of `image` in the aspect of `sides`, made that small."""
    scale = max(sides[0] / image.width, sides[1] / image.height)
    width, height = min(sides[0] / scale, image.width), min(sides[1] / scale, image.height)
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return image.resize(sides, Image.Resampling.LANCZOS, (left, top, left + width, top + height), reducing_gap=3.0)


def _words(made: Path, rows: Sequence[Row], word: str, targets: Sequence[str]) -> None:
    """A text beside each picture, all of them as diffusers' scripts read them, and the credits."""
    lines = []
    for row in rows:
        said = words.caption(word, row, targets)
        (made / _picture(row)).with_suffix(".txt").write_text(f"{said}\n", encoding="utf-8")
        lines.append(json.dumps({"file_name": _picture(row), "text": said}, ensure_ascii=False))
    (made / JSONL).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    columns = {name: [getattr(row, name) for row in rows] for name in CREDITED}
    whom = credits_csv(pd.DataFrame(columns | {"file_name": [*map(_picture, rows)]}))
    (made / CREDITS).write_bytes(whom.encode("utf-8-sig"))


def _configure(made: Path, place: Path, side: int, word: str) -> None:
    """A dataset for sd-scripts (--dataset_config), and a job for ai-toolkit, which reads YAML; they name `place`."""
    folder = str(place.resolve())
    general = {"caption_extension": ".txt", "shuffle_caption": False, "enable_bucket": True}
    general |= {"bucket_no_upscale": True, "bucket_reso_steps": STEP, "min_bucket_reso": LEAST}
    subset = {"image_dir": folder, "class_tokens": word, "num_repeats": 1}
    dataset = {"resolution": side, "batch_size": 1, "max_bucket_reso": 4 * side, "subsets": [subset]}
    kohya = tomli_w.dumps({"general": general, "datasets": [dataset]})
    (made / KOHYA).write_text(f"# train_network.py --dataset_config {KOHYA}\n{kohya}", encoding="utf-8")
    images: dict[str, Any] = {
        "folder_path": folder,
        "caption_ext": "txt",
        "resolution": [side],
        "shuffle_tokens": False,
    }
    process: dict[str, Any] = {
        "type": "sd_trainer",
        "training_folder": "output",
        "device": "cuda:0",
        "trigger_word": word,
        "network": {"type": "lora", "linear": 16, "linear_alpha": 16},
        "datasets": [images | {"caption_dropout_rate": 0.05, "cache_latents_to_disk": True}],
        "train": {"batch_size": 1, "steps": 2000, "gradient_checkpointing": True, "optimizer": "adamw8bit", "lr": 1e-4},
        "model": {"name_or_path": "", "quantize": True},
    }
    job = {"job": "extension", "config": {"name": word.replace(" ", "-"), "process": [process]}}
    head = "# run.py ai-toolkit.yaml, once model.name_or_path says which model, and network and train suit it\n"
    (made / OSTRIS).write_text(head + yaml.safe_dump(job, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _targets(data: Data) -> list[str]:
    try:
        return [plain(one) for one in decision.read(data).targets]
    except ScrapbagError:
        return []


def _picture(row: Row) -> str:
    return f"{row.number or 0:05d}.jpg"
