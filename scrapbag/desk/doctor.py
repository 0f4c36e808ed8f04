"""What this computer has and lacks for scrapbag, a line each, with the command that mends it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import click

from scrapbag.computer.memory import free
from scrapbag.errors import MissingError, exits
from scrapbag.processor import has_bf16
from scrapbag.programs import CHROMIUM, find

PACKAGES = ("scrapy", "selenium", "beautifulsoup4", "torch", "torchvision", "timm", "pillow", "pandas")
EXTRAS = {
    "web": ("flask", "make review"),
    "publish": ("apprise", "make publish"),
    "openvino": ("openvino", "BACKEND=openvino"),
    "heic": ("pillow_heif", "HEIC pictures"),
    "tensorboard": ("tensorboard", "curves in TensorBoard"),
    "docs": ("zensical", "make docs"),
}
ROOM_GB = 5
READY = ".ready"  # of make setup, in the virtual environment


def packages() -> tuple[list[str], list[str]]:
    """Lines about the packages, and the names of those that are missing."""
    versions: dict[str, str] = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = ""
    missing = [name for name, version in versions.items() if not version]
    lines = ["packages   " + ", ".join(f"{name} {version or 'MISSING'}" for name, version in versions.items())]
    for extra, (module, use) in EXTRAS.items():
        if importlib.util.find_spec(module) is None:
            lines.append(f"extra      {extra} is not installed ({use}): make setup EXTRA={extra}")
    return lines, missing


def browser() -> str:
    """A line about Chromium and its driver; only sources with browser = true need them."""
    if (programs := find()) is not None:
        return f"browser    {programs.chromium}"
    return f"browser    none; sources with browser = true need {CHROMIUM}"


def graphics() -> str:
    """A line about the GPU, without importing torch."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return "graphics   no NVIDIA card: training runs on the CPU, 32 to 64 pixels are sensible there"
    asked = subprocess.run(
        [smi, "--query-gpu=name,memory.total", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    return f"graphics   {asked.stdout.strip() or 'nvidia-smi found no card'}"


def processor() -> str:
    bf16 = "bf16 in hardware" if has_bf16() else "no bf16 in hardware, so slower"
    return f"processor  {os.cpu_count()} cores, {bf16}"


def memory() -> str:
    """A line about the memory that is free, and what leaves no more."""
    left = free()
    return f"memory     {left.bytes / 1e9:,.1f} GB free{f': {left.limit}' if left.limit else ''}"


def disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return f"disk       {free:,.0f} GB free" + (
        "" if free >= ROOM_GB else f"; {ROOM_GB} GB are wise for 40,000 pictures"
    )


@click.command()
def main() -> None:
    """Say what this computer has and lacks."""
    with exits():
        lines, missing = packages()
        click.echo(f"python     {platform.python_version()} ({sys.executable})")
        click.echo("\n".join([*lines, browser(), graphics(), processor(), memory(), disk()]))
        if missing:
            again = f"rm -f {Path(sys.prefix) / READY}; make setup"  # which else takes it for set up
            raise MissingError(f"{', '.join(missing)} missing; run {again}")


if __name__ == "__main__":
    main()
