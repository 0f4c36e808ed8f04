"""Other programs that fetch pictures, each pinned in a venv of its own, and the command that has them fetch ours."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CONCURRENCY = 16
_SPIDER = Path(__file__).with_name("stock_spider.py")


@dataclass(frozen=True)
class Job:
    """What a rival is given: a list page to start from, or every address in a file; and a folder of its own."""

    start: str
    addresses: Path
    out: Path


@dataclass(frozen=True)
class Rival:
    name: str
    packages: tuple[str, ...]
    command: Callable[[Path, Job], list[str]]  # given the venv's bin folder


def _scrapy(pipeline: str) -> Callable[[Path, Job], list[str]]:
    def command(programs: Path, job: Job) -> list[str]:
        return [str(programs / "python"), str(_SPIDER), job.start, str(job.out), pipeline, str(CONCURRENCY)]

    return command


def _img2dataset(programs: Path, job: Job) -> list[str]:
    options = {
        "url_list": job.addresses,
        "output_folder": job.out,
        "output_format": "files",
        "resize_mode": "no",
        "disable_all_reencoding": True,
        "processes_count": 1,
        "thread_count": CONCURRENCY,
        "retries": 0,
    }
    return [str(programs / "img2dataset"), *(f"--{name}={value}" for name, value in options.items())]


def _gallery_dl(programs: Path, job: Job) -> list[str]:
    return [str(programs / "gallery-dl"), "--config-ignore", "-q", "-D", str(job.out), "-i", str(job.addresses)]


_STOCK = ("scrapy==2.19.0", "pillow==13.0.0")
RIVALS = (
    Rival("Scrapy ImagesPipeline", _STOCK, _scrapy("scrapy.pipelines.images.ImagesPipeline")),
    Rival("Scrapy FilesPipeline", _STOCK, _scrapy("scrapy.pipelines.files.FilesPipeline")),
    Rival("img2dataset", ("img2dataset==1.47.0", "setuptools<81"), _img2dataset),
    Rival("gallery-dl", ("gallery-dl==1.32.18",), _gallery_dl),
)


def programs(rival: Rival, venvs: Path) -> Path | None:
    """The bin folder of the rival's venv, made when it is not there; None when its packages cannot be had."""
    venv = venvs / "-".join(rival.packages).replace("<", "_")
    if not (venv / "installed").exists():
        python = str(venv / "bin" / "python")
        environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False).returncode == 0
        install = [python, "-m", "pip", "install", "-q", *rival.packages]
        if not made or subprocess.run(install, check=False, env=environment).returncode:
            return None
        (venv / "installed").touch()
    return venv / "bin"
