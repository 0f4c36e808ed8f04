"""A plot of curves over clicks as SVG, drawn by hand: two panels, a line and its spread for each series."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _TOP = 300, 220, 52, 46
_COLOURS = ("#2f5488", "#b03a36", "#b9804a", "#5f7f63", "#8a5a78")

Series = dict[int, "NDArray[np.float64]"]  # clicks -> (mean, spread) by panel


def plot(curves: Mapping[str, Series], panels: tuple[str, ...]) -> str:
    """One panel for each column of the series; the value at no click, the model alone, is a dashed line across."""
    wide, high = len(panels) * 380 + 10, 330 + 20 * len(curves)
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fffdf9"/>',
    ]
    for column, title in enumerate(panels):
        body += _panel(curves, column, title, _LEFT + 380 * column)
    for number, name in enumerate(curves):
        y = _TOP + _HEIGHT + 60 + 20 * number
        body.append(_line(_LEFT, y - 4, _LEFT + 24, y - 4, _COLOURS[number], width=3))
        body.append(_text(_LEFT + 32, y, name))
    return "\n".join([*body, "</svg>", ""])


def _panel(curves: Mapping[str, Series], column: int, title: str, left: float) -> list[str]:
    clicks = sorted(next(iter(curves.values())))
    low = int(min(series[c][0][column] for series in curves.values() for c in clicks) * 10 - 0.3) / 10
    right, bottom = left + _WIDTH, _TOP + _HEIGHT

    def x(click: float) -> float:
        return left + click / clicks[-1] * _WIDTH

    def y(value: float) -> float:
        return _TOP + (1 - min(1.0, value)) / (1 - low) * _HEIGHT

    body = [_text(left, _TOP - 18, title), _text(x(clicks[-1] / 2), bottom + 40, "answers", "middle")]
    for tenth in range(round(low * 10), 11):
        body.append(_line(left, y(tenth / 10), right, y(tenth / 10), "#e5ddcf"))
        body.append(_text(left - 8, y(tenth / 10) + 4, f"{tenth / 10:.1f}", "end"))
    body += [_text(x(c), bottom + 20, str(c), "middle") for c in clicks]
    for colour, series in zip(_COLOURS, curves.values(), strict=False):
        means = [series[c][0][column] for c in clicks]
        points = " ".join(f"{x(c):.1f},{y(mean):.1f}" for c, mean in zip(clicks, means, strict=True))
        body.append(_line(left, y(means[0]), right, y(means[0]), colour, dash="3 4"))
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for c in clicks:
            mean, spread = series[c][:, column]
            body.append(_line(x(c), y(mean + spread), x(c), y(mean - spread), colour))
            body.append(f'<circle cx="{x(c):.1f}" cy="{y(mean):.1f}" r="3.5" fill="{colour}"/>')
    return body


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, *, width: float = 1, dash: str = "none") -> str:
    place = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {place} stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dash}"/>'


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#23262e">{escape(words)}</text>'
