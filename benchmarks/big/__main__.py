"""What each stage costs at a thousand, ten thousand, a hundred thousand and a million pictures.

Every stage is a process of its own, as make starts it; its CPU-seconds and its peak of memory are what the kernel says
of it when it ends (wait4). Scores, pairs of near-duplicates and squares are there before: their cost is measured by
`python -m benchmarks.big.rates`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

STAGES = {  # what make runs, by what is measured
    "status": ("scrapbag.desk.status", "--run", "RUN"),
    "scrape.csv": ("spiders", "export"),
    "curate": ("curate", "curate"),
    "re-threshold": ("curate", "curate"),
    "report": ("curate", "report"),
}
ORDER = ("scrape.csv", "curate", "re-threshold", "report", "status")
THRESHOLDS = {"curate": 0.9, "re-threshold": 0.8}
TARGET = 1_000_000
WALL_S = {"status": 1.0, "re-threshold": 15.0, "report": 60.0}  # at TARGET pictures
PEAK_MB = 1000.0

Figures = dict[str, dict[str, float]]


@click.command()
@click.option("--pictures", multiple=True, type=int, default=(1000, 10_000, 100_000, TARGET), show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where datasets are built; without one, a temporary one."
)
@click.option("--keep", is_flag=True, help="Keep the datasets, and take those that are in --folder as they are.")
def main(pictures: tuple[int, ...], folder: Path | None, *, keep: bool) -> None:
    """Print a line a stage, and last a line of JSON. --pictures 1000 --pictures 10000 is a quick run."""
    work = folder or Path(tempfile.mkdtemp(prefix="scrapbag-big-"))
    figures: dict[str, Figures] = {}
    for count in pictures:
        root = work / str(count)
        try:
            figures[str(count)] = stages(root, count)
        finally:
            if not keep:
                shutil.rmtree(root, ignore_errors=True)
    click.echo(json.dumps({"figures": figures, "reached": reached(figures)}))


def stages(root: Path, count: int) -> Figures:
    """What each stage costs of a dataset of `count` pictures, which is built in `root` if it is not there."""
    if not root.exists():
        subprocess.run([sys.executable, "-m", "benchmarks.big.dataset", str(root), str(count)], check=True)
    figures = {}
    for stage in ORDER:
        if stage in THRESHOLDS:
            _threshold(root, THRESHOLDS[stage])
        module, *words = [str(root / "run") if word == "RUN" else word for word in STAGES[stage]]
        figures[stage] = measured([sys.executable, "-m", module, *words, "--data", str(root)])
        told = "  ".join(f"{name} {value:,}" for name, value in figures[stage].items())
        click.echo(f"{count:>10,} {stage:<14} {told}")
    return figures


def measured(command: list[str]) -> dict[str, float]:
    """Seconds of the clock, CPU-seconds and the peak of memory of a command. Raises SystemExit when it fails."""
    os.sync()  # what is still to be written of the stage before is not of this one
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return {
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / 1000),
    }


def reached(figures: dict[str, Figures]) -> dict[str, bool]:
    """The targets at a million pictures; {} where that was not measured."""
    found = figures.get(str(TARGET), {})
    times = {f"{stage} under {most:g} s": found[stage]["wall_s"] <= most for stage, most in WALL_S.items() if found}
    memory = {f"{stage} under 1 GB": found[stage]["peak_mb"] <= PEAK_MB for stage in WALL_S if found}
    return times | memory


def _threshold(root: Path, threshold: float) -> None:
    """As make would set it; without the libraries that would count as this process's memory."""
    path = root / "settings" / "curate.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("threshold")]
    path.write_text("\n".join([*lines, f"threshold = {threshold}", ""]))


if __name__ == "__main__":
    main()
