"""python -m benchmarks.big.setups: the three set-ups of docs/scale.md, in small, by the commands that stand there.

    .venv/bin/python -m benchmarks.big.setups            # three minutes of two cores

Each machine is a copy of this checkout on this computer, in a folder of its own, with the drawn shop of `make demo` in
the place of the recipe's sites and moto's S3 server for the bucket. Commands run as the page has them, but for three:
`make setup` and `ssh` are left out, since the machines share one .venv and one 127.0.0.1, and `ray start` stays in the
foreground, to be ended. The last line is JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click

from benchmarks.big.machines import HERE, IMAGES, NAME, Machines, bucket, shop
from scrapbag.errors import UsageError, exits

PAGE = HERE / "docs" / "scale.md"
COMMAND = re.compile(r"^    (\w+)\$ +(.+)$")
LEFT_OUT = ("make setup", "ssh")
STAYS = {"make serve": (8778, ""), "ray start": (6379, "runtime started")}  # until ended: its port, what it says
BUCKET = "my-bucket"


def commands(page: str) -> dict[str, list[tuple[str, str]]]:
    """What each set-up of the page runs: (machine, command), in order, those of LEFT_OUT without."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in page.partition("## Three set-ups")[2].split("\n### ")[1:]:
        lines = [match.groups() for match in map(COMMAND.match, part.splitlines()) if match]
        found[part.partition("\n")[0]] = [(one, text) for one, text in lines if not text.startswith(LEFT_OUT)]
    return found


def home(machines: Machines, lines: list[tuple[str, str]]) -> dict[str, bool]:
    """The box has learnt from squares that only the laptop has."""
    with ExitStack() as stack:
        for name, command in lines:
            if command.startswith("make serve"):
                stack.enter_context(machines.running(name, command, *STAYS["make serve"]))
            else:
                machines.run(name, command)
        box = machines.folder("box")
        done = json.loads((box / f"runs/{NAME}/done.json").read_text())
        alone = not (box / f"data/{NAME}/catalog.db").exists()
        return {"the box learnt from squares that the laptop alone has": alone and done["images_seen"] >= IMAGES}


def cloud(machines: Machines, lines: list[tuple[str, str]]) -> dict[str, bool]:
    """A second machine goes on where the first was switched off: nothing is scored again."""
    first = [machines.run(name, command) for name, command in lines if not command.startswith("make pull")]
    second = [machines.run("vm2", command) for _, command in lines if "make train" not in command]
    scored = [any(map(re.compile(r"(?m)^scored [1-9]").search, said)) for said in (first, second)]
    return {
        "the first machine scored, the second nothing anew": scored == [True, False],
        "and has the first one's squares": _curated(machines, "vm") == _curated(machines, "vm2"),
    }


def cluster(machines: Machines, lines: list[tuple[str, str]]) -> dict[str, bool]:
    """Workers score what another machine scraped, to the bytes that this one has alone."""
    pull = next(command for _, command in lines if command.startswith("make pull"))
    machines.run("other", pull.replace("make pull", "make scrape push"))
    with ExitStack() as stack:
        for name, command in lines:
            text = command.replace("<head>", "127.0.0.1")
            if "ray start" in text:
                stack.enter_context(machines.running(name, f"env {text} --block", *STAYS["ray start"]))
            else:
                machines.run(name, text)
    machines.run("other", "make score curate RECIPE=recipes/quilts.toml")
    return {"the cluster's squares are those of one machine": _curated(machines, "head") == _curated(machines, "other")}


def _curated(machines: Machines, name: str) -> dict[str, str]:
    """The digest of each square and table; empty squares are an error of the run."""
    files = sorted((machines.folder(name) / f"data/{NAME}/curated").iterdir())
    found = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in files if one.suffix in {".png", ".csv"}}
    if len(found) < 2:
        raise UsageError(f"{name} has no square")
    return found


@click.command()
def main() -> None:
    """Run all three; the figures are seconds by the clock."""
    figures: dict[str, float] = {}
    reached: dict[str, bool] = {}
    runs = zip(commands(PAGE.read_text()).items(), (home, cloud, cluster), strict=True)
    with exits(), tempfile.TemporaryDirectory(prefix="scrapbag-setups-") as folder:
        root = Path(folder)
        ray = {"RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_TMPDIR": str(root), "RAY_USAGE_STATS_ENABLED": "0"}
        for port, _ in STAYS.values():
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    raise UsageError(f"port {port}, which the page names, is taken; end what answers there")
        with shop(root) as port:
            for (title, lines), run in runs:
                click.echo(title)
                began = time.monotonic()
                place = root / run.__name__
                place.mkdir()
                with bucket(place, BUCKET) as leads:
                    reached |= run(Machines(place, port, leads | ray), lines)
                figures[title] = round(time.monotonic() - began, 1)
    click.echo(json.dumps({"figures": figures, "reached": reached}))


if __name__ == "__main__":
    main()
