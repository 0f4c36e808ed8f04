"""A run's folder: what it was started with, whether the same run is asked for again, and where an older run goes."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import tomli_w

from gan.nets import frozen, networks, presets
from gan.pictures import batches, data, dealt, moved
from gan.pictures.sources import CuratedFolder
from gan.step import shared
from gan.step.players import Machine
from gan.train import aside, preflight, start, subject
from gan.train.job import Job
from scrapbag.check import build
from scrapbag.disk import write_text
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import Data, Pack, Run
from scrapbag.plain import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gan.nets.values import Values
    from gan.pictures.data import Pictures
    from gan.pictures.sources import PictureSource
    from gan.train.job import Moment
    from scrapbag.recipe import Train


def prepare(
    dataset: Data | PictureSource,
    run: Run,
    settings: Train,
    say: Callable[[str], None],
    row: str = "",
    processes: int = 1,
) -> Job:
    """Everything that training needs, checked before step 1; an older run of other settings is moved aside.

    `dataset` is a folder, or what another computer deals. `say` prints a line; `row` forces a row of PRESETS; of
    several processes the first one comes here before the others.
    Raises UsageError, RecipeError or MissingError in one sentence.
    """
    source = CuratedFolder(dataset) if isinstance(dataset, Data) else dataset
    origin = start.find(settings.init, run.start) if settings.init else None
    given = start.given(origin, settings.preset)
    row = row or start.row(origin, settings.preset)
    crop = presets.crop(row or presets.row(settings.preset, preflight.device(), 0), settings.values, given)
    pictures = source.pictures(crop)
    size = crop or pictures.side
    networks.split(size, "SET=crop" if crop else "SIZE")
    row = row or presets.row(settings.preset, preflight.device(), size)
    notes: list[str] = []  # of a new run: one that goes on has its teacher already
    row, overrides = preflight.taught(row, settings.values, source.model, notes.append)
    values = presets.resolve(row, overrides, given)
    asked = _asked(settings, pictures) | source.asked()
    aside.end_move(run.root.absolute())
    known = _read(run)
    if known is not None:
        source.meet(known["asked"], run)
    if (
        known is not None
        and known["asked"] == asked
        and (job := _again(run, known, pictures, size, settings, say, processes))
    ):
        if source.moves and known["from"] != (place := source.note(run))["from"]:
            write_text(run.settings, tomli_w.dumps({**(_read(run) or known), **place}))
        return start.resume(_kept(job, source), origin)
    if known is None and (strange := [path.name for path in aside.left(run.root)]):
        raise UsageError(f"{run.root} holds {strange[0]!r} and no run; write another RUN, or move that away")
    for note in notes:
        say(note)
    count = batches.pool(pictures, values, settings.level, 10**12)
    learnt = preflight.small_set(count, values)
    values = presets.resolve(row, overrides, {**given, **learnt})
    origin = start.fit(origin, values, size, say)
    some = partial(batches.reals, pictures, replace(values, batch=subject.SHOWN), 0, 0, count)
    values = replace(values, **subject.learnt(origin, some, settings.values, say))
    machine = _preflight(pictures, count, values, size, settings, say, learnt, processes)
    if known is not None:
        put = aside.move(run.root.absolute())
        say(f"{run.root} holds a run of other settings or pictures; it was moved to {put}, and INIT={put} begins there")
    table = {**source.note(run), "row": row, "size": size, "computer": preflight.computer(), "asked": asked}
    table |= {"machine": asdict(machine), "values": presets.plain(values)}
    write_text(run.settings, tomli_w.dumps(table))
    return start.resume(_kept(Job(run, pictures, values, size, settings, machine), source), origin)


def pictures(run: Run, root: Path | None = None) -> tuple[Pictures, Path, int]:
    """The pictures that a run was trained on, the folder of their squares, and its level.

    `root` is the dataset's folder where it is no more where it was, nor where it is looked for (moved.places). Raises
    MissingError when nothing was trained, UsageError when the folder holds other pictures by now.
    """
    if (known := _read(run)) is None:
        raise MissingError(f"there is no run in {run.root}; run make train first")
    if root is None and Pack(run.dealt).index.exists():
        return dealt.kept(Pack(run.dealt)), run.dealt, int(known["asked"]["level"])
    looked = [Data(root)] if root else moved.places(run, known)
    for dataset in looked:
        loaded = data.load(dataset.curated, dataset.packed, known["values"]["crop"])
        if loaded.key == known["asked"]["data"]:
            return loaded, dataset.curated, int(known["asked"]["level"])
    raise UsageError(
        f"{looked[0].curated} holds other pictures than {run.root} was trained on, so they cannot be compared with; "
        "run make train, or write DATA= where those are"
    )


def finish(job: Job, moment: Moment, sha256: str) -> None:
    """Write done.json, the last file of a run; `sha256` is of its weights."""
    table = {
        "images_seen": moment.images_seen,
        "seconds": round(moment.seconds, 1),
        "steps": moment.step,
        "preset": job.settings.preset,
        "data": job.pictures.key,
        **dict(zip(("pictures", "held"), job.pictures.counts, strict=True)),
        "teacher": job.values.teacher,
        "teacher_licence": "" if job.values.teacher == "none" else frozen.licence(job.values.teacher),
        "sha256": sha256,
    }
    write_text(job.run.done, json.dumps(table, indent=1) + "\n")


def _again(
    run: Run,
    known: dict[str, Any],
    pictures: Pictures,
    size: int,
    settings: Train,
    say: Callable[[str], None],
    processes: int,
) -> Job | None:
    """The run as it was started; None where it began on a CPU and there is a GPU now, for which presets differ.

    Raises MissingError where it began on a GPU and there is none now.
    """
    values = presets.restore(known["values"], f"{run.settings} [values]")
    machine = build(Machine, known["machine"], f"{run.settings} [machine]")
    here = preflight.computer()
    if machine.device != preflight.device():
        if machine.device == "cpu":
            return None
        gone = known.get("computer", "a GPU")
        raise MissingError(
            f"{run.root} was trained on {gone}, and torch finds no GPU now; write another RUN for the CPU"
        )
    shared.divides(values, processes)
    if (began := known.get("computer", here)) != here:
        say(f"{run.root} began on {began}; on {here} it is not the same run to the bit from here on")
    if (before := machine.processes) != processes:
        say(
            f"{run.root} was trained with PROCESSES={before}; with {processes} sums are rounded in another order, so "
            "it is not the same run to the bit from here on"
        )
    if began != here or before != processes:
        machine = _probe(values, size, settings, say, processes)[0]
        write_text(run.settings, tomli_w.dumps({**known, "computer": here, "machine": asdict(machine)}))
    say(f"{run.root} goes on: {preflight.describe(machine)}, {pictures.counts[0]:,} pictures")
    return Job(run, pictures, values, size, settings, machine)


def _kept(job: Job, source: PictureSource) -> Job:
    """The job with the pictures that it is measured by, of the levels that it ends with."""
    pools = (
        batches.pool(job.pictures, job.values, job.settings.level, 2**62),
        batches.pool_held(job.pictures, job.values, job.settings.level),
    )
    return replace(job, pictures=source.keep(job.pictures, job.run, pools))


def _preflight(
    pictures: Pictures,
    count: int,
    values: Values,
    size: int,
    settings: Train,
    say: Callable[[str], None],
    learnt: dict[str, Any],
    processes: int,
) -> Machine:
    shared.divides(values, processes)
    levels = ", ".join(f"level {k}: {count:,}" for k, count in enumerate(pictures.upto))
    held = pictures.counts[1]
    rough = "" if held >= data.HELD_ENOUGH or values.crop else ", so the figures of make evaluate will be rough"
    say(f"{counted(count, 'picture')} to learn from ({levels}), {held:,} held out{rough}; {size}x{size}")
    if count < data.TRAIN_LEAST and not values.crop:
        raise UsageError(
            f"{count} pictures are of level {settings.level} or less, and {data.TRAIN_LEAST} are the least "
            "to learn from; write a higher LEVEL, or scrape more"
        )
    if count < preflight.FEW and not values.crop:
        on = {name: value for name in preflight.GENTLE if (value := getattr(values, name))}
        words = ", ".join(f"{name}={value}" for name, value in on.items())
        turned = f"{'turned on' if learnt else 'it has'} {words}" if on else "augmentation was switched off"
        say(f"warning: under {preflight.FEW:,} pictures D overfits soon; {turned}; 1,500 or more do better")
    need, free = preflight.memory(values, size, processes), preflight.free()
    if need > free:
        raise UsageError(
            f"a step needs about {need / 1e9:.1f} GB of memory and {free / 1e9:.1f} are free; "
            f"write SET=batch={max(2, values.batch // 2)} or a smaller width"
        )
    machine, speed = _probe(values, size, settings, say, processes)
    cost = (
        f"{settings.images:,} images take about {settings.images / speed / 60:,.1f} minutes"
        if settings.images
        else f"about {settings.minutes * 60 * speed / 1000:,.1f} kimg in {counted(settings.minutes, 'minute')}"
    )
    say(f"about {need / 1e9:.1f} GB of memory ({free / 1e9:.1f} free); {cost}")
    return machine


def _probe(
    values: Values, size: int, settings: Train, say: Callable[[str], None], processes: int
) -> tuple[Machine, float]:
    machine, speed, tried = preflight.probe(values, size, settings.seed, processes)
    say(f"probe, images a second: {'; '.join(tried)} -> {preflight.describe(machine)}")
    return machine, speed


def _asked(settings: Train, pictures: Pictures) -> dict[str, Any]:
    """What two runs must have in common to be the same one. Not the budget: with more minutes a run goes on."""
    names = ("preset", "seed", "level", "init") if settings.init else ("preset", "seed", "level")
    asked: dict[str, Any] = {name: getattr(settings, name) for name in names}
    return {**asked, "values": list(settings.values), "data": pictures.key}


def _read(run: Run) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(run.settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UsageError(f"{run.settings} cannot be read ({error}); move {run.root} away") from None
    if missing := {"asked", "from", "machine", "values"} - table.keys():
        raise UsageError(f"{run.settings} lacks {', '.join(sorted(missing))}; move {run.root} away")
    return table
