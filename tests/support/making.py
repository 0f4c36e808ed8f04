"""The very `make` that a user calls, on a recipe with data and run folders of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_VENV = Path(sys.executable).parents[1]  # no resolve: a venv's python is a link out of it
# the environment that the tests run in is taken for ready
READY = (f"--assume-old={_VENV}/.ready", f"--assume-old={_VENV}/.tested", f"VENV={_VENV}")


def command(recipe: Path, data: Path, run: Path, *words: str) -> list[str]:
    """`make WORDS` for a recipe."""
    return ["make", "--no-print-directory", *READY, f"RECIPE={recipe}", f"DATA={data}", f"RUN={run}", *words]


def environment() -> dict[str, str]:
    """This one, without what a make above the tests would hand down."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}


def make(words: list[str], timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """Call what `command` gave, from the root of the repository."""
    return subprocess.run(
        words, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
