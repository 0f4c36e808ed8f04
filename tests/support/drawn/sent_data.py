"""A dataset to be sent to a store, what is in it, and the commands that send and bring it."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from making import ROOT

from scrapbag.catalog import connect
from scrapbag.storage import address, state
from scrapbag.storage.bucket import Patience
from scrapbag.storage.pull import pull
from scrapbag.storage.push import push

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapbag.layout import Data
    from scrapbag.storage.moving import Moved

HASTY = Patience(request_s=1.5, connect_s=1.0, tries=2, pause_s=0.05)
ADD = "insert into picture (sha256, extension, bytes, added_at) values (?, 'jpg', ?, '')"
ASK = "insert into request (url, host, source, kind, state, settled, sha256) values (?, 'h', 'shop', 'picture', 'done', 'done', ?)"  # noqa: E501
ANSWER = "insert into label (sha256, answer, targets, purpose, at) values (?, 'yes', '[\"quilt\"]', 'certify', 'now')"


def add(data: Data, count: int, seed: int = 0, size: int = 3000) -> None:
    """Pictures that came, of random bytes."""
    rng = random.Random(seed)
    with closing(connect(data.catalog, create=True)) as connection:
        for number in range(count):
            content = rng.randbytes(size)
            sha256 = hashlib.sha256(content).hexdigest()
            path = data.image(sha256, "jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            connection.execute(ADD, (sha256, size))
            connection.execute(ASK, (f"https://h/{seed}/{number}", sha256))


def execute(data: Data, sql: str, *values: object) -> list[Any]:
    with closing(connect(data.catalog)) as connection:
        return connection.execute(sql, values).fetchall()


def write(data: Data, name: str, content: bytes) -> None:
    path = data.scored / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def sent(data: Data, url: str, **options: bool) -> Moved:
    return push(data, "quilts", address.opened(url, HASTY), **options)[0]


def brought(data: Data, url: str) -> Moved:
    return pull(data, "quilts", address.opened(url, HASTY))[0]


def content(data: Data) -> tuple[dict[str, tuple[bytes, int]], list[list[Any]], dict[str, bytes]]:
    """Every file that goes, with its bytes and, of the others, its date."""
    files = {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in state.files(data).items()}
    rows = [execute(data, f"select * from {table} order by 1") for table in ("picture", "request", "label", "sighting")]
    return files, rows, {path.name: path.read_bytes() for path in data.images.rglob("*") if path.is_file()}


def whole(objects: Mapping[str, bytes]) -> bool:
    """Whether every object has the bytes that its name says."""
    named = {name: body for name, body in objects.items() if "/objects/" in f"/{name}"}
    return bool(named) and all(
        hashlib.sha256(body).hexdigest() == name.rpartition("/")[2] for name, body in named.items()
    )


def command(word: str, data: Data, url: str, *words: str, **environ: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "scrapbag.storage", word, "--data", str(data.root)]
    line += ["--run", str(data.root.parent / "run"), "--recipe", "quilts.toml", "--store", url, *words]
    return subprocess.Popen(
        line, cwd=ROOT, env=os.environ | environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def said(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=60)
    return process.returncode, out
