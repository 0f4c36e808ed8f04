"""The README.md of an export: what is in it, under which licences, and how others read it (a dataset card)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scrapbag.layout import CREDITS, DATASET, SHARDS, TYPED
from scrapbag.plain import plain
from scrapbag.web import markdown

if TYPE_CHECKING:
    import pandas as pd

_SPLITS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation"}
_PATHS = {"folder": "**", "zip": "*.zip", "webdataset": "*.tar", "parquet": "*.parquet"}  # by form: what the hub reads
_SAYS = {
    "folder": (
        "`{folder}/` holds the squares; {typed} says what is known of each, {credits} whom to credit, {dataset} is for "
        'StyleGAN. `torchvision.datasets.ImageFolder(".")` and `load_dataset("imagefolder", data_dir=".")` read it.'
    ),
    "zip": (
        "`{name}.zip` holds `{folder}/` with the squares, {typed}, {credits}, and {dataset} for StyleGAN's trainers, "
        'which read it as it is; so does `load_dataset("imagefolder", data_files="{name}.zip")`.'
    ),
    "webdataset": (
        "Tar shards: NNNNN.png beside NNNNN.json, which says what is known of it. {index} has each shard's count and "
        'SHA-256. `load_dataset("webdataset", data_dir=".")` and webdataset read them.'
    ),
    "parquet": (
        "`{name}.parquet` has the bytes in the column `image`. "
        '`load_dataset("parquet", data_files="{name}.parquet")` reads it.'
    ),
}


def class_folder(name: str) -> str:
    """The folder of the squares: the dataset's name, or `squares` where Hugging Face would take it for a split."""
    return "squares" if _SPLITS & set(re.split("[^a-z]+", name.lower())) else name


def text(name: str, kind: str, frame: pd.DataFrame) -> str:
    """In Markdown; the head in YAML is the Hugging Face hub's, without which a name such as `test` were a split."""
    sizes = frame[["width", "height"]].drop_duplicates()
    size = (
        "of their own sizes" if len(sizes) > 1 else "x".join(str(int(side)) for side in sizes.to_numpy()[0]) + " pixels"
    )
    files = {"typed": TYPED, "credits": CREDITS, "dataset": DATASET, "index": SHARDS}
    says = _SAYS[kind].format(
        name=name, folder=class_folder(name), **{word: f"`{file}`" for word, file in files.items()}
    )
    licences = frame["licence"].map(lambda one: plain(one) or "unknown").value_counts()
    counts = sorted(licences.items(), key=lambda one: (-one[1], str(one[0])))
    files_of_hub = [{"split": "train", "path": _PATHS[kind]}]
    lines = [
        f"# {markdown.text(name)}",
        "",
        f"{len(frame):,} pictures, {size}, chosen by {markdown.text(str(frame['model'].iloc[0]))}.",
        "",
        says,
        "",
        "Licences, as the pages that showed the pictures state them:",
        "",
        *markdown.table(("licence", "pictures"), [(str(licence), int(count)) for licence, count in counts]),
    ]
    head = {"configs": [{"config_name": "default", "data_files": files_of_hub}]}
    return markdown.front(head) + "\n".join(lines) + "\n"
