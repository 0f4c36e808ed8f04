"""Tar shards in WebDataset's format, and an index with each one's hash and count, so that a lost one is noticed.

Our own code on purpose: thirty lines over tarfile in place of a dependency, webdataset, whose writer makes no index.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from scrapbag.disk import write_text
from scrapbag.errors import DiskError, MissingError, UsageError
from scrapbag.layout import INDEX, SHARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

PER_SHARD = 1000
_NAME = re.compile(r"[\w-][\w.-]*\.tar")
_VERSION = 1  # of wids' index
_ODD = "is damaged or not of make export AS=webdataset; export again"


class Shard(NamedTuple):
    """A tar file as the index tells of it."""

    name: str
    samples: int
    bytes: int
    sha256: str


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
    index = {"__kind__": "wids-shard-index-v1", "wids_version": _VERSION, "name": name, "nsamples": len(pictures)}
    write_text(folder / SHARDS, json.dumps(index | {"shardlist": shards}, indent=1) + "\n")


def verify(folder: Path | str) -> int:
    """The number of pictures in the shards of `folder`, when every byte is as the index says.

    Raises MissingError without an index, UsageError for one that is none, DiskError at the first shard that is lost,
    damaged or short.
    """
    folder = Path(folder)
    path = next((path for path in (folder / SHARDS, folder / INDEX) if path.exists()), None)  # an older one
    if path is None:
        raise MissingError(f"{folder} has no {SHARDS}, so its shards may be unfinished; run make export AS=webdataset")
    again = "run make export AS=webdataset again"
    listed = read(path.read_bytes(), str(folder))
    for shard in listed:
        path = folder / shard.name
        if not path.exists():
            raise DiskError(f"{path} is lost; {again}")
        if path.stat().st_size != shard.bytes or _hash(path) != shard.sha256:
            raise DiskError(f"{path} is not what was written; {again}")
        with tarfile.open(path) as tar:
            found = sum(name.endswith(".json") for name in tar.getnames())
        if found != shard.samples:
            raise DiskError(f"{path} holds {found} pictures instead of {shard.samples}; {again}")
    return sum(shard.samples for shard in listed)


def read(index: bytes, where: str) -> list[Shard]:
    """The shards of an index, which `where` has, at least one.

    Raises UsageError where it is none of ours, counts wrongly, names a shard twice, or is of another version.
    """
    try:
        table = json.loads(index)
        shards = [Shard(one["url"], one["nsamples"], one["filesize"], one["sha256"]) for one in table["shardlist"]]
        whole = table["nsamples"] == sum(shard.samples for shard in shards)
        whole &= all(_NAME.fullmatch(shard.name) and shard.bytes > 0 and shard.samples > 0 for shard in shards)
        whole &= 0 < len(shards) == len({shard.name for shard in shards}) == len({shard.sha256 for shard in shards})
        version = table.get("wids_version", _VERSION)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise UsageError(f"the index in {where} {_ODD}")
    if version != _VERSION:
        raise UsageError(
            f"the index in {where} has wids_version {version!r:.20}, and {_VERSION} is read; update scrapbag"
        )
    return shards


def stored(shard: Shard) -> str:
    """What a shard is called in a store: a part of its hash is in the name, so that no name gets another content."""
    return f"{shard.name.removesuffix('.tar')}-{shard.sha256[:16]}.tar"


def renamed(index: bytes, names: Sequence[str], dropped: Sequence[str]) -> bytes:
    """An index whose shards have other names; `dropped` are those that the index before it had and this one has not."""
    table = json.loads(index)
    shards = [one | {"url": name} for one, name in zip(table["shardlist"], names, strict=True)]
    return (json.dumps(table | {"shardlist": shards, "dropped": list(dropped)}, indent=1) + "\n").encode()


def dropped(index: bytes, where: str) -> set[str]:
    """The shards that the index before this one had and this one has not; none in an older index.

    Raises UsageError where one is no name of a shard.
    """
    names = json.loads(index).get("dropped", [])
    if not (isinstance(names, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)):
        raise UsageError(f"the index in {where} {_ODD}")
    return set(names)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # dated 1970, owned by nobody: the bytes depend on the pictures alone
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
