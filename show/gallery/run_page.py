"""The page of one run, or of two side by side: grids over images seen, one sample, curves, films."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapbag.web import charts
from show.gallery import pictures, sample_panel, training, views
from show.known import files
from show.known.addresses import to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import MultiDict

    from scrapbag.layout import Run
    from show.gallery.views import RunCard
    from show.known.shelf import Shelf


def words(shelf: Shelf, runs: dict[str, Run], name: str, asked: MultiDict[str, str]) -> dict[str, Any]:
    """For the template run.html.j2; `asked` may have with, kimg, sample, film, frame and still.

    `runs` are those that were listed, `name` and what is asked for beside it among them.
    """
    beside = asked.get("with", "")
    beside = beside if beside in runs and beside != name else ""
    names = [name, *([beside] if beside else [])]
    cards = [views.run_card(one, runs[one], shelf.learnt_from(runs[one])) for one in names]
    state = {key: asked.get(key) for key in ("kimg", "sample", "film", "still")} | {"run": name, "with": beside}
    plots = charts.charts([(c.state.metrics, c.state.quality) if c.state else ([], []) for c in cards])
    steps = sorted({kimg for card in cards if card.state for kimg in card.state.grids})
    at = asked.get("kimg", type=int)
    at = None if at is None or not steps else max([one for one in steps if one <= at], default=steps[0])
    number = asked.get("sample", type=int)
    columns = [
        _column(shelf, runs[card.name], card, at, number, state) | {"plots": plot}
        for card, plot in zip(cards, plots, strict=True)
    ]
    made = _made(name, runs[name], asked, state) if not beside and cards[0].state else {}
    return {
        "name": name,
        "beside": beside,
        "columns": columns,
        "steps": steps,
        "at": steps.index(at) if at is not None else max(len(steps) - 1, 0),
        "follows": at is None,
        "newest": to("/run", **{**state, "kimg": None}),
        "others": [(one, to("/run", **{**state, "with": one})) for one in sorted(runs) if one not in names],
        "alone": to("/run", **{**state, "with": None}),
        "made": made,
        "keys": _keys(state, steps, at, number, columns),
    }


def _column(
    shelf: Shelf, run: Run, card: RunCard, at: int | None, number: int | None, state: Mapping[str, object]
) -> dict[str, Any]:
    """One run: its grid at `at` thousand images (None: the newest), and sample `number` of it."""
    found: dict[str, Any] = {"card": card, "grid": None, "sample": None, "said": ""}
    if card.state is None or not card.state.grids:
        return found
    there = card.state.grids
    kimg = max(there) if at is None else max([one for one in there if one <= at], default=None)
    if kimg is None:
        return {**found, "said": f"There is no grid of it from before {at},000 images."}
    path = there[kimg]
    shape, said = views.told(run, lambda: pictures.shape(run, path))
    if shape is None:
        return {**found, "said": said}
    across, down = shape
    found["grid"] = {
        "kimg": kimg,
        "src": views.grid(card.name, kimg, card.state),
        "across": across,
        "down": down,
        "cells": [
            (i, i % across, i // across, to("/run", **{**state, "sample": i}), i == number)
            for i in range(across * down)
        ],
    }
    if number is not None and 0 <= number < across * down:
        found["sample"] = sample_panel.words(shelf, run, card, kimg, number)
    return found


def _made(name: str, run: Run, asked: MultiDict[str, str], state: Mapping[str, object]) -> dict[str, Any]:
    """What make sample and make interpolate made of it; one film and one picture of them may be open."""
    films, stills = training.films(run), training.stills(run)
    film, still = asked.get("film", ""), asked.get("still", "")
    frames = None
    said = ""
    if film in films:
        frames, said = views.told(run, lambda: len(pictures.frames(run.samples / film)))
    return {
        "films": [(one, to("/run", **{**state, "film": one}), one == film) for one in films],
        "stills": [(one, to("/run", **{**state, "still": one}), one == still) for one in stills],
        "film": film if frames else "",
        "frames": frames,
        "frame": min(max(asked.get("frame", 0, type=int), 0), (frames or 1) - 1),
        "frame_src": to("/frame", run=name, film=film) + "&frame=",
        "said": said,
        "still": still if still in stills else "",
        "still_src": to("/still", run=name, still=still),
        "interpolate": files.command(run, "interpolate"),
        "sample": files.command(run, "sample"),
    }


def _keys(
    state: Mapping[str, object], steps: list[int], at: int | None, number: int | None, columns: list[dict[str, Any]]
) -> dict[str, tuple[str, str]]:
    """Where the keys lead: through the samples while one is open, otherwise through the grids."""
    grid = next((one["grid"] for one in columns if one["grid"]), None)
    if number is None or grid is None:
        place = steps.index(at) if at is not None else len(steps) - 1
        to_kimg = {"ArrowLeft": (place - 1, "earlier"), "ArrowRight": (place + 1, "later")}
        return {
            key: (to("/run", **{**state, "kimg": steps[i] if i < len(steps) - 1 else None}), said)
            for key, (i, said) in to_kimg.items()
            if 0 <= i < len(steps)
        }
    across, count = grid["across"], grid["across"] * grid["down"]
    moves = {"ArrowLeft": (-1, "previous sample"), "ArrowRight": (1, "next sample"),
             "ArrowUp": (-across, "sample above"), "ArrowDown": (across, "sample below")}  # fmt: skip
    keys = {
        key: (to("/run", **{**state, "sample": number + by}), said)
        for key, (by, said) in moves.items()
        if 0 <= number + by < count
    }
    return {**keys, "Escape": (to("/run", **{**state, "sample": None}), "close")}
