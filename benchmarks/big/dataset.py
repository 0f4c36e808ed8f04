"""python -m benchmarks.big.dataset FOLDER COUNT: a scored dataset of so many pictures, with their pages and squares.

Scores are those of `simulated_data`, a network of two classes and 32 features. Of every hundred addresses ten gave no
picture, five gave the bytes of another one, and one in twenty pictures has a near-duplicate. The pictures are hard
links to a few dozen drawings, and so are their squares, which are all there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from PIL import Image

from benchmarks.support import simulated_data
from curate.squares import cache
from scrapbag import catalog
from scrapbag.recipe import Curate

if TYPE_CHECKING:
    import sqlite3

    from scrapbag.layout import Data

SIDE = 64
_SQUARES = 64  # different ones
_SOURCES = ("museum", "shop", "archive", "gallery")
_REASONS = ("http_4xx", "timeout", "robots", "http_5xx")
_KEPT_FROM = 0.5  # confidence from which a picture has a square: no threshold that is measured goes lower


def build(root: Path, count: int) -> simulated_data.Set:
    """`count` pictures in `root`, and 1.15 times as many addresses."""
    made = simulated_data.dataset(root, count, pairs=False)
    names = list(made.wanted)
    rng = np.random.default_rng(count)
    (version,) = [path for path in made.data.scored.iterdir() if path.is_dir()]
    ends = rng.permutation(count)[: 2 * (count // 40)].reshape(2, -1)
    simulated_data.store_pairs(version, ends.min(axis=0), ends.max(axis=0))
    with catalog.connect(made.data.catalog) as connection:
        connection.execute("begin immediate")
        _addresses(connection, names, rng)
        _pages(connection)
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    _squares(made)
    settings(made.data, 0.9)
    return made


def settings(data: Data, threshold: float) -> None:
    """What make writes for `make curate THRESH=`."""
    text = f'name = "quilts"\n[curate]\ntargets = ["quilt"]\nsize = {SIDE}\nthreshold = {threshold}\n'
    data.settings_of("curate").write_text(text)


def _addresses(connection: sqlite3.Connection, names: list[str], rng: np.random.Generator) -> None:
    """The addresses that brought nothing new, and every address's source."""
    insert = """insert into request (url, host, source, kind, state, reason, attempts, settled, fetched_at, sha256)
        values (?, '127.0.0.1', '', 'picture', ?, ?, 1, ?, ?, ?)"""
    failed = [
        (f"http://127.0.0.1/lost/{number}.jpg", "failed", _REASONS[number % 4], "failed", simulated_data.AT, None)
        for number in range(len(names) // 10)
    ]
    again = [
        (f"http://127.0.0.1/again/{number}.jpg", "done", "", "done", simulated_data.AT, names[number])
        for number in rng.permutation(len(names))[: len(names) // 20].tolist()
    ]
    connection.executemany(insert, failed)
    connection.executemany(insert.replace("insert into", "insert or ignore into"), again)
    sources = " ".join(f"when {number} then '{name}'" for number, name in enumerate(_SOURCES))
    connection.execute(f"update request set settled = state, source = case (id * id) % {len(_SOURCES)} {sources}"
                       f" else '{_SOURCES[-1]}' end")  # fmt: skip


def _pages(connection: sqlite3.Connection) -> None:
    """A page for every address, with what pages say of pictures."""
    connection.executemany("insert into source (name, recipe) values (?, '{}')", [(name,) for name in _SOURCES])
    connection.execute("""insert into sighting
        (url, page_url, source, source_id, title, tags, creator, licence, licence_url, attribution)
        select url, 'http://127.0.0.1/object/' || id || '/a-quilt-of-many-patches', source, id,
            'Quilt no. ' || id || ', pieced cotton', 'quilt, cotton, patchwork', 'Maker ' || (id % 5000),
            case id % 3 when 0 then 'CC0-1.0' when 1 then 'CC-BY-4.0' else 'unknown' end,
            'https://creativecommons.org/', '' from request""")


def _squares(made: simulated_data.Set) -> None:
    """A square in the cache for every picture that may be kept."""
    drawn = made.data.root / "drawn-squares"
    drawn.mkdir()
    rng = np.random.default_rng(0)
    for number in range(_SQUARES):
        patches = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(patches).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(drawn / f"{number}.png")
    for number, (sha256, confidence) in enumerate(made.confidence.items()):
        if confidence >= _KEPT_FROM:
            one = cache.Wanted(number, sha256, Path(), 0.0)
            path = cache.place(made.data.squares, one, SIDE, Curate.fit)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.hardlink_to(drawn / f"{number % _SQUARES}.png")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("count", type=int)
def main(folder: Path, count: int) -> None:
    """Build it."""
    build(folder, count)


if __name__ == "__main__":
    main()
