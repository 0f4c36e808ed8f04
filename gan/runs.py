"""A run's folder: what it was started with, whether the same is asked again, and where an older run goes."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from gan import data, networks, preflight, presets
from gan.loop import Job
from gan.players import Machine
from scrapbag.check import build
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import Data, Run, write_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from gan.data import Pictures
    from gan.loop import Moment
    from gan.presets import Values
    from scrapbag.recipe import Train

_STAY = {"train.toml", "recipe", ".train.lock", ".stamp"}  # what Make and the lock keep there


def prepare(dataset: Data, run: Run, settings: Train, say: Callable[[str], None], row: str = "") -> Job:
    """Everything that training needs, checked before step 1; an older run of other settings is moved aside.

    `row` forces a row of the table of presets. Raises UsageError or RecipeError in one sentence.
    """
    crop = presets.crop(row or presets.row(settings.preset, preflight.device(), 0), settings.values)
    pictures = data.load(dataset.curated, dataset.root / "packed", crop)
    size = crop or pictures.side
    networks.split(size)
    row = row or presets.row(settings.preset, preflight.device(), size)
    values = presets.resolve(row, settings.values)
    asked = _asked(settings, pictures)
    known = _read(run)
    if known is not None and known["asked"] == asked and known["machine"]["device"] == preflight.device():
        values = presets.restore(known["values"])
        machine = build(Machine, known["machine"], f"{run.settings} [machine]")
        say(f"{run.root} goes on: {preflight.describe(machine)}, {len(pictures.train):,} pictures")
        return Job(run, pictures, values, size, settings, machine)
    if any(path.name not in _STAY for path in run.root.iterdir()):
        say(f"{run.root} holds a run of other settings or pictures; it was moved to {_aside(run.root)}")
    learnt = preflight.small_set(len(pictures.train), values)
    values = presets.resolve(row, settings.values, learnt)
    machine = _preflight(pictures, values, size, settings, learnt, say)
    table = {"from": str(dataset.root.absolute()), "row": row, "size": size, "asked": asked}
    table |= {"machine": asdict(machine), "values": presets.plain(values)}
    write_text(run.settings, tomli_w.dumps(table))
    return Job(run, pictures, values, size, settings, machine)


def pictures(run: Run, root: Path | None = None) -> tuple[Pictures, Path, int]:
    """The pictures that a run learnt from, the folder of their squares, and its level; `root` is DATA where it moved.

    Raises MissingError when nothing was trained.
    """
    if (known := _read(run)) is None:
        raise MissingError(f"there is no run in {run.root}; run make train first")
    dataset = Data(root or Path(known["from"]))
    loaded = data.load(dataset.curated, dataset.root / "packed", known["values"]["crop"])
    return loaded, dataset.curated, int(known["asked"]["level"])


def finish(job: Job, moment: Moment, sha256: str) -> None:
    """Write done.json, last of all."""
    table = {
        "images_seen": moment.images_seen,
        "seconds": round(moment.seconds, 1),
        "steps": moment.step,
        "preset": job.settings.preset,
        "data": job.pictures.key,
        "sha256": sha256,
    }
    write_text(job.run.done, json.dumps(table, indent=1) + "\n")


def _preflight(
    pictures: Pictures, values: Values, size: int, settings: Train, learnt: dict[str, Any], say: Callable[[str], None]
) -> Machine:
    levels = ", ".join(f"level {k}: {count:,}" for k, count in enumerate(pictures.upto))
    say(f"{len(pictures.train):,} pictures to learn from ({levels}), {len(pictures.held):,} held out; {size}x{size}")
    if len(pictures.train) < preflight.FEW and not values.crop:
        turned = (
            f"turned on {', '.join(f'{k}={v}' for k, v in learnt.items())}" if learnt else "augmentation is on already"
        )
        say(f"warning: under {preflight.FEW:,} pictures D soon knows them by heart; {turned}; 1,500 or more do better")
    machine, speed, tried = preflight.probe(values, size, settings.seed)
    say(f"probe, images a second: {'; '.join(tried)} -> {preflight.describe(machine)}")
    need, free = preflight.memory(values, size), preflight.free(machine)
    cost = (
        f"{settings.images / 1000:,.0f} kimg take about {settings.images / speed / 60:,.0f} minutes"
        if settings.images
        else f"{settings.minutes:g} minutes are about {settings.minutes * 60 * speed / 1000:,.1f} kimg"
    )
    say(f"about {need / 1e9:.1f} GB of memory ({free / 1e9:.1f} free); {cost}")
    if need > free:
        raise UsageError(f"that does not fit; write --set batch={max(2, values.batch // 2)} or a smaller width")
    return machine


def _asked(settings: Train, pictures: Pictures) -> dict[str, Any]:
    """What makes two runs the same one. The budget is not of it: more minutes go on."""
    asked: dict[str, Any] = {name: getattr(settings, name) for name in ("preset", "seed", "level")}
    return {**asked, "values": list(settings.values), "data": pictures.key}


def _read(run: Run) -> dict[str, Any] | None:
    try:
        return tomllib.loads(run.settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{run.settings} cannot be read ({error}); move {run.root} away") from None


def _aside(root: Path) -> Path:
    """Move what a run left to the first free root.1, root.2 ...; a move that was killed half-way is gone on with."""
    part = root.with_name(f"{root.name}.moving")
    part.mkdir(exist_ok=True)
    for path in sorted(root.iterdir(), key=lambda p: p.name == "settings.toml"):
        if path.name not in _STAY:
            shutil.move(path, part / path.name)
    number = next(n for n in range(1, 10**6) if not root.with_name(f"{root.name}.{n}").exists())
    return part.rename(root.with_name(f"{root.name}.{number}"))
