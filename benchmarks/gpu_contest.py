"""Which row of the table learns most from photographs in equal minutes, alone on one card; results survive a cut.

`run` does all of it: rows one after the other, each in a process of its own, judged on the processor while the next one
trains. What comes back is results.jsonl, a line an event, and one sheet a row, rewritten at every look.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.card.row import Place, Row, graphs_of, job_of, judge, judge_sheet, learn, pictures
from gan.train import checkpoint, loop

if TYPE_CHECKING:
    from collections.abc import Callable

START_S, JUDGE_S, BITS_S = 25.0, 15.0, 45.0  # for a process to come up and look; to judge the last row; to kill one
TIMED_S = 30.0  # for a row that is timed
LEAST = 0.1  # minutes that are worth a process
BITS_STEPS = 16  # four checkpoints at 128 pixels
MODULE = [sys.executable, "-m", "benchmarks.gpu_contest"]
_PATH = click.Path(path_type=Path)


@click.group()
def main() -> None:
    """The last line of `run` is JSON."""


def _places(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--folder", type=_PATH, required=True, help="Squares, as JPEG."),
        click.option("--work", type=_PATH, default="out/contest", show_default=True),
        click.option("--out", type=_PATH, default="out/contest/back", show_default=True),
        click.option("--samples", default=1024, show_default=True),
        click.option("--side", default=128, show_default=True),
        click.option("--minutes", default=3.0, show_default=True),
        click.option("--look-s", default=20.0, show_default=True, help="Seconds between grids."),
    ):
        command = option(command)
    return command


@main.command()
@_places
@click.option("--row", "rows", multiple=True, required=True, metavar='"PRESET [KEY=VALUE ...]"')
@click.option("--seeds", default=1, show_default=True)
@click.option("--wall", default=480.0, show_default=True, help="Seconds, for everything.")
@click.option("--bits/--no-bits", default=True, help="Kill and resume the first row at the end.")
@click.option("--timed", multiple=True, metavar='"PRESET [KEY=VALUE ...]"', help="Measure steps of these rows first.")
@click.option("--together/--one-by-one", help="All rows at once, each with its share of the card.")
def run(
    rows: tuple[str, ...], seeds: int, wall: float, bits: bool, timed: tuple[str, ...], together: bool, **told: Any
) -> None:
    """Train and judge every row; a row for which too little is left of --wall gets less time, or none."""
    end, place = time.monotonic() + wall, _place(told)
    place.out.mkdir(parents=True, exist_ok=True)
    texts = [f"{text} seed={seed}" for seed in range(seeds) for text in rows] if seeds > 1 else list(rows)
    asked = [Row.read(text, told["side"], told["minutes"]) for text in texts]
    for side in sorted({row.side for row in asked}):
        pictures(place, side)
    if timed:
        _child(["speed", *(part for text in timed for part in ("--timed", text)), *_told(told)], TIMED_S * len(timed))
    judges, cores, kept = [], os.cpu_count() or 2, BITS_S if bits else JUDGE_S * (3 if together else 1)
    with ThreadPoolExecutor(len(asked) if together else 1) as pool:
        start_s = START_S * (3 if together else 1)
        waiting = [(row, pool.submit(_learn, row, place, told, end - kept, start_s)) for row in asked]
        for row, learning in waiting:
            if learning.result():
                command = [*MODULE, "judge", "--one", json.dumps(asdict(row)), *_told(told)]
                threads = str(max(1, cores // (len(asked) if together else 2)))
                judges.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": threads}))
    if bits and end - time.monotonic() > JUDGE_S:
        _bits(asked[0], place, told, end)
    for process in judges:
        try:
            process.wait(max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
    lines = [json.loads(line) for line in (place.out / "results.jsonl").read_text().splitlines()]
    figures = [one for one in lines if one["what"] not in {"look", "curve", "slowest"}]
    click.echo(json.dumps({"figures": figures, "reached": _reached(lines)}))


def _learn(row: Row, place: Place, told: dict[str, Any], end: float, start_s: float) -> bool:
    """In a process of its own, again without CUDA graphs where it failed; whether there was time for it."""
    minutes = min(row.minutes, (end - time.monotonic() - start_s) / 60)
    if minutes < LEAST:
        place.say("left out", row.name)
        return False
    command = ["learn", "--one", json.dumps({**asdict(row), "minutes": minutes}), *_told(told)]
    if _child(command, 60 * minutes + 2 * start_s + JUDGE_S) and graphs_of(place):
        place.no_graphs.touch()  # it may be they
        _child(command, max(2 * START_S, end - time.monotonic()))
    return True


@main.command(name="learn")
@_places
@click.option("--one", required=True)
def learn_one(one: str, **told: Any) -> None:
    """Train one row."""
    learn(_row(one), _place(told), told["look_s"])


@main.command(name="judge")
@_places
@click.option("--one", required=True)
def judge_one(one: str, **told: Any) -> None:
    """Judge one row."""
    judge(_row(one), _place(told))


@main.command()
@_places
@click.argument("sheets", nargs=-1, required=True, type=_PATH)
def sheets(sheets: tuple[Path, ...], **told: Any) -> None:
    """Judge the sheets that came back of runs which were cut before they were judged."""
    place = _place(told)
    place.out.mkdir(parents=True, exist_ok=True)
    for path in sheets:
        judge_sheet(path, Row.read("projected", told["side"], 0), place)
    lines = (place.out / "results.jsonl").read_text().splitlines()
    click.echo(json.dumps({"figures": [json.loads(line) for line in lines], "reached": {}}))


@main.command()
@_places
@click.option("--one", required=True)
@click.option("--run-folder", type=_PATH, required=True)
def bits_of(one: str, run_folder: Path, **told: Any) -> None:
    """Train a few steps, with a checkpoint at every anchor, or go on; prints the SHA-256."""
    job = job_of(_row(one), _place(told), run_folder)
    job = replace(job, settings=replace(job.settings, images=BITS_STEPS * job.values.batch))
    print("SHA", loop.train(job, save_s=0.0)[1], flush=True)


@main.command()
@_places
@click.option("--timed", multiple=True, required=True)
def speed(timed: tuple[str, ...], **told: Any) -> None:
    """Images a second of steps alone, as they are and recorded as CUDA graphs, beside the card's limit."""
    from benchmarks.card import speed  # noqa: PLC0415 - it needs a card

    place = _place(told)
    rows = [Row.read(text, told["side"], told["minutes"]) for text in timed]
    speed.measure(place, rows)


