"""python -m benchmarks.big.rates: what a picture costs to score and to square, in CPU-seconds and bytes; and pairs.

Scoring is `make score`'s own command with a ResNet-50 (random weights serve for time), once with some pictures and once
with twice as many new ones: the difference is without the start. The pictures are JPEGs of 1000 x 750.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import click
import timm
from timm.models import save_for_hf

from benchmarks.big.__main__ import measured
from benchmarks.big.dataset import build
from benchmarks.curate import draw
from benchmarks.support import simulated_data
from curate.scores.pairs import read_pairs
from curate.scores.shards import Shards
from curate.squares import cache
from scrapbag import catalog
from scrapbag.layout import Data
from scrapbag.recipe import Scrape

FEW = 16  # pictures of the first scoring; the second has twice as many
SIDE = 64
PAIRS = 8000  # pictures of which all pairs are compared
MILLIONS = (1, 10)


def score(root: Path, files: list[Path]) -> float:
    """CPU-seconds a picture from file to shard."""
    save_for_hf(timm.create_model("resnet50", num_classes=1000), str(root / "model"), safe_serialization=True)
    data = Data(root / "data")
    data.settings.mkdir(parents=True)
    data.settings_of("score").write_text(f'name = "rates"\n[score]\nmodel = "local-dir:{root / "model"}"\n')
    spent = []
    for some in (files[:FEW], files[FEW : 3 * FEW]):
        _store(data, some)
        spent.append(measured([sys.executable, "-m", "curate", "score", "--data", str(data.root)])["cpu_s"])
    return (spent[1] - spent[0]) / FEW


def square(root: Path, files: list[Path]) -> tuple[float, int]:
    """CPU-seconds a square from file to PNG, and the bytes of one."""
    wanted = [cache.Wanted(number, _digest(path), path, 1.0) for number, path in enumerate(files)]
    squaring = cache.Squaring(SIDE, "border", Scrape.max_pixels)()
    start = time.process_time()
    for one in wanted:
        (root / f"{one.number}.png").write_bytes(cache.square_png(squaring, one))
    spent = time.process_time() - start
    return spent / len(files), sum((root / f"{one.number}.png").stat().st_size for one in wanted) // len(files)


def pairs(root: Path) -> float:
    """CPU-seconds that comparing PAIRS pictures with each other takes."""
    made = simulated_data.dataset(root, PAIRS, pairs=False)
    (folder,) = [path for path in made.data.scored.iterdir() if path.is_dir()]
    (folder / "pairs.npz").unlink()
    start = time.process_time()
    read_pairs(Shards(folder))
    return time.process_time() - start


def kept_on_disk(root: Path, count: int = 2000) -> dict[str, int]:
    """Bytes a picture of the catalog and of the scores of a network with 32 features and two classes."""
    data = build(root, count).data
    scored = sum(path.stat().st_size for path in data.scored.rglob("*.safetensors"))
    return {"catalog": data.catalog.stat().st_size // count, "scores_small": scored // count}


def _store(data: Data, files: list[Path]) -> None:
    connection = catalog.connect(data.catalog, create=True)
    for path in files:
        sha256 = _digest(path)
        place = data.image(sha256, "jpg")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(path)
        connection.execute(
            "insert into picture (sha256, extension, bytes, width, height, added_at)"
            " values (?, 'jpg', ?, 1000, 750, '')",
            (sha256, path.stat().st_size),
        )
    connection.close()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@click.command()
def main() -> None:
    """Print what a picture costs, what millions come to, and last a line of JSON."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        files = draw(root / "files")
        figures = {"score_cpu_s": score(root, files[: 3 * FEW])}
        figures["square_cpu_s"], figures["square_bytes"] = square(root, files)
        figures["picture_bytes"] = sum(path.stat().st_size for path in files) // len(files)
        figures["pairs_cpu_s"] = pairs(root / "pairs")
        figures |= kept_on_disk(root / "kept")
    for millions in MILLIONS:
        count = millions * 10**6
        figures[f"score_{millions}m_core_h"] = figures["score_cpu_s"] * count / 3600
        figures[f"square_{millions}m_core_h"] = figures["square_cpu_s"] * count / 3600
        figures[f"pairs_{millions}m_core_h"] = figures["pairs_cpu_s"] * (count / PAIRS) ** 2 / 3600
    for key, value in figures.items():
        click.echo(f"{key:<22} {value:,.4g}" if isinstance(value, float) else f"{key:<22} {value:,}")
    click.echo(json.dumps({"figures": {key: round(value, 4) for key, value in figures.items()}, "reached": {}}))


if __name__ == "__main__":
    main()
