"""Curves on two logarithmic axes as SVG, drawn by hand."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LEFT, _TOP, _WIDTH, _HEIGHT = 70, 40, 520, 280
_COLOURS = ("#2f5488", "#b03a36", "#b9804a", "#5f7f63", "#8a5a78")


def drawn(across: Sequence[float], curves: Mapping[str, Sequence[float]], below: str, above: str) -> str:
    """A line for each of `curves` over `across`; rules at the powers of ten. All values are over 0."""
    values = [value for line in curves.values() for value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(across[0]), math.log10(across[-1])

    def x(value: float) -> float:
        return _LEFT + (math.log10(value) - first) / (last - first) * _WIDTH

    def y(value: float) -> float:
        return _TOP + (high - math.log10(value)) / (high - low) * _HEIGHT

    bottom, size = _TOP + _HEIGHT, f"0 0 {_LEFT + _WIDTH + 20} {_TOP + _HEIGHT + 60 + 20 * len(curves)}"
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fffdf9"/>',
        _text(_LEFT, _TOP - 16, above),
        _text(_LEFT + _WIDTH / 2, bottom + 38, below, "middle"),
    ]
    for power in range(low, high + 1):
        height = y(10.0**power)
        body.append(f'<path d="M{_LEFT} {height:.1f}h{_WIDTH}" stroke="#e5ddcf"/>')
        body.append(_text(_LEFT - 8, height + 4, f"{10.0**power:,g}", "end"))
    body += [_text(x(10.0**n), bottom + 18, f"{10**n:,}", "middle") for n in range(math.ceil(first), int(last) + 1)]
    for number, (name, line) in enumerate(curves.items()):
        colour, height = _COLOURS[number % len(_COLOURS)], bottom + 62 + 20 * number
        points = " ".join(f"{x(one):.1f},{y(value):.1f}" for one, value in zip(across, line, strict=True))
        dash = ' stroke-dasharray="6 4"' if number >= len(curves) - 1 else ""
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>')
        body.append(f'<path d="M{_LEFT} {height - 4}h24" stroke="{colour}" stroke-width="3"{dash}/>')
        body.append(_text(_LEFT + 32, height, name))
    return "\n".join([*body, "</svg>", ""])


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#23262e">{escape(words)}</text>'
