"""A run's curves as inline SVG: paths, ticks and labels in the units of a viewBox, nothing that a browser computes.

The macro `chart` of chart.html.j2 draws one, with chart.css; the run's report and the gallery show the same ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Rows = Sequence[dict[str, str]]

WIDE, HIGH = 420, 210  # of the viewBox
LEFT, TOP, RIGHT, BOTTOM = 48, 10, 12, 40  # margins, which hold the labels
_POINTS = 400  # of a curve, at most


@dataclass(frozen=True)
class Curve:
    """One line: SVG path data, and its last value in words."""

    name: str
    path: str
    last: str


@dataclass(frozen=True)
class Plot:
    """A chart; ticks are (place, label)."""

    title: str
    note: str
    unit: str  # of the vertical axis
    curves: tuple[Curve, ...]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    level: float | None = None  # y of a line across: what other real pictures reach

    @property
    def words(self) -> str:
        """The chart for those who do not see it."""
        said = ", ".join(f"{one.name} is now {one.last}" for one in self.curves)
        return f"{self.title} over images seen: {said or 'not measured yet'}"


_LEARNT, _MEASURED = 0, 1  # which rows: of metrics.csv, of quality.csv
_KINDS = (
    (_MEASURED, "KID", "distance from real pictures; smaller is better", "KID x1000", {"kid": "KID"}),
    (_LEARNT, "Losses", "neither goes to nothing in a healthy game", "loss", {"loss_d": "D", "loss_g": "G"}),
    (_MEASURED, "Coverage and recall", "how much of what is real the samples reach", "share",
     {"coverage": "coverage", "recall": "recall"}),
    (_MEASURED, "Colour volume", "how far the samples' mean colours reach", "grey levels",
     {"colour_volume": "samples"}),
    (_LEARNT, "D's accuracy", "the share of real and made-up pictures that D tells", "share", {"accuracy": "accuracy"}),
    (_LEARNT, "Variety", "the samples' standard deviation over that of real pictures; near 0 all look alike", "ratio",
     {"spread": "samples"}),
    (_LEARNT, "Speed", "of training", "images/s", {"images_per_s": "speed"}),
)  # fmt: skip


def charts(each: Sequence[tuple[Rows, Rows]], levels: Mapping[str, float] | None = None) -> list[list[Plot]]:
    """For each run, of its lines of metrics.csv and quality.csv: its charts. All runs' charts have the same axes.

    One of which no run has two points is left out. `levels` are the floors, by title.
    """
    found: list[list[Plot]] = [[] for _ in each]
    for which, title, note, unit, names in _KINDS:
        series = [{name: _points(rows[which], key) for key, name in names.items()} for rows in each]
        every = [point for one in series for line in one.values() for point in line]
        if not any(len(line) > 1 for one in series for line in one.values()):
            continue
        end, low, high = _extent(every)
        for plots, lines in zip(found, series, strict=True):
            curves = tuple(_curve(name, line, end, low, high) for name, line in lines.items() if line)
            up = tuple((_y(value, low, high), f"{value:g}") for value in ticks(low, high))
            across = tuple((_x(value, end), f"{value / 1000:g}") for value in ticks(0, end))
            floor = (levels or {}).get(title)
            level = None if floor is None else _y(floor, low, high)
            plots.append(Plot(title, note, unit, curves, across, up, level))
    return found


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from `low` to `high`: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _points(rows: Iterable[dict[str, str]], key: str) -> list[tuple[float, float]]:
    """(images seen, value) of the lines that have both as numbers."""
    found = []
    for row in rows:
        try:
            point = float(row["images_seen"]), float(row[key])
        except (KeyError, TypeError, ValueError):
            continue
        if all(map(math.isfinite, point)):
            found.append(point)
    return found


def _extent(points: list[tuple[float, float]]) -> tuple[float, float, float]:
    """The right end, and the low and high ends: one very high point, often the first, would flatten the rest."""
    heights = sorted(y for _, y in points)
    low = min(heights[0], 0.0)
    high = min(heights[-1], 4 * abs(heights[len(heights) * 3 // 4]) or heights[-1])
    return max(*(x for x, _ in points), 1.0), low, high * 1.05 if high > low else low + 1.0


def _curve(name: str, line: list[tuple[float, float]], end: float, low: float, high: float) -> Curve:
    step = max(1, len(line) // _POINTS)
    kept = line[::step] if (len(line) - 1) % step == 0 else [*line[::step], line[-1]]
    path = "M" + " L".join(f"{_x(x, end)} {_y(y, low, high)}" for x, y in kept)
    return Curve(name, path, f"{line[-1][1]:.3g}")


def _x(value: float, end: float) -> float:
    return round(LEFT + (WIDE - LEFT - RIGHT) * min(max(value / end, 0.0), 1.0), 1)


def _y(value: float, low: float, high: float) -> float:
    part = (min(max(value, low), high) - low) / (high - low)
    return round(TOP + (HIGH - TOP - BOTTOM) * (1 - part), 1)
