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
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.support.gpu_row import Place, Row, job_of, judge, learn, pictures
from gan.train import checkpoint, loop

if TYPE_CHECKING:
    from collections.abc import Callable

START_S = 25.0  # for a process to come up, and for its last look
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
@click.option("--speed/--no-speed", default=True, help="Measure steps first, where there is a GPU.")
def run(rows: tuple[str, ...], seeds: int, wall: float, bits: bool, speed: bool, **told: Any) -> None:
    """Train and judge every row; a row for which too little is left of --wall gets less time, or none."""
    end, place = time.monotonic() + wall, _place(told)
    place.out.mkdir(parents=True, exist_ok=True)
    asked = [Row.read(text, told["side"], told["minutes"]) for text in rows]
    asked = (
        [Row.read(f"{text} seed={seed}", told["side"], told["minutes"]) for text in rows for seed in range(seeds)]
        if seeds > 1
        else asked
    )
    for side in sorted({row.side for row in asked}):
        pictures(place, side)
    if speed:
        _child(["speed", *_told(told)], 75)
    judges = []
    spare = 45.0 if bits else 15.0
    for row in asked:
        left = end - time.monotonic() - spare - START_S
        row = Row(**{**asdict(row), "minutes": min(row.minutes, left / 60)})
        if row.minutes < 0.1:
            place.say("left out", row.name)
            continue
        described = json.dumps(asdict(row))
        _child(["learn", "--one", described, *_told(told)], 60 * row.minutes + 2 * START_S + 15)
        judges.append(
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.gpu_contest", "judge", "--one", described, *_told(told)]
            )
        )
    if bits:
        _bits(asked[0], place, told, end)
    for process in judges:
        try:
            process.wait(max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
    lines = [json.loads(line) for line in (place.out / "results.jsonl").read_text().splitlines()]
    click.echo(
        json.dumps(
            {"figures": [one for one in lines if one["what"] not in {"look", "curve"}], "reached": _reached(lines)}
        )
    )


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
@click.option("--one", required=True)
@click.option("--images", type=int, required=True)
@click.option("--run-folder", type=_PATH, required=True)
def bits_of(one: str, images: int, run_folder: Path, **told: Any) -> None:
    """Train so many images, with a checkpoint at every anchor, or go on; prints the SHA-256."""
    job = job_of(_row(one), _place(told), run_folder, images)
    print("SHA", loop.train(job, save_s=0.0)[1], flush=True)


@main.command()
@_places
def speed(**told: Any) -> None:
    """Images a second of steps alone, beside the card's limit."""
    from benchmarks import gpu_speed  # noqa: PLC0415 - it needs a card

    gpu_speed.measure(_place(told), told["side"])


def _bits(row: Row, place: Place, told: dict[str, Any], end: float) -> None:
    """One run in peace, beside it one that is killed when it has saved something, and goes on."""
    described, images = json.dumps(asdict(row)), 16 * 64
    command = [
        sys.executable,
        "-m",
        "benchmarks.gpu_contest",
        "bits-of",
        "--one",
        described,
        "--images",
        str(images),
        *_told(told),
    ]
    calm, killed = (place.work / f"bits-{name}" for name in ("calm", "killed"))
    first = subprocess.Popen([*command, "--run-folder", str(calm)], stdout=subprocess.PIPE, text=True)
    second = subprocess.Popen([*command, "--run-folder", str(killed)], stdout=subprocess.DEVNULL)
    while second.poll() is None and time.monotonic() < end and len(checkpoint.saved(killed / "checkpoints")) < 2:
        time.sleep(0.02)
    second.send_signal(signal.SIGKILL)
    second.wait()
    at = [int(path.stem) for path in checkpoint.saved(killed / "checkpoints")]
    found = []
    try:
        third = subprocess.run(
            [*command, "--run-folder", str(killed)],
            stdout=subprocess.PIPE,
            text=True,
            timeout=max(5.0, end - time.monotonic()),
            check=False,
        )
        found = [
            out.split()[-1]
            for out in (first.communicate(timeout=max(5.0, end - time.monotonic()))[0], third.stdout)
            if "SHA" in out
        ]
    except subprocess.TimeoutExpired:
        first.kill()
    place.say(
        "bits",
        row.name,
        killed_at=at[-1] if at else None,
        images=images,
        equal=len(found) == 2 and len(set(found)) == 1,
        ends=[one[:16] for one in found],
    )


def _reached(lines: list[dict[str, Any]]) -> dict[str, bool]:
    judged = [one for one in lines if one["what"] == "judged" and "kid" in one]
    teachers = [one for one in judged if one["row"].startswith("projected")]
    others = [one for one in judged if one not in teachers]
    reached = {"bits equal": any(one["what"] == "bits" and one["equal"] for one in lines)}
    if teachers and others:
        reached["KID at most half of the best other"] = (
            teachers[0]["kid"][0] <= min(one["kid"][0] for one in others) / 2
        )
    if teachers:
        reached["coverage .90"] = teachers[0]["coverage"][0] >= 0.9
        reached["colour volume .8 of the reals'"] = (
            teachers[0]["colour_volume"][0] >= 0.8 * teachers[0]["colour_volume"][1]
        )
        reached["no copies"] = "copying" not in teachers[0]["flags"]
    return reached


def _child(command: list[str], seconds: float) -> None:
    """A command of this module in its own process; killed when it takes longer, and what it wrote stays."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.gpu_contest", *command], timeout=seconds, check=False, env=environment
        )
        if done.returncode:
            print(f"{command[0]} ended with {done.returncode}", flush=True)
    except subprocess.TimeoutExpired:
        print(f"{command[0]} was cut after {seconds:.0f} s", flush=True)


def _place(told: dict[str, Any]) -> Place:
    return Place(told["folder"], told["work"], told["out"], told["samples"])


def _told(told: dict[str, Any]) -> list[str]:
    return [part for key, value in told.items() for part in (f"--{key.replace('_', '-')}", str(value))]


def _row(text: str) -> Row:
    table = json.loads(text)
    return Row(**{**table, "values": tuple(table["values"])})


if __name__ == "__main__":
    main()
