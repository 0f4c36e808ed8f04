"""RUN/report.html: curves, grids over time, neighbours and metrics on one page without other files."""

from __future__ import annotations

import base64
import io
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan.evaluate import blind, evaluate, keep, recognition
from gan.nets import presets
from gan.pictures import grids
from scrapbag.disk import write_text
from scrapbag.layout import metrics_rows
from scrapbag.make.command import last_call
from scrapbag.web import page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scrapbag.layout import Run

SHOWN = 8  # grids over time
SIDE = 768  # pixels of a sheet, at most
WIDE, HIGH = 640, 200  # of a chart, in SVG units


@dataclass(frozen=True)
class Line:
    """One line of a chart: SVG path data in a box of 640x200, and its last value."""

    name: str
    path: str
    last: str


@dataclass(frozen=True)
class Chart:
    """A chart in words and SVG units."""

    title: str
    note: str  # below the title
    lines: tuple[Line, ...]
    low: str  # the ends of the vertical axis ...
    high: str
    end: str  # ... and the right end of the horizontal one
    floor: float | None = None  # y of a horizontal line


@dataclass(frozen=True)
class Captioned:
    """A picture with its caption; `src` is a data: URI."""

    caption: str
    src: str


def write(run: Run) -> Path:
    """Render what the run has so far; what is not there yet is left out. Returns where the page is."""
    verdicts, settings = evaluate.read(run), _settings(run)
    html = page.render(
        "gan.evaluate",
        "run.html.j2",
        style="run.css",
        name=run.root.resolve().name,
        settings=settings,
        words=in_words(settings.get("values", {})),
        rows=(metrics_rows(run) or [{}])[-1],
        charts=charts(run, verdicts),
        now=_sheet(run.root, list(run.grids())[-1:], ""),
        reals=_sheet(run.root, [run.reals], "real pictures"),
        history=_history(run),
        verdicts=verdicts,
        seen={name: _seen(verdict) for name, verdict in verdicts.items()},
        blind=[(test.images_seen, len(test.kinds) - len(test.answers), blind.lines(test)) for test in blind.read(run)],
        names=evaluate.NAMES,
        flags=[flag for verdict in list(verdicts.values())[:1] for flag in verdict["flags"]],
        neighbours=_sheet(run.root, [run.neighbours], "", whole=True),
        make=last_call(run).make,
    )
    write_text(run.report, html)
    return run.report


def in_words(values: dict[str, Any]) -> dict[str, str]:
    """The values of a run that say most, in words; {} where none are known. All of them: docs/reference.md."""
    if not values:
        return {}
    known = {**presets.plain(presets.Values()), **values}
    changes = {"mirror": "mirrored", "tumble": "turned by quarters", "colour": "colours", "shift": "shifted",
               "turn": "turned", "zoom": "zoomed"}  # fmt: skip
    penalty = {"none": "none", "r1": "R1, on real pictures", "r1r2": "R1 and R2, on real and generated pictures"}
    teacher = "" if known["teacher"] == "none" else f"; D looks through {known['teacher']}, pretrained and frozen"
    weight = "" if known["penalty"] == "none" else f", weight {known['gamma']:g}, every {known['lazy']} steps"
    return {
        "networks": f"{known['block']} blocks, {known['width']} channels at full size, {known['z']} latents{teacher}",
        "loss": str(known["loss"]).replace("_", " "),
        "gradient penalty": penalty[known["penalty"]] + weight,
        "learning rates": f"G {known['lr_g']:g}, D {known['lr_d']:g}",
        "pictures a step": str(known["batch"]) + (f", crops of {known['crop']} pixels" if known["crop"] else ""),
        "changed before D sees them": ", ".join(word for key, word in changes.items() if known[key]) or "not at all",
        "moving average of G": f"half-life of {known['ema_kimg']:g} thousand images" if known["ema_kimg"] else "none",
    }


