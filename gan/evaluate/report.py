"""RUN/report.html: curves, grids over time, neighbours and metrics on one page without other files."""

from __future__ import annotations

import base64
import io
import tomllib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from gan.evaluate import blind, evaluate, keep, recognition
from gan.nets import presets
from gan.nets.values import Values
from gan.pictures import grids
from scrapbag.disk import write_text
from scrapbag.layout import metrics_rows
from scrapbag.make.command import last_call
from scrapbag.web import charts, page

if TYPE_CHECKING:
    from pathlib import Path

    from scrapbag.layout import Run
    from scrapbag.web.charts import Plot

SHOWN = 8  # grids over time
SIDE = 768  # pixels of a sheet, at most


@dataclass(frozen=True)
class Captioned:
    """A picture with its caption; `src` is a data: URI."""

    caption: str
    src: str


def write(run: Run) -> Path:
    """Render what the run has so far; what is not there yet is left out. Returns where the page is."""
    verdicts, settings = evaluate.read(run), _settings(run)
    html = page.render(
        "gan.evaluate",
        "run.html.j2",
        style=("base.css", "chart.css", "run.css"),
        name=run.root.resolve().name,
        settings=settings,
        words=in_words(settings.get("values", {})),
        rows=(metrics_rows(run) or [{}])[-1],
        plots=plots(run, verdicts),
        now=_sheet(run.root, list(run.grids())[-1:], ""),
        reals=_sheet(run.root, [run.reals], "real pictures"),
        history=_history(run),
        verdicts=verdicts,
        seen={name: _seen(verdict) for name, verdict in verdicts.items()},
        blind=[(test.images_seen, len(test.kinds) - len(test.answers), blind.lines(test)) for test in blind.read(run)],
        names=evaluate.NAMES,
        flags=[flag for verdict in list(verdicts.values())[:1] for flag in verdict["flags"]],
        neighbours=_sheet(run.root, [run.neighbours], "", whole=True),
        make=last_call(run).make,
    )
    write_text(run.report, html)
    return run.report


def in_words(values: dict[str, Any]) -> dict[str, str]:
    """The values of a run that say most, in words; {} where none are known. All of them: docs/reference.md."""
    if not values:
        return {}
    known = {**presets.plain(Values()), **values}
    changes = {"mirror": "mirrored", "tumble": "turned by quarters", "colour": "colours", "shift": "shifted",
               "turn": "turned", "zoom": "zoomed"}  # fmt: skip
    penalty = {"none": "none", "r1": "R1, on real pictures", "r1r2": "R1 and R2, on real and generated pictures"}
    teacher = "" if known["teacher"] == "none" else f"; D looks through {known['teacher']}, pretrained and frozen"
    weight = "" if known["penalty"] == "none" else f", weight {known['gamma']:g}, every {known['lazy']} steps"
    return {
        "networks": f"{known['block']} blocks, {known['width']} channels at full size, {known['z']} latents{teacher}",
        "loss": str(known["loss"]).replace("_", " "),
        "gradient penalty": penalty[known["penalty"]] + weight,
        "learning rates": f"G {known['lr_g']:g}, D {known['lr_d']:g}",
        "pictures a step": str(known["batch"]) + (f", crops of {known['crop']} pixels" if known["crop"] else ""),
        "changed before D sees them": ", ".join(word for key, word in changes.items() if known[key]) or "not at all",
        "moving average of G": f"half-life of {known['ema_kimg']:g} thousand images" if known["ema_kimg"] else "none",
    }


def plots(run: Run, verdicts: dict[str, Any]) -> list[Plot]:
    """The curves of metrics.csv and quality.csv over images seen, KID with the floor that make evaluate measured."""
    floor = verdicts.get("last", {}).get("measured", [{}])[0].get("floor", {}).get("kid")
    quality = [{key: str(value) for key, value in asdict(row).items()} for row in keep.rows(run)]
    return charts.charts([(metrics_rows(run), quality)], {} if floor is None else {"KID": floor})[0]


def _seen(verdict: dict[str, Any]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    found = recognition.restore(verdict.get("recognition"))
    return (recognition.rows(found), recognition.notes(found)) if found else ([], [])


def _settings(run: Run) -> dict[str, Any]:
    return tomllib.loads(run.settings.read_text(encoding="utf-8")) if run.settings.exists() else {}


def _history(run: Run) -> list[Captioned]:
    """Up to eight grids at equal distances, the first and the last among them."""
    paths = list(run.grids().items())
    count = min(SHOWN, len(paths))
    chosen = [paths[round(i * (len(paths) - 1) / max(count - 1, 1))] for i in range(count)]
    shown = [(kimg, _uri(path, SIDE // 2)) for path, kimg in chosen]
    return [Captioned(f"{kimg:,} thousand images", src) for kimg, src in shown if src]


def _sheet(root: Path, paths: list[Path], caption: str, *, whole: bool = False) -> Captioned | None:
    if not paths or not paths[0].is_relative_to(root) or not paths[0].exists():
        return None
    src = _uri(paths[0], 4096 if whole else SIDE)
    return Captioned(caption, src) if src else None


def _uri(path: Path, side: int) -> str:
    """A PNG as a data: URI, at most `side` pixels wide and high; empty for one that cannot be read."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            picture = image.convert("RGB")
    except grids.UNREADABLE:
        return ""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=92)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
