"""What a run begins from where INIT names a start: another run's networks, and some pictures that they had learnt from.

A run keeps a copy of both in RUN/start, so that it goes on alike when the other one has learnt more since, or is gone.
"""

from __future__ import annotations

import io
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from gan.nets import networks, presets
from gan.pictures import batches, data, moved
from gan.train import checkpoint, fitting
from gan.train.job import Origin
from scrapbag.disk import write_bytes, write_text
from scrapbag.errors import RecipeError, UsageError, never_full
from scrapbag.layout import Pack, Run, Start
from scrapbag.recipe import DEMO_START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gan.nets.values import Values
    from gan.pictures.packing import Pixels
    from gan.step.players import Players
    from gan.train.job import Job, Moment
    from scrapbag.layout import Data

PARTS = ("g", "d", "ema")
SQUARES = 1024  # pictures that are kept to be rehearsed, at most ...
COLUMNS = 16  # ... so many in a row of their sheet ...
HIGHEST = 4096  # ... which has no more pixels from top to bottom
_DAMAGED = "{} is no start that can be read ({}); write INIT=demo or INIT=runs/<name>"


def find(init: str, copy: Path) -> Origin:
    """What INIT names: demo, a run or a start; or its `copy`, where that cannot be read any more. Raises UsageError."""
    root = DEMO_START if init == "demo" else Path(init)
    if root.resolve() == copy.parent.resolve():
        raise UsageError(f"INIT={init} is the run itself, which goes on without it; write another RUN, or no INIT")
    try:
        if Start(root).card.exists():
            return replace(read(root), name=init)
        return of_run(init, Run(root))
    except UsageError:
        if Start(copy).card.exists() and (kept := read(copy)).name == init:
            return kept
        raise


def row(origin: Origin | None, preset: str) -> str:
    """The row of PRESETS that INIT and preset `auto` stand for: the start's, or the one it goes on with; else ''."""
    if origin is None or preset != "auto":
        return ""
    parts = origin.values["crop"] or origin.values["head"] == "patch"  # which a teacher does not see
    return origin.row if parts else presets.ONWARD.get(origin.row, origin.row)


def given(origin: Origin | None, preset: str) -> dict[str, Any]:
    """The values that INIT changes in a row, before the user's own; with preset `auto` the start's are the row."""
    if origin is None:
        return {}
    before = origin.images_seen / 1000 + float(origin.values.get("before_kimg", 0.0))
    changed = presets.TRANSFER | {"start": origin.name, "before_kimg": before}
    own = origin.values | {"decay": 1.0} if preset == "auto" else {}  # its rates have fallen: these are slow already
    return own | changed | (presets.onward(own) if row(origin, preset) in presets.ONWARD.values() else {})


def resume(job: Job, origin: Origin | None) -> Job:
    """The job with what it begins from: the copy in its folder, which is made of `origin` where it is not there yet."""
    if origin is None:
        return job
    if not Start(job.run.start).card.exists():
        write(fit(origin, job.values, job.size, lambda _: None) or origin, job.run.start)
    return replace(job, origin=read(job.run.start))


def read(root: Path) -> Origin:
    """The start that `write` left in a folder. Raises UsageError for one that is damaged."""
    folder = Start(root)
    try:
        card = {"rehearse": 0.0, **json.loads(folder.card.read_text(encoding="utf-8"))}
        weights = from_safetensors(folder.weights.read_bytes())
        squares = _cut(folder, int(card["side"]), int(card["squares"]))
        known = {name: card[name] for name in ("name", "row", "size", "images_seen", "rehearse")}
        return Origin(**known, values=_values(card, root), weights=weights, squares=squares)
    except (KeyError, TypeError, ValueError, OSError, SafetensorError) as error:
        never_full(error)
        raise UsageError(_DAMAGED.format(root, error)) from None


