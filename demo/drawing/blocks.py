r"""Named patchwork blocks, each a diagram that is read into polygons.

A diagram has one row of cells a line. A cell is `b` (a square of fabric b), `a/b` or `a\b` (two triangles, a left of
the stroke and b right of it), or `abcd` (four triangles: top, right, bottom, left). The fabrics: a is the ground,
b the main colour, c the second, d the third, e the accent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Point = tuple[float, float]
ROLES = "abcde"

DIAGRAMS = {
    "nine-patch": r"""
        b a b
        a c a
        b a b
    """,
    "checkerboard": r"""
        b a b a
        a b a b
        b a b a
        a b a b
    """,
    "log cabin": r"""
        b b b b b b a
        b c c c c d a
        b c b b a d a
        b c b e a d a
        b c a a a d a
        b d d d d d a
        a a a a a a a
    """,
    "courthouse steps": r"""
        b b b b b b b
        a c c c c c a
        a d b b b d a
        a d a e a d a
        a d b b b d a
        a c c c c c a
        b b b b b b b
    """,
    "trip around the world": r"""
        a b d c d b a
        b d c a c d b
        d c a b a c d
        c a b e b a c
        d c a b a c d
        b d c a c d b
        a b d c d b a
    """,
    "rail fence": r"""
        b c d b b b
        b c d c c c
        b c d d d d
        b b b b c d
        c c c b c d
        d d d b c d
    """,
    "flying geese": r"""
        a/b b\a a/c c\a
        a/c c\a a/b b\a
        a/b b\a a/c c\a
        a/c c\a a/b b\a
    """,
    "half-square triangles": r"""
        b/a c/a
        c/a b/a
    """,
    "pinwheel": r"""
        b\a c/a
        a/c a\b
    """,
    "broken dishes": r"""
        a/b a\b
        b\a b/a
    """,
    "hourglass": r"""
        baba acac
        acac baba
    """,
    "Ohio star": r"""
        a    abab a
        baba c    baba
        a    abab a
    """,
    "sawtooth star": r"""
        a   b\a a/b a
        a\b c   c   b/a
        a/b c   c   b\a
        a   b/a a\b a
    """,
    "friendship star": r"""
        a   a/b a
        a\b b   b\a
        a   b/a a
    """,
    "shoofly": r"""
        a/b a b\a
        a   c a
        a\b a b/a
    """,
    "churn dash": r"""
        a   a/b a a b\a a
        a/b b   b b b   b\a
        a   b   c c b   a
        a   b   c c b   a
        a\b b   b b b   b/a
        a   a\b a a b/a a
    """,
    "bear paw": r"""
        a   a/b a/b a b\a b\a a
        a/b c   c   a c   c   b\a
        a/b c   c   a c   c   b\a
        a   a   a   d a   a   a
        a\b c   c   a c   c   b/a
        a\b c   c   a c   c   b/a
        a   a\b a\b a b/a b/a a
    """,
    "square in a square": r"""
        a   a/b b\a a
        a/b c   c   b\a
        a\b c   c   b/a
        a   a\b b/a a
    """,
    "Jacob's ladder": r"""
        b   a   c\a a   b   a
        a   b   c   c\a a   b
        a\c c   b   a   c\a a
        a   a\c a   b   c   c\a
        b   a   a\c c   b   a
        a   b   a   a\c a   b
    """,
    "Dutchman's puzzle": r"""
        a/b b\a c\a b\a
        a/c c\a c/a b/a
        a/b a/c a\c c/a
        a\b a\c a\b b/a
    """,
}


@dataclass(frozen=True)
class Patch:
    """One piece of cloth: its fabric's role, and its corners in the unit square, y downwards."""

    role: str
    corners: tuple[Point, ...]


@dataclass(frozen=True)
class Block:
    """A named block in the unit square; `cells` a side tell how small its patches are."""

    name: str
    cells: int
    patches: tuple[Patch, ...]


def read(name: str, diagram: str) -> Block:
    """The block that a diagram shows. Raises ValueError when it is not square or a cell cannot be read."""
    rows = [line.split() for line in diagram.strip().splitlines()]
    n = len(rows)
    if any(len(row) != n for row in rows):
        raise ValueError(f"the diagram of {name!r} is not square")
    patches = [
        Patch(role, tuple((x / n, y / n) for x, y in corners))
        for i, row in enumerate(rows)
        for j, cell in enumerate(row)
        for role, corners in _pieces(cell, j, i)
    ]
    return Block(name, n, tuple(patches))


def _pieces(cell: str, x: int, y: int) -> Iterator[tuple[str, tuple[Point, ...]]]:
    """The triangles or the square of the cell whose upper left corner is (x, y)."""
    nw, ne, se, sw = (x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)
    middle = (x + 0.5, y + 0.5)
    shapes: dict[str, tuple[tuple[Point, ...], ...]] = {
        "a": ((nw, ne, se, sw),),
        "a/b": ((nw, ne, sw), (ne, se, sw)),
        "a\\b": ((nw, se, sw), (nw, ne, se)),
        "abcd": ((nw, ne, middle), (ne, se, middle), (se, sw, middle), (sw, nw, middle)),
    }
    roles = cell.replace("/", "").replace("\\", "")
    form = {1: "a", 2: f"a{cell[1:2]}b", 4: "abcd"}.get(len(roles), "")
    if form not in shapes or not set(roles) <= set(ROLES):
        raise ValueError(f"there is no cell {cell!r}; write b, a/b, a\\b or abcd")
    yield from zip(roles, shapes[form], strict=True)


BLOCKS = {name: read(name, diagram) for name, diagram in DIAGRAMS.items()}
