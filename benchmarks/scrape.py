"""What a picture costs: our crawl beside Scrapy's own pipelines, img2dataset and gallery-dl, on one site behind nginx.

Interleaved, medians; CPU-seconds and memory are of the crawler alone, nginx is not counted. Our figures include
robots.txt, the guards, the check of every picture, fsync and the catalog.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import click
import psutil

from benchmarks.support.hosts import rate
from benchmarks.support.rivals import CONCURRENCY, RIVALS, Job, programs
from benchmarks.support.site import build, need, served, settings
from scrapbag.errors import exits
from scrapbag.layout import Data

REACH = {"ratio": 0.6, "peak_mb": 140.0, "slope_mb": 10.0, "hosts": 0.9}
DELAYS_S = (1.0, 0.25)  # what a recipe has unless it says otherwise, and a quarter of it


@dataclass(frozen=True)
class Run:
    cpu_s: float
    peak_mb: float
    half_mb: float  # the peak until half of the time was over
    pictures: int
    identical: int


@click.command()
@click.option("--pictures", default=2000, show_default=True)
@click.option("--times", default=3, show_default=True)
@click.option("--long", "many", default=20_000, show_default=True, help="Pictures of the memory run; 0 leaves it out.")
@click.option("--hosts", default=20, show_default=True, help="Hosts of the latency run; 0 leaves it out.")
@click.option("--venvs", default=Path("out/rivals"), show_default=True, type=click.Path(path_type=Path))
def main(pictures: int, times: int, many: int, hosts: int, venvs: Path) -> None:
    """Print a line a program, and last a line of JSON."""
    with exits():
        need()
    work = Path(tempfile.mkdtemp(prefix="scrapbag-scrape-"))
    try:
        figures = _compare(work, pictures, times, venvs.resolve())
        if many:
            figures["long run"] = _long(work, many)
        if hosts:
            for delay_s in DELAYS_S:
                figures[f"hosts, {delay_s} s"] = rate(work / f"hosts-{delay_s}", hosts, delay_s)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    click.echo(json.dumps({"figures": figures, "reached": _reached(figures)}))


def _compare(work: Path, pictures: int, times: int, venvs: Path) -> dict[str, dict[str, float]]:
    build(work / "site", pictures)
    originals = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (work / "site" / "img").iterdir()}
    found = {rival.name: programs(rival, venvs) for rival in RIVALS}
    runs: dict[str, list[Run]] = {}
    with served(work / "site", work / "nginx") as url:
        addresses = work / "addresses.txt"
        addresses.write_text("".join(f"{url}/img/{number:05d}.jpg\n" for number in range(pictures)))
        for _ in range(times):
            runs.setdefault("scrapbag", []).append(_measure(_ours(work / "out", url), work / "out", originals))
            for rival in RIVALS:
                if bin_ := found[rival.name]:
                    shutil.rmtree(work / "out", ignore_errors=True)
                    command = rival.command(bin_, Job(f"{url}/list-0.html", addresses, work / "out"))
                    runs.setdefault(rival.name, []).append(_measure(command, work / "out", originals))
    return {name: _tell(name, done) for name, done in runs.items()}


def _long(work: Path, pictures: int) -> dict[str, float]:
    build(work / "long", pictures, distinct=100)
    with served(work / "long", work / "nginx") as url:
        run = _measure(_ours(work / "out", url), work / "out", set())
    return {"pictures": run.pictures, "peak_mb": run.peak_mb, "slope_mb": round(run.peak_mb - run.half_mb, 1)}


def _ours(out: Path, url: str) -> list[str]:
    shutil.rmtree(out, ignore_errors=True)
    settings(Data(out), url, CONCURRENCY)
    return [sys.executable, "-m", "spiders", "scrape", "--data", str(out)]


def _measure(command: list[str], out: Path, originals: set[str]) -> Run:
    """Run a command to its end. Memory is the sum over its processes, looked at ten times a second."""
    before = getrusage(RUSAGE_CHILDREN)
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sizes = []
    while process.poll() is None:
        with suppress(psutil.Error):
            sizes.append(sum(one.memory_info().rss for one in (process, *process.children(recursive=True))))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    after = getrusage(RUSAGE_CHILDREN)
    files = [path for path in out.rglob("*") if path.suffix in (".jpg", ".jpeg")]
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return Run(
        cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_mb=round(max(sizes) / 1e6, 1),
        half_mb=round(max(sizes[: len(sizes) // 2]) / 1e6, 1),
        pictures=len(files),
        identical=len(originals & hashes),
    )


def _tell(name: str, runs: list[Run]) -> dict[str, float]:
    figures = {
        "cpu_s_per_1000": round(median(1000 * run.cpu_s / max(1, run.pictures) for run in runs), 2),
        "peak_mb": median(run.peak_mb for run in runs),
        "pictures": min(run.pictures for run in runs),
        "identical": min(run.identical for run in runs),
    }
    click.echo(f"{name:<24}" + "  ".join(f"{key} {value}" for key, value in figures.items()))
    return figures


def _reached(figures: dict[str, dict[str, float]]) -> dict[str, bool]:
    ours, stock = figures["scrapbag"], figures.get("Scrapy ImagesPipeline")
    reached = {"bytes identical": ours["identical"] == ours["pictures"]}
    if stock:
        figures["ratio"] = {"to ImagesPipeline": round(ours["cpu_s_per_1000"] / stock["cpu_s_per_1000"], 3)}
        reached["CPU of ImagesPipeline"] = figures["ratio"]["to ImagesPipeline"] <= REACH["ratio"]
    if long := figures.get("long run"):
        reached["peak memory"] = long["peak_mb"] <= REACH["peak_mb"]
        reached["no slope"] = long["slope_mb"] <= REACH["slope_mb"]
    hosts = {name: figure["share"] for name, figure in figures.items() if name.startswith("hosts")}
    return reached | {name: share >= REACH["hosts"] for name, share in hosts.items()}


if __name__ == "__main__":
    main()
