"""Whether everything on the disk is what was written there: a line a fault, with the command that heals it."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from safetensors import SafetensorError, safe_open
from tqdm import tqdm

from scrapbag.catalog import connect, pictures
from scrapbag.errors import TooManyFailuresError, UsageError, exits
from scrapbag.formats import png
from scrapbag.layout import METADATA, Data, Pack, Run, Version
from scrapbag.make import options
from scrapbag.make.command import last_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MOST_PARTS = 1000


@dataclass(frozen=True)
class Fault:
    """Something on the disk that is not what was written, and the command that heals it."""

    where: Path
    what: str
    heal: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} · heal: {self.heal}"


@dataclass(frozen=True)
class Part:
    """The k-th of n parts of the files, by hash, so that n calls with k = 1 ... n look at each file once."""

    k: int = 1
    n: int = 1

    def has(self, sha256: str) -> bool:
        return int(sha256[:8], 16) % self.n == self.k - 1

    @classmethod
    def of(cls, text: str) -> Part:
        """`2/5`. Raises UsageError."""
        k, slash, n = text.partition("/")
        if not (slash and k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n) <= _MOST_PARTS):
            raise UsageError(f"PART is {text!r}; write PART=1/5, up to PART=5/5, or leave it out")
        return cls(int(k), int(n))


def faults(data: Data, run: Run, part: Part) -> Iterator[Fault]:
    """Every fault of a dataset and its run, in the order of the stages. Nothing is mended."""
    call = last_call(data)
    curate, train = call.make("curate"), call.make("train")
    yield from catalog(data)
    yield from images(data, part, call.make("scrape", RETRY="failed"))
    yield from scores(data, part, call.make("score"))
    yield from squares(data, part, curate)
    yield from packs(data, train)
    yield from training(run, train)


def catalog(data: Data) -> Iterator[Fault]:
    """SQLite's own check, and rows that point to nothing."""
    heal = "move catalog.db away and scrape anew; answers that you exported come back by make labels"
    with closing(connect(data.catalog)) as connection:
        try:
            for (said,) in connection.execute("pragma integrity_check(20)"):
                if said != "ok":
                    yield Fault(data.catalog, said, heal)
            lost = (
                "select count(*) from request where sha256 is not null and sha256 not in (select sha256 from picture)"
            )
            if count := connection.execute(lost).fetchone()[0]:
                yield Fault(data.catalog, f"{count} requests name a picture that has no row", heal)
        except sqlite3.DatabaseError as error:
            yield Fault(data.catalog, str(error), heal)


def images(data: Data, part: Part, retry: str) -> Iterator[Fault]:
    """Every stored picture by its hash, and files that no row names. `retry` is the command that fetches again."""
    with closing(connect(data.catalog)) as connection:
        stored = pictures(connection, data)
    named = {picture.path for picture in stored}
    some = [picture for picture in stored if part.has(picture.sha256)]

    def look(which: int) -> Fault | None:
        picture = some[which]
        try:
            if picture.is_intact():
                return None
        except FileNotFoundError:
            return Fault(picture.path, f"picture {picture.number} is gone", retry)
        return Fault(picture.path, f"picture {picture.number} is damaged", f"rm '{picture.path}'; {retry}")

    yield from _each("images", len(some), look)
    for path in sorted(data.images.glob("*/*")):
        if path not in named and part.has(_digest(path)):
            yield Fault(path, "no row names this file", f"rm '{path}'")


def scores(data: Data, part: Part, anew: str) -> Iterator[Fault]:
    """Every shard of scores by its hash; those that an older version wrote have none, and are opened."""
    for root in sorted(path for path in data.scored.glob("*/") if path.is_dir()):
        version = Version(root)
        sums = _sums(version.sums)
        for shard in version.shards():
            if not part.has(_digest(shard)):
                continue
            known = sums.get(shard.name)
            whole = _sha256(shard) == known if known else _opens(shard)
            if not whole:
                yield Fault(shard, "these scores are damaged", f"rm '{shard}' '{data.index}'; {anew}")


