"""Where a run of other settings goes: its files are moved to RUN.1, RUN.2 ..., and a kill in between is made good."""

from __future__ import annotations

from pathlib import Path

from scrapbag.disk import aside
from scrapbag.layout import SECTIONS, Run

_STAY = {Run(Path()).asked.name, SECTIONS, ".train.lock", ".stamp"}  # what Make and the lock keep there


def left(root: Path) -> list[Path]:
    """A run's own files, in the order in which they are moved: settings.toml, which marks a run, is the last."""
    paths = [p for p in root.iterdir() if p.name not in _STAY and p.suffix != ".part"]
    return sorted(paths, key=lambda p: (p.name == Run(root).settings.name, p.name))


def put_aside(root: Path) -> Path:
    """Move a run's files to the first free of root.1, root.2 ..., and return it."""
    part = _moving(root)
    part.mkdir()
    for path in left(root):
        path.rename(part / path.name)
    return _numbered(root)


def end_move(root: Path) -> None:
    """Undo a move that a kill interrupted, or finish it where settings.toml was moved already."""
    part = _moving(root)
    if not part.exists():
        return
    if not Run(root).settings.exists():
        _numbered(root)
        return
    for path in part.iterdir():
        path.rename(root / path.name)
    part.rmdir()


def _moving(root: Path) -> Path:
    return root.with_name(f"{root.name}.moving")


def _numbered(root: Path) -> Path:
    return _moving(root).rename(aside(root))
