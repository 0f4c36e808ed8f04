"""What is known of a run: whether it learns now, how far it is and when it ends, its grids, films and figures."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapbag.disk import held
from scrapbag.errors import MissingError, UsageError
from scrapbag.layout import Run, metrics_rows
from scrapbag.recipe import Train
from show.gallery import pictures
from show.known import files

_FRESH_S = 30.0  # where the system lists no locks: a run that wrote a line this long ago still learns
_RECENT = 12  # lines of metrics.csv that say how fast it is


@dataclass(frozen=True)
class RunState:
    """Where a run is at this moment."""

    state: str  # running | done | stopped | asked
    images_seen: int
    seconds: float  # of training
    left_s: float | None  # to the end, of one that is running; None where nobody knows
    share: float | None  # of the budget, 0 to 1
    preset: str
    size: int  # side of the samples in pixels; 0 where it is not known
    crop: int  # pixels of the patches that a texture is learnt from; 0 for squares
    pictures: int
    kid: str  # '' where it was not measured
    kid_of: str  # by whom and of how many images
    grids: dict[int, Path]  # by thousands of images seen
    metrics: list[dict[str, str]]
    quality: list[dict[str, str]]


def run_state(run: Run) -> RunState:
    """Raises one of files.UNUSABLE; MissingError where there is no run."""
    if not run.settings.exists() and not run.metrics.exists():
        if run.asked.exists():
            raise MissingError(f"{run.root} has not begun.")
        raise MissingError(f"{run.root} holds no run.")
    settings = files.optional(files.toml, run.settings)
    metrics = _lines(run.metrics) if run.metrics.exists() else []
    done = files.optional(files.json_table, run.done)
    last = metrics[-1] if metrics else {}
    seen, seconds = int(last.get("images_seen", 0)), float(last.get("seconds", 0))
    running = _is_running(run)
    state = "running" if running else "done" if done else "stopped"
    share, left = _budget(run, seen, seconds, metrics)
    asked, values = _table(settings, "asked"), _table(settings, "values")
    quality = _quality(run)
    kid, kid_of = _kid(run, quality)
    grids = {kimg: path for path, kimg in run.grids().items()}
    row, preset = str(settings.get("row", "")), str(asked.get("preset", ""))
    return RunState(
        state=state,
        images_seen=seen,
        seconds=seconds,
        left_s=left if running else None,
        share=1.0 if state == "done" else share,
        preset=row if preset in ("", row) else f"{preset} ({row})" if row else preset,
        size=_whole(settings.get("size")),
        crop=_whole(values.get("crop")),
        pictures=int(float(last.get("pictures") or 0)),
        kid=kid,
        kid_of=kid_of,
        grids=grids,
        metrics=metrics,
        quality=quality,
    )


def films(run: Run) -> list[str]:
    """The names of the films in RUN/samples/, such as make interpolate writes."""
    return _made(run, pictures.FILMS)


def stills(run: Run) -> list[str]:
    """The names of the pictures in RUN/samples/, such as make sample writes."""
    return _made(run, (".png",))


def lasts(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86_400:.1f} days"


def _is_running(run: Run) -> bool:
    if Path("/proc/locks").exists():
        return held(run.root, "train")
    return run.metrics.exists() and not run.done.exists() and time.time() - run.metrics.stat().st_mtime < _FRESH_S


def _budget(run: Run, seen: int, seconds: float, metrics: list[dict[str, str]]) -> tuple[float | None, float | None]:
    """The share of the budget that is spent, and the seconds of training that are left; (None, None) if unknown."""
    asked = _table(files.optional(files.toml, run.asked), "train")
    if not asked:
        return None, None
    images, minutes = asked.get("images", Train.images), asked.get("minutes", Train.minutes)
    if isinstance(images, int) and images > 0:
        first = metrics[-_RECENT] if len(metrics) >= _RECENT else metrics[0] if metrics else {}
        new, took = seen - int(first.get("images_seen", 0)), seconds - float(first.get("seconds", 0))
        return min(seen / images, 1.0), max(images - seen, 0) * took / new if new > 0 else None
    if isinstance(minutes, int | float) and minutes > 0:
        return min(seconds / 60 / minutes, 1.0), max(minutes * 60 - seconds, 0.0)
    return None, None


@files.remembered(64)
def _lines(path: Path) -> list[dict[str, str]]:
    """Of metrics.csv, checked. Raises UsageError where it is damaged."""
    found = metrics_rows(Run(path.parent))
    if not all(math.isfinite(float(row.get("seconds") or "nan")) for row in found):
        raise UsageError(f"{path} is damaged (a line has no seconds)")
    return found


@files.remembered(64)
def _quality_rows(path: Path) -> list[dict[str, str]]:
    with files.table(path) as lines:
        return list(lines)


def _quality(run: Run) -> list[dict[str, str]]:
    """Of quality.csv; [] where nothing was measured on the way, or it cannot be read: charts are no reason to stop."""
    try:
        return _quality_rows(run.quality)
    except files.UNUSABLE:
        return []


def _kid(run: Run, quality: list[dict[str, str]]) -> tuple[str, str]:
    """As make evaluate measured it, otherwise the last on the way; and which of the two it is."""
    verdict: Any = files.optional(files.json_table, run.evaluation).get("last")  # never checked
    try:
        measured = verdict["measured"][0]
        return f"{float(measured['fakes']['kid']):.1f}", f"evaluated; floor {float(measured['floor']['kid']):.1f}"
    except files.UNUSABLE:
        pass
    for row in reversed(quality):
        try:
            return f"{float(row['kid']):.1f}", f"on the way, after {int(row['images_seen']):,} images"
        except files.UNUSABLE:
            continue
    return "", ""


def _made(run: Run, kinds: tuple[str, ...]) -> list[str]:
    try:
        found = sorted(path.name for path in run.samples.iterdir() if path.suffix in kinds and path.is_file())
    except OSError:
        return []
    return [name for name in found if not name.startswith(".") and name.isprintable()]


def _table(settings: dict[str, Any], name: str) -> dict[str, Any]:
    found = settings.get(name)
    return found if isinstance(found, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
