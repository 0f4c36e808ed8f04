"""A scored dataset without a model: the scores of a simulated classifier, and a few drawn pictures under many names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from curate.look.hashes import COLUMNS as HASHES
from curate.look.measure import COLUMNS
from curate.model.targets import ClassSet
from curate.scores import derived, neighbours
from curate.scores.batches import output_columns
from curate.scores.pairs import NAME, VERSION, Pairs, read_pairs, stored
from curate.scores.shards import SIZE, Shards
from scrapbag import catalog, labels
from scrapbag.labels import Label
from scrapbag.layout import Data, Version

if TYPE_CHECKING:
    from pathlib import Path

AT = "2026-01-02T03:04:05Z"
QUESTION = ("quilt",)
_LINKS = 40_000  # to one file; ext4 allows 65,000


@dataclass(frozen=True)
class Set:
    data: Data
    wanted: dict[str, bool]  # the truth, by sha256
    confidence: dict[str, float]


def dataset(
    root: Path,
    count: int,
    *,
    separation: float = 3.0,
    share: float = 0.3,
    pairs: bool = True,
    model: bool = True,
    classes: int = 2,
) -> Set:
    """`count` pictures of which `share` are wanted. Without `pairs` the near-duplicates and neighbours are made up.

    Without `model` nobody but the quality rules has looked at them. With more than two `classes` the network is one of
    many classes whose prior takes the wanted one for e^3 times rarer than it is.
    """
    rng = np.random.default_rng(5)
    data = Data(root)
    names = [hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(count)]
    wanted = rng.random(count) < share
    score = separation * (rng.normal(size=count) + separation * wanted) - separation**2 / 2
    score += np.log(share / (1 - share))
    _store(data, names)
    shards = Shards(data.scored / "0123456789abcdef")
    columns = {name: np.zeros(count, dtype=kind) for name, kind in COLUMNS.items()}
    columns |= {"width": np.full(count, 640, np.uint32), "height": np.full(count, 480, np.uint32)}
    columns |= {"entropy": np.full(count, 6, np.float32), "blur": np.full(count, 500, np.float32)}
    columns |= {"panels": np.ones(count, np.uint8), "hashes": rng.integers(0, 2**63, (count, HASHES), dtype=np.uint64)}
    features = rng.normal(size=(count, 32)) + np.where(wanted, 1.0, -1.0)[:, None] * (np.arange(32) < 8)
    logits = np.column_stack([score, np.zeros(count)])
    if classes > 2:
        others = rng.normal(size=(count, classes - 1))
        logits = np.column_stack([score - 3 + np.log(np.exp(others).sum(axis=1)), others])
    for start in range(0, count, SIZE):
        some = slice(start, start + SIZE)
        outputs = output_columns(features[some].astype(np.float32), logits[some].astype(np.float32)) if model else {}
        shards.append(names[some], {name: column[some] for name, column in columns.items()} | outputs)
    info = {"model": "simulated", "link": "softmax", "backend": "none", "dtype": "fp32", "features": 32}
    Version(shards.folder).model.write_text(json.dumps(info))
    Version(shards.folder).labels.write_text(
        ClassSet("model", ("quilt", "other", *map(str, range(2, classes)))).dumps()
    )
    data.index.write_text(json.dumps({"key": shards.folder.name, "model": "simulated"}))
    if pairs:
        read_pairs(shards)
    else:
        store_pairs(shards.folder, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        row = rng.integers(0, count, (count, 20), dtype=np.int32)
        alike = {"row": row, "cosine": np.full((count, 20), 0.5, np.float32)}
        derived.store(shards, neighbours.NAME, neighbours.VERSION, alike)
    data.settings.mkdir()
    data.settings_of("curate").write_text('name = "quilts"\n[curate]\ntargets = ["quilt"]\nsize = 32\n')
    confidence = 1 / (1 + np.exp(-score))
    return Set(data, dict(zip(names, wanted.tolist(), strict=True)), dict(zip(names, confidence.tolist(), strict=True)))


def store_pairs(folder: Path, first: np.ndarray, second: np.ndarray) -> None:
    """Say that those pictures, and no others, are copies of each other."""
    pairs = Pairs(
        duplicate=np.empty((0, 3), dtype=np.int64),
        phash=np.empty((0, 4), dtype=np.int64),
        phash_cosine=np.empty(0, dtype=np.float32),
        first=first,
        second=second,
        cosine=np.full(len(first), 0.99, dtype=np.float32),
    )
    derived.store(Shards(folder), NAME, VERSION, stored(pairs))


def answer(
    made: Set,
    asked: list[tuple[str, str]],
    purpose: str,
    drawn: dict[str, object] | None = None,
    question: tuple[str, ...] = QUESTION,
) -> None:
    """Write answers (sha256, answer) as if a person had given them."""
    connection = labels.connect(made.data.catalog)
    labels.add(connection, [Label(name, word, question, purpose, drawn or {}, AT) for name, word in asked])
    connection.close()


def told(made: Set) -> list[Label]:
    connection = labels.connect(made.data.catalog)
    found = labels.every(connection)
    connection.close()
    return found


def _store(data: Data, names: list[str]) -> None:
    """The catalog, and for every picture a hard link to one of a few drawings."""
    drawings = data.root / "drawings"
    drawings.mkdir(parents=True)
    different = max(12, len(names) // _LINKS)
    for number in range(different):
        image = Image.new("RGB", (640, 480), f"hsl({30 * number}, 45%, 88%)")
        pen = ImageDraw.Draw(image)
        for x in range(0, 640, 80):
            for y in range(0, 480, 80):
                corner = [(x, y), (x + 80, y), (x, y + 80)]
                pen.polygon(corner, fill=f"hsl({30 * number + 5 * (x + y) // 80}, 55%, {40 + (x * y) % 30}%)")
        image.save(drawings / f"{number}.jpg", quality=88)
    for sha256 in names:
        path = data.image(sha256, "jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(drawings / f"{int(sha256[:4], 16) % different}.jpg")
    connection = catalog.connect(data.catalog, create=True)
    connection.execute("begin immediate")
    connection.executemany(
        "insert into picture (sha256, extension, bytes, width, height, added_at) values (?, 'jpg', 30000, 640, 480, ?)",
        [(sha256, AT) for sha256 in names],
    )
    connection.executemany(
        "insert into request (url, host, source, kind, state, attempts, fetched_at, sha256)"
        " values (?, '127.0.0.1', 'drawn', 'picture', 'done', 1, ?, ?)",
        [(f"http://127.0.0.1/{sha256}.jpg", AT, sha256) for sha256 in names],
    )
    connection.execute("commit")
    connection.close()