def _bits(row: Row, place: Place, told: dict[str, Any], end: float) -> None:
    """One run in peace, beside it one that is killed when it has saved something, and goes on."""
    asked = ["--one", json.dumps(asdict(row)), *_told(told)]
    calm, killed = ([*MODULE, "bits-of", *asked, "--run-folder", str(place.work / name)] for name in ("calm", "killed"))
    first = subprocess.Popen(calm, stdout=subprocess.PIPE, text=True)
    second = subprocess.Popen(killed, stdout=subprocess.DEVNULL)
    folder = place.work / "killed" / "checkpoints"
    while second.poll() is None and time.monotonic() < end and len(checkpoint.saved(folder)) < 2:
        time.sleep(0.02)
    second.send_signal(signal.SIGKILL)
    second.wait()
    at = [int(path.stem) for path in checkpoint.saved(folder)]
    ends = []
    try:
        third = subprocess.run(killed, stdout=subprocess.PIPE, text=True, timeout=_left(end), check=False)
        ends = [out.split()[-1] for out in (first.communicate(timeout=_left(end))[0], third.stdout) if "SHA" in out]
    except subprocess.TimeoutExpired:
        first.kill()
    equal = len(ends) == 2 and len(set(ends)) == 1
    place.say("bits", row.name, killed_at=at[-1] if at else None, steps=BITS_STEPS, equal=equal, ends=ends)


def _left(end: float) -> float:
    """Seconds."""
    return max(5.0, end - time.monotonic())


def _reached(lines: list[dict[str, Any]]) -> dict[str, bool]:
    """Of the first row that looks through a network, against the others of its side."""
    reached = {"bits equal": any(one["what"] == "bits" and one["equal"] for one in lines)}
    judged = [one for one in lines if one["what"] == "judged" and "kid" in one]
    ours = next((one for one in judged if one["row"].startswith("projected")), None)
    if ours is None:
        return reached
    others = [one["kid"][0] for one in judged if one["side"] == ours["side"] and not one["row"].startswith("projected")]
    colours, floor = ours["colour_volume"]
    return reached | {
        "KID at most half of the best other row's": bool(others) and ours["kid"][0] <= min(others) / 2,
        "coverage at least .90": ours["coverage"][0] >= 0.9,
        "colour volume at least .8 of the reals'": colours >= 0.8 * floor,
        "no copies": "copying" not in ours["flags"],
    }


def _child(command: list[str], seconds: float) -> bool:
    """A command of this module in its own process; whether it failed. One that takes longer is killed, and is none."""
    try:
        done = subprocess.run([*MODULE, *command], timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        print(f"{command[0]} was cut after {seconds:.0f} s", flush=True)
        return False
    print(f"{command[0]} ended with {done.returncode}", flush=True)
    return done.returncode != 0


def _place(told: dict[str, Any]) -> Place:
    return Place(told["folder"], told["work"], told["out"], told["samples"])


def _told(told: dict[str, Any]) -> list[str]:
    return [part for key, value in told.items() for part in (f"--{key.replace('_', '-')}", str(value))]


def _row(text: str) -> Row:
    table = json.loads(text)
    return Row(**{**table, "values": tuple(table["values"])})


if __name__ == "__main__":
    main()
