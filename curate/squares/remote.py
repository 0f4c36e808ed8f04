"""Tar shards into a bucket or another folder, and out of one: curated/ as it was where make export ran."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tqdm import tqdm

from curate.squares import cache, tables, tars
from scrapbag.disk import lock, write_text
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import CARD, DATASET, INDEX, SHARDS, handed_by
from scrapbag.storage import address, state
from scrapbag.storage.moving import THERE, Moved, each, went
from scrapbag.storage.store import digest, fetch
from scrapbag.storage.store import send as put

if TYPE_CHECKING:
    from pathlib import Path

    from curate.squares.tars import Shard
    from scrapbag.layout import Data
    from scrapbag.storage.store import Store

_MEMBER = re.compile(r"(\d{5,20})\.(png|json)")
_LARGEST = 2**28  # bytes of a member; a square of 4096 pixels has a fifth of that


def send(folder: Path, url: str, *, fresh: bool = False) -> Moved:
    """Put the shards of an export AS=webdataset there, and their index last; returns what went.

    A shard is there under a name with its hash, and never changes: whoever has read an index finds all that it names
    until the export after the next, which deletes what the next one named no more. A shard that is there already is not
    sent again unless `fresh`. Raises UsageError where the shards of another dataset are.
    """
    store, index = address.opened(url), (folder / SHARDS).read_bytes()
    shards = tars.read(index, str(folder))
    new = {tars.stored(shard): shard for shard in shards}
    there = store.read(SHARDS)
    old, gone = _named(there[0], url, json.loads(index)["name"], fresh=fresh) if there else ([], set())

    def move(item: tuple[str, Shard]) -> Moved:
        name, shard = item
        if not fresh and store.size(name) == shard.bytes:
            return THERE
        return went(put(store, name, folder / shard.name))

    moved = each(new.items(), move, "shards", sum(shard.bytes for shard in shards))
    if old != list(new):
        put(store, CARD, folder / CARD)
        dropped = set(old) - new.keys()
        store.write(SHARDS, tars.renamed(index, list(new), sorted(dropped)), there[1] if there else None)
        for name in sorted(gone - new.keys() - set(old)):
            store.delete(name)
    return moved


def _named(index: bytes, url: str, name: str, *, fresh: bool) -> tuple[list[str], set[str]]:
    """The shards that an index in a store names, and those that it names no more; none of a damaged one if `fresh`.

    Raises UsageError for any other damaged one, and for one that is of another dataset than `name`.
    """
    try:
        old, gone = [shard.name for shard in tars.read(index, url)], tars.dropped(index, url)
    except UsageError as error:
        if fresh:
            return [], set()
        raise UsageError(f"{error}, with FRESH=1, which takes its place") from None
    if json.loads(index).get("name") != name:
        raise UsageError(f"{url} has shards of another dataset; write another prefix")
    return old, gone


def unpack(data: Data, url: str) -> int:
    """Fill data/<name>/curated/ from the shards at `url`; returns the number of squares.

    Every shard is checked by size, SHA-256 and count before the first square is written; what came is kept until the
    end, so that the next call goes on. Raises MissingError where there is no index, DiskError, which names it, for a
    shard that is lost, short or damaged, UsageError for shards of others and where `data` has pictures of its own.
    """
    if data.catalog.exists() or (data.curated.exists() and not data.handed.exists()):
        raise UsageError(f"{data.root} has pictures of its own; write DATA=data/<another name> for the shards")
    store = address.opened(url)
    there = store.read(SHARDS) or store.read(INDEX)  # an older one
    if there is None:
        raise MissingError(f"{url} has no {SHARDS}, so its shards may be unfinished; run make export AS=webdataset")
    index = there[0]
    shards = tars.read(index, url)
    count, said = sum(shard.samples for shard in shards), hashlib.sha256(index).hexdigest()
    data.root.mkdir(parents=True, exist_ok=True)
    with lock(data.root, "curate"), state.workplace(data) as work:
        if _done(data) == said:
            return count
        _bring(store, shards, index, work)
        tars.verify(work)
        new = work / "squares"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        seen: set[str] = set()
        rows = [row for shard in shards for row in _unpacked(work / shard.name, new, seen)]
        tables.write_table(new, _table(rows, url))
        os.sync()  # once for all squares, as an export does
        _note(data, url, count, "")  # while curated/ is being exchanged it is nobody's
        cache.swap(new, data.curated)
        _note(data, url, count, said)
    return count


def _done(data: Data) -> str:
    """The hash of the index that curated/ was filled from; '' where that did not come to its end."""
    if not (data.handed.exists() and (data.curated / DATASET).exists()):
        return ""
    try:
        return handed_by(data).sha256
    except UsageError:  # and is written anew
        return ""


def _note(data: Data, url: str, count: int, digest: str) -> None:
    write_text(data.handed, json.dumps({"from": url, "pictures": count, "sha256": digest}, indent=1) + "\n")


def _bring(store: Store, shards: list[Shard], index: bytes, work: Path) -> None:
    for shard in tqdm(shards, desc="shards", disable=None, delay=2, leave=False):
        path = work / shard.name
        if not (path.exists() and digest(path) == shard.sha256):  # by a call that was killed
            fetch(store, shard.name, shard.bytes, shard.sha256, path, way="make export AS=webdataset")
    (work / SHARDS).write_bytes(index)


def _unpacked(path: Path, folder: Path, seen: set[str]) -> list[dict[str, Any]]:
    """Write the squares of a shard into `folder`; returns their rows. Raises UsageError for one that is not ours.

    `seen` are the names of all shards so far: one that comes again is not ours either.
    """
    rows = []
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            named = _MEMBER.fullmatch(member.name)
            file = tar.extractfile(member) if member.isfile() and member.size <= _LARGEST else None
            if named is None or file is None:
                raise UsageError(f"{path.name} has {member.name[:80]!r} in it, which make export does not write")
            if member.name in seen:
                raise UsageError(f"{path.name} has {member.name} in it, which came before; export again")
            seen.add(member.name)
            if named[2] == "png":
                (folder / member.name).write_bytes(file.read())
                continue
            row = _row(file.read(), f"{path.name} was written by another version: {member.name}")
            if row["file_name"] != f"{named[1]}.png" or not (folder / row["file_name"]).exists():
                raise UsageError(f"{path.name}: {member.name} is of no square that stands before it")
            rows.append(row)
    return rows


def _row(content: bytes, other: str) -> dict[str, Any]:
    try:
        row = dict(json.loads(content))
    except (ValueError, TypeError):
        raise UsageError(f"{other} is no row") from None
    if lacking := [name for name in tables.DTYPES if name not in row]:
        raise UsageError(f"{other} has no {lacking[0]}")
    return row


def _table(rows: list[dict[str, Any]], url: str) -> pa.Table:
    try:
        return tables.as_arrow(rows, tables.arrow_schema())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        raise UsageError(f"the rows in {url} have values of other kinds than make export writes") from None
