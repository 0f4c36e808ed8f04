"""Tar shards in WebDataset's format, and an index with each one's hash and count, so that a lost one is noticed.

Our own code on purpose: thirty lines over tarfile in place of a dependency, webdataset, whose writer makes no index.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from scrapbag.disk import write_text
from scrapbag.errors import DiskError, MissingError
from scrapbag.layout import INDEX, SHARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

PER_SHARD = 1000


def write(folder: Path, name: str, pictures: Sequence[tuple[Path, dict[str, Any]]]) -> None:
    """`<name>-000000.tar` and so on, then .index.json, in the form of WebDataset's indexed reader (wids).

    A sample is NNNNN.png with NNNNN.json, its row of metadata. The same pictures give the same bytes.
    """
    shards = []
    for number, start in enumerate(range(0, len(pictures), PER_SHARD)):
        path = folder / f"{name}-{number:06d}.tar"
        samples = pictures[start : start + PER_SHARD]
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for picture, row in tqdm(samples, desc=path.name, disable=None, delay=2, leave=False):
                _add(tar, picture.name, picture.read_bytes())
                _add(tar, f"{picture.stem}.json", json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
        facts = {"url": path.name, "nsamples": len(samples), "filesize": path.stat().st_size, "sha256": _hash(path)}
        shards.append(facts)
    index = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "nsamples": len(pictures)}
    write_text(folder / SHARDS, json.dumps(index | {"shardlist": shards}, indent=1) + "\n")


def verify(folder: Path | str) -> int:
    """The number of pictures in the shards of `folder`, when every byte is as the index says.

    Raises MissingError without an index, DiskError at the first shard that is lost, damaged or short.
    """
    folder = Path(folder)
    path = next((path for path in (folder / SHARDS, folder / INDEX) if path.exists()), None)  # an older one
    if path is None:
        raise MissingError(f"{folder} has no {SHARDS}, so its shards may be unfinished; run make export AS=webdataset")
    index = json.loads(path.read_text(encoding="utf-8"))
    again = "run make export AS=webdataset again"
    total = 0
    for shard in index["shardlist"]:
        path = folder / shard["url"]
        if not path.exists():
            raise DiskError(f"{path} is lost; {again}")
        if path.stat().st_size != shard["filesize"] or _hash(path) != shard["sha256"]:
            raise DiskError(f"{path} is not what was written; {again}")
        with tarfile.open(path) as tar:
            found = sum(name.endswith(".json") for name in tar.getnames())
        if found != shard["nsamples"]:
            raise DiskError(f"{path} holds {found} pictures instead of {shard['nsamples']}; {again}")
        total += found
    if total != index["nsamples"]:
        raise DiskError(f"{folder} holds {total} pictures instead of {index['nsamples']}; {again}")
    return total


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # dated 1970, owned by nobody: the bytes depend on the pictures alone
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