def of_run(name: str, run: Run) -> Origin:
    """Its newest checkpoint, and some of the pictures that it learns from. Raises UsageError where there is none."""
    try:
        if not run.settings.exists():
            raise UsageError(f"INIT={name} is no run: there is no {run.settings}; write INIT=demo or INIT=runs/<name>")
        known = tomllib.loads(run.settings.read_text(encoding="utf-8"))
        values, size, asked = _values(known, run.settings), int(known["size"]), dict(known["asked"])
        state = checkpoint.load(run.checkpoints)
        if state is None:
            raise UsageError(f"INIT={name} has no checkpoint to begin from; train it first, or write another")
        weights = {f"{part}.{key}": tensor for part in PARTS for key, tensor in state[part].items()}
        seen = int(state["moment"]["images_seen"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(_DAMAGED.format(run.root, error)) from None
    crop = int(values.get("crop", 0))
    found = (_pictures(one, str(asked.get("data"))) for one in moved.places(run, known))
    squares = None if crop else next((one for one in found if one is not None), None)
    return Origin(name, str(known.get("row", "auto-cpu")), size, seen, values, weights, squares)


def write(origin: Origin, root: Path, *, small: bool = False) -> None:
    """Keep it in a folder; `small`: in half precision, G as its average alone, the pictures with WebP's loss."""
    folder = Start(root)
    weights = {
        name: (tensor.half() if small and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in origin.weights.items()
        if not (small and name.startswith("g."))
    }
    write_bytes(folder.weights, to_safetensors(weights))
    if origin.squares is not None:
        rows = origin.squares.reshape(-1, COLUMNS, *origin.squares.shape[1:]).swapaxes(1, 2)
        sheet = Image.fromarray(rows.reshape(-1, COLUMNS * origin.squares.shape[1], 3))
        file = io.BytesIO()
        sheet.save(file, "WEBP", lossless=not small, quality=80)
        write_bytes(folder.squares, file.getvalue())
    names = ("name", "row", "size", "images_seen", "values", "rehearse")
    card: dict[str, Any] = {name: getattr(origin, name) for name in names}
    card["squares"], card["side"] = (0, 0) if origin.squares is None else origin.squares.shape[:2]
    write_text(folder.card, json.dumps({"format": 1, **card}, indent=1) + "\n")


def fit(origin: Origin | None, values: Values, size: int, say: Callable[[str], None]) -> Origin | None:
    """The start with its squares at `size` pixels, or without, where crops are taken; `say` prints what fits.

    Raises UsageError where no layer of G, or none of D, has the shape of one of the start's, and RecipeError where
    SET=start names another one.
    """
    if values.start != (origin.name if origin else "none"):
        raise RecipeError("start is what INIT writes into a run's values; write INIT=runs/<name>")
    if origin is None:
        return None
    origin, before = fitting.wide(origin, values, size), origin.values["width"]
    taken, total, heads = 0, 0, values.both and origin.values.get("teacher", "none") == "none"
    with torch.device("meta"):
        for part, spec in (("g", networks.generator(values, size)), ("d", networks.discriminator(values, size))):
            net = networks.build(spec)
            mine = (cast("nn.Sequential", net)[1] if heads and part == "d" else net).state_dict()
            pairs = fitting.match(_of(origin.weights, part), mine)
            if all(mine[name].ndim < 2 for name in pairs):  # a norm's channels may be as many by chance
                raise UsageError(
                    f"no layer of INIT={origin.name} ({origin.row}, {origin.size}x{origin.size}) fits this preset at "
                    f"{size}x{size}; write PRESET=auto, which takes the start's, or another SIZE"
                )
            taken, total = taken + len(pairs), total + len(mine)
    squares = None if values.crop else _resized(origin.squares, size)
    fits = "all its layers fit" if taken == total else f"{taken} of {total} tensors fit, the others are new"
    fits += f"; D's heads on the maps of {values.teacher} are new" if heads else ""
    fits += f"; G is widened from {before} to {values.width}" if before != origin.values["width"] else ""
    kept = "no pictures to rehearse" if squares is None else f"{len(squares):,} pictures to rehearse"
    say(f"begins from {origin.name}, {origin.images_seen:,} images of {origin.size}x{origin.size}: {fits}; {kept}")
    return replace(origin, squares=squares)


def begin(team: Players, origin: Origin) -> None:
    """Give G, D and the EMA the start's weights, where they fit; the optimisers are new, a teacher is the run's own."""
    for part in PARTS:
        net, theirs = getattr(team, part), _of(origin.weights, part)
        theirs = {name: tensor for name, tensor in theirs.items() if not name.endswith("sha256")}
        mine = net.state_dict()
        net.load_state_dict(mine | {name: theirs[other] for name, other in fitting.match(theirs, mine).items()})


def rehearse(reals: Pixels, job: Job, moment: Moment) -> Pixels:
    """`reals`, (N, side, side, 3), some of which are replaced by squares of the start: `rehearse` of them, falling."""
    values, squares = job.values, job.origin.squares if job.origin else None
    if squares is None or not values.rehearse:
        return reals
    left = max(0.0, 1 - moment.images_seen / (1000 * values.rehearse_kimg)) if values.rehearse_kimg else 1.0
    rng = np.random.default_rng(batches.seed_of(job.settings.seed, moment.step, "rehearsal"))
    count = int(values.rehearse * left * len(reals) + rng.random())  # whole pictures; in the mean the share itself
    return np.concatenate([squares[rng.integers(0, len(squares), count)], reals[count:]])


def _of(weights: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """The weights of a part; a start without those of G has its average instead."""
    return fitting.part(weights, part) or (fitting.part(weights, "ema") if part == "g" else {})


def _values(table: dict[str, Any], where: Path) -> dict[str, Any]:
    """The values of a start, checked. Raises RecipeError, or KeyError."""
    return presets.plain(presets.restore(table["values"], f"{where} [values]"))


def _pictures(dataset: Data, key: str) -> Pixels | None:
    """Some that the start was trained on, held-out ones not among them; None where there are others by now."""
    if not Pack(dataset.packed / key).index.exists():
        return None
    try:
        pictures = data.load(dataset.curated, dataset.packed)
    except UsageError:
        return None
    if pictures.key != key:
        return None
    most = min(SQUARES, HIGHEST // pictures.side * COLUMNS, len(pictures.train)) // COLUMNS * COLUMNS
    return np.stack([pictures.train[i] for i in np.random.default_rng(0).permutation(len(pictures.train))[:most]])


def _resized(squares: Pixels | None, size: int) -> Pixels | None:
    if squares is None or squares.shape[1] == size:
        return squares
    return np.stack([np.asarray(Image.fromarray(one).resize((size, size))) for one in squares])


def _cut(folder: Start, side: int, count: int) -> Pixels | None:
    """The squares of a sheet. Raises OSError or ValueError for a sheet of another size."""
    if not count:
        return None
    with Image.open(folder.squares, formats=("WEBP",)) as image:
        rows = np.asarray(image.convert("RGB")).reshape(-1, side, COLUMNS, side, 3)
    return np.ascontiguousarray(rows.swapaxes(1, 2).reshape(count, side, side, 3))
