"""TensorBoard over every run, on this computer alone; the extra tensorboard writes what it shows while a run trains."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from scrapbag.errors import MissingExtraError, UsageError, exits
from scrapbag.make import options

HOST, PORT = "127.0.0.1", 6006


@click.command(cls=options.OneStage)
@click.option("--root", type=click.Path(path_type=Path), default="runs", show_default=True, help="the runs' folder")
@click.option("--port", type=options.PORT, default=PORT, show_default=True)
def main(root: Path, port: int) -> None:
    """Scalars, KID, grids and settings of every run; ends with Ctrl-C."""
    with exits():
        if find_spec("tensorboard") is None:
            raise MissingExtraError("make tensorboard", "tensorboard", "tensorboard")
        if not any(root.glob("*/tensorboard")):
            raise UsageError(f"no run in {root} has curves for TensorBoard yet; make train writes them from now on")
        words = ["--logdir", str(root), "--host", HOST, "--port", str(port)]
        sys.exit(subprocess.run([sys.executable, "-m", "tensorboard.main", *words], check=False).returncode)


if __name__ == "__main__":
    main()
