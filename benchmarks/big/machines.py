"""Machines in small: copies of this checkout in folders of their own, a shop to scrape, and a bucket between them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil

from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parents[2]
NAME, PICTURES, IMAGES = "quilts", 150, 2_000  # of the recipe that each machine has
_NOT_THEIRS = {"MAKEFLAGS", "MAKELEVEL", "PYTHONPATH"}  # of the environment


class Machines:
    """Copies of this checkout, made when they are first asked for, and what runs on them."""

    def __init__(self, root: Path, shop: int, environment: dict[str, str]) -> None:
        self.root = root
        self._shop = shop
        own = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
        self._environment = own | environment

    def folder(self, name: str) -> Path:
        """The machine's checkout, in which it runs everything."""
        place = self.root / name
        if not place.exists():
            files = subprocess.run(["git", "ls-files"], cwd=HERE, capture_output=True, text=True, check=True)
            for file in files.stdout.splitlines():
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(HERE / file, place / file)
            (place / ".venv").symlink_to(Path(sys.prefix))
            recipe = (place / "recipes" / "demo.toml").read_text().replace("8765", str(self._shop))
            recipe = recipe.replace('name = "demo"', f'name = "{NAME}"')
            recipe = recipe.replace("[scrape]\n", f"[scrape]\nlimit = {PICTURES}\n")
            recipe = recipe.replace("minutes = 5\n", f"images = {IMAGES}\n")
            (place / "recipes" / f"{NAME}.toml").write_text(recipe)
        return place

    def run(self, name: str, command: str) -> str:
        """What a command prints. Raises UsageError with its last lines where it fails."""
        click.echo(f"  {name}$ {command}")
        done = subprocess.run(
            ["bash", "-c", command], check=False, cwd=self.folder(name), env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900,
        )  # fmt: skip
        if done.returncode:
            raise UsageError(f"{command} ended with {done.returncode}: {done.stdout[-2000:]}")
        return done.stdout

    @contextmanager
    def running(self, name: str, command: str, port: int, says: str) -> Iterator[None]:
        """While a command runs that does not end by itself, once its port answers and it has said so."""
        click.echo(f"  {name}$ {command}")
        log = self.root / f"{name}.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder(name), env=self._environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
        family = psutil.Process(process.pid)
        try:
            _wait(process, port, log, says)
            yield
        finally:
            below = family.children(recursive=True) if family.is_running() else []
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            for one in psutil.wait_procs(below, 10)[1]:
                one.kill()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path, says: str = "") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0 and says in log.read_text():
                return
        time.sleep(0.2)
    raise UsageError(f"{process.args!r} does not answer on port {port}: {log.read_text()[-2000:]}")


@contextmanager
def bucket(root: Path, name: str) -> Iterator[dict[str, str]]:
    """moto's S3 server with an empty bucket; yields the environment that leads there."""
    port = _free_port()
    with (root / "s3.log").open("wb") as file:
        server = Path(sys.executable).with_name("moto_server")
        process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stdout=file, stderr=file)
    try:
        _wait(process, port, root / "s3.log")
        create = urllib.request.Request(f"http://127.0.0.1:{port}/{name}", method="PUT")
        urllib.request.urlopen(create, timeout=10).close()
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
        }  # fmt: skip
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def shop(root: Path) -> Iterator[int]:
    """The drawn shop of `make demo` while it is needed; yields its port."""
    port, log = _free_port(), root / "shop.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "demo", "serve", "--cache", str(root / "shop"), "--port", str(port)]
        process = subprocess.Popen(command, cwd=HERE, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    try:
        _wait(process, port, log)
        yield port
    finally:
        process.terminate()
        process.wait(30)