def squares(data: Data, part: Part, anew: str) -> Iterator[Fault]:
    """Every cached square by its own checksums, and curated/ against its table."""
    paths = [path for path in sorted(data.squares.glob("*/*/*.png")) if part.has(_digest(path))]

    def look(which: int) -> Fault | None:
        path = paths[which]
        if png.is_whole(path.read_bytes()):
            return None
        return Fault(path, "this square is damaged", f"rm -r '{path}' '{data.curated}'; {anew}")

    yield from _each("squares", len(paths), look)
    if not data.curated.is_dir():
        return
    heal = f"rm -r '{data.curated}'; {anew}"
    try:
        with (data.curated / METADATA).open(newline="", encoding="utf-8-sig") as file:
            listed = {row["file_name"] for row in csv.DictReader(file)}
    except (FileNotFoundError, KeyError, UnicodeDecodeError, csv.Error) as error:
        yield Fault(data.curated / METADATA, f"the table cannot be read ({type(error).__name__})", heal)
        return
    there = {path.name for path in data.curated.glob("*.png")}
    for name in sorted(listed ^ there):
        yield Fault(data.curated / name, "its table has no such row" if name in there else "this square is gone", heal)
    for path in sorted(data.curated.glob("*.png")):
        if path.stat().st_nlink == 1 and part.has(_digest(path)) and not png.is_whole(path.read_bytes()):
            yield Fault(path, "this square is damaged", heal)  # a copy, on a disk without hard links


def packs(data: Data, anew: str) -> Iterator[Fault]:
    """The packed pixels by the hash in their index."""
    for root in sorted(path for path in data.packed.glob("*/") if path.is_dir()):
        pack = Pack(root)
        index = _json(pack.index)
        if index is None or not pack.pixels.exists() or index.get("sha256", "") not in {"", _sha256(pack.pixels)}:
            yield Fault(pack.pixels, "the packed squares are damaged", f"rm -r '{root}'; {anew}")


def training(run: Run, anew: str) -> Iterator[Fault]:
    """Checkpoints by their archive's checksums, generators by their headers."""
    for path in sorted(run.checkpoints.glob("*.pt")):
        if not _zipped(path):
            yield Fault(path, "this checkpoint is damaged; the one before it is used", f"rm '{path}'; {anew}")
    for path in (run.generator, run.best):
        if path.exists() and not _opens(path):
            yield Fault(path, "this generator is damaged", f"rm '{path}' '{run.done}'; {anew}")


def _each(name: str, count: int, look: Callable[[int], Fault | None]) -> Iterator[Fault]:
    """What `look` finds in 0 to `count` - 1, in their order, on all cores and with a progress bar."""
    with ThreadPoolExecutor() as pool:
        found: Iterable[Fault | None] = pool.map(look, range(count))
        for fault in tqdm(found, total=count, desc=name, unit=" files", disable=None, leave=False):
            if fault:
                yield fault


def _digest(path: Path) -> str:
    """Of a file's name: which part it is in."""
    return hashlib.sha256(path.name.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sums(path: Path) -> dict[str, str]:
    """By file name the hash that sha256sum's format has; of a shard that was written twice the later one."""
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return {words[1]: words[0] for words in lines if len(words) == 2}


def _json(path: Path) -> dict[str, object] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _opens(path: Path) -> bool:
    path.open("rb").close()
    try:
        with safe_open(path, framework="numpy"):
            return True
    except SafetensorError:
        return False


def _zipped(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        return False


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--part", default="1/1", help="1/5 to 5/5: a fifth of the files.")
@options.as_json
def main(data: Path, run: Path, part: str, *, as_json: bool) -> None:
    """Compare every file with what was written; exit 1 where one differs."""
    with exits():
        found = []
        for fault in faults(Data(data), Run(run), Part.of(part)):
            found.append({"where": str(fault.where), "what": fault.what, "heal": fault.heal})
            if not as_json:
                tqdm.write(str(fault))
        if as_json:
            options.printed(data=str(data), run=str(run), part=part, whole=not found, faults=found)
        if found:
            raise TooManyFailuresError(f"{len(found)} faults in {data} and {run}; nothing was changed")
        if not as_json:
            share = f" (part {part})" if part != "1/1" else ""
            click.echo(f"{data} and {run}: everything is as it was written{share}")


if __name__ == "__main__":
    main()