def charts(run: Run, verdicts: dict[str, Any]) -> list[Chart]:
    """The curves of metrics.csv and quality.csv over images seen; a chart without two points is left out."""
    rows = metrics_rows(run)
    found = [
        _chart("Losses", "neither goes to nothing in a healthy game", rows, {"loss_d": "D", "loss_g": "G"}),
        _chart("D's accuracy", "the share of real and made-up pictures that D tells", rows, {"accuracy": "accuracy"}),
        _chart(
            "Standard deviation",
            "of the samples on one grid, over that of real pictures; near 0 all look alike",
            rows,
            {"spread": "samples"},
        ),
    ]
    quality = [{key: str(getattr(one, key)) for key in ("images_seen", "kid", "coverage", "recall", "colour_volume")}
               for one in keep.rows(run)]  # fmt: skip
    floor = verdicts.get("last", {}).get("measured", [{}])[0].get("floor", {}).get("kid")
    found.append(_chart("KID x1000", "distance from real pictures; smaller is better", quality, {"kid": "KID"}, floor))
    shares = {"coverage": "coverage", "recall": "recall"}
    found.append(_chart("Coverage and recall", "how much of what is real the samples reach", quality, shares))
    found.append(
        _chart("Colour volume", "how far the samples' mean colours reach", quality, {"colour_volume": "samples"})
    )
    return [chart for chart in found if chart is not None]


def _chart(
    title: str, note: str, rows: Sequence[dict[str, str]], names: dict[str, str], floor: float | None = None
) -> Chart | None:
    series = {
        name: [(float(row["images_seen"]), float(row[key])) for row in rows if row.get(key)]
        for key, name in names.items()
    }
    points = [point for line in series.values() for point in line]
    if not points or max(len(line) for line in series.values()) < 2:
        return None
    end = max(x for x, _ in points) or 1.0
    heights = sorted(y for _, y in points)
    low = min(heights[0], 0.0)
    # limited: one very high point (often the first) would flatten the rest of the curve
    high = max(min(heights[-1], 4 * heights[len(heights) * 3 // 4]), low + 1e-9)
    lines = tuple(
        Line(name, _path(line, end, low, high), f"{line[-1][1]:.3g}") for name, line in series.items() if line
    )
    level = None if floor is None else _height(floor, low, high)
    return Chart(title, note, lines, f"{low:.3g}", f"{high:.3g}", f"{end / 1000:,.0f} thousand images", level)


def _path(points: list[tuple[float, float]], end: float, low: float, high: float) -> str:
    step = max(1, len(points) // 400)
    kept = points[::step] if (len(points) - 1) % step == 0 else [*points[::step], points[-1]]
    return "M" + " L".join(f"{WIDE * x / end:.1f} {_height(y, low, high):.1f}" for x, y in kept)


def _height(y: float, low: float, high: float) -> float:
    return round(HIGH * (1 - (min(max(y, low), high) - low) / (high - low)), 1)


def _seen(verdict: dict[str, Any]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    found = recognition.restore(verdict.get("recognition"))
    return (recognition.rows(found), recognition.notes(found)) if found else ([], [])


def _settings(run: Run) -> dict[str, Any]:
    return tomllib.loads(run.settings.read_text(encoding="utf-8")) if run.settings.exists() else {}


def _history(run: Run) -> list[Captioned]:
    """Up to eight grids at equal distances, the first and the last among them."""
    paths = list(run.grids().items())
    count = min(SHOWN, len(paths))
    chosen = [paths[round(i * (len(paths) - 1) / max(count - 1, 1))] for i in range(count)]
    shown = [(kimg, _uri(path, SIDE // 2)) for path, kimg in chosen]
    return [Captioned(f"{kimg:,} thousand images", src) for kimg, src in shown if src]


def _sheet(root: Path, paths: list[Path], caption: str, *, whole: bool = False) -> Captioned | None:
    if not paths or not paths[0].is_relative_to(root) or not paths[0].exists():
        return None
    src = _uri(paths[0], 4096 if whole else SIDE)
    return Captioned(caption, src) if src else None


def _uri(path: Path, side: int) -> str:
    """A PNG as a data: URI, at most `side` pixels wide and high; empty for one that cannot be read."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            picture = image.convert("RGB")
    except grids.UNREADABLE:
        return ""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=92)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
