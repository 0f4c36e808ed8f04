"""A small dataset of drawn pictures with a recipe of its own, and the make that works on it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from making import ROOT, command, environment, make

from demo.drawing.develop import develop
from demo.drawing.stock import stock

if TYPE_CHECKING:
    from pathlib import Path

STAGES = ("scrape", "score", "curate", "train")
RECIPE = """
name = "tiny"

[[source]]
name = "drawn"
kind = "folder"
path = "{folder}"
licence = "CC0-1.0"

[score]
model = "demo"

[curate]
targets = ["quilt"]
threshold = 0.5
size = 32

[train]
preset = "dcgan64"
images = 256
values = ["batch=16", "width=8"]
"""


class Workshop:
    """A recipe with its own data and run folders, and the make that works on them."""

    def __init__(self, folder: Path) -> None:
        self.recipe, self.data, self.run = folder / "tiny.toml", folder / "data", folder / "run"
        pictures = stock({"quilt": 150, "bag": 10, "logo": 10}, {"truncated": 2})
        (folder / "pictures").mkdir()
        for picture in pictures:
            (folder / "pictures" / f"{picture.number:04d}.jpg").write_bytes(develop(picture, pictures))
        self.recipe.write_text(RECIPE.format(folder=folder / "pictures"), encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return command(self.recipe, self.data, self.run, *words)

    def locks(self) -> dict[str, int]:
        """When each stage last took its lock, which every stage does before anything else."""
        files = {s: (self.run if s == "train" else self.data) / f".{s}.lock" for s in STAGES}
        return {stage: file.stat().st_mtime_ns for stage, file in files.items() if file.exists()}

    def make(self, *words: str) -> list[str]:
        """Call make; returns the stages that ran."""
        before = self.locks()
        done = make(self.command(*words))
        assert done.returncode == 0, done.stdout + done.stderr
        return [stage for stage in STAGES if self.locks().get(stage) != before.get(stage)]

    def interrupt(self, stage: str, *words: str) -> float:
        """Call make, press Ctrl-C once `stage` is at work; returns the seconds until everything had ended."""
        before = self.locks().get(stage)
        process = subprocess.Popen(
            self.command(*words), cwd=ROOT, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        patience = time.monotonic() + 60
        while self.locks().get(stage) == before:
            assert process.poll() is None, f"make ended before {stage} began: {process.communicate()[1]}"
            assert time.monotonic() < patience
            time.sleep(0.01)
        pressed = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode != 0
        assert "Error 130" in said, said
        return time.monotonic() - pressed

    def standing(self) -> dict[str, bytes]:
        """What a person would not want to lose: exports, squares, weights."""
        kept = [*self.data.glob("report/*"), *self.data.glob("curated/*.png"), *self.run.glob("*.safetensors")]
        return {str(path): path.read_bytes() for path in kept}
