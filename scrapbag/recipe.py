"""A recipe: the TOML file that says how one dataset is made, a section a stage."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w

from scrapbag.border.hosts import allows_url, split
from scrapbag.check import Between, build
from scrapbag.errors import RecipeError
from scrapbag.make import recipe_file
from scrapbag.sources import KINDS, Source


@dataclass(frozen=True)
class Scrape:
    """How sources are asked. A site's Crawl-delay or Retry-After wins over `delay_s` when it is longer."""

    contact: str = ""  # your address or page, sent in the user agent; who crawls says who they are
    limit: Annotated[int, Between(1)] = 40_000  # different pictures, over all sources
    delay_s: Annotated[float, Between(0, 600)] = 1.0  # between two requests of one host
    concurrency: Annotated[int, Between(1, 64)] = 16  # requests under way at once, over all hosts
    per_host: Annotated[int, Between(1, 16)] = 2  # of these, at most so many of one host
    timeout_s: Annotated[float, Between(1, 600)] = 30.0  # of one request
    max_bytes: Annotated[int, Between(1_000)] = 30_000_000  # of one answer, inflated
    max_pixels: Annotated[int, Between(1_000)] = 40_000_000  # of a picture, by its header
    max_fail: Annotated[float, Between(0, 1)] = 0.5  # share of failed requests from which make scrape ends with 1
    attempts: Annotated[int, Between(1, 10)] = 3  # at one address, where the failure may pass (a timeout, a 503)
    sessions: Annotated[int, Between(1, 8)] = 2  # browsers side by side
    allow_hosts: tuple[str, ...] = ()  # host, host:port or [::1]:port; these may be at private addresses

    def __post_init__(self) -> None:
        for entry in self.allow_hosts:
            try:
                split(entry)
            except ValueError:
                raise RecipeError(
                    f"allow_hosts has {entry!r}; write a host, with or without a port: localhost:8000, [::1]:8000"
                ) from None


@dataclass(frozen=True)
class Score:
    """Which ResNet looks at the pictures. A plain cross-entropy one: see pytorch/vision#7570."""

    # of timm, hf-hub:OWNER/NAME, local-dir:PATH; lite0 and demo need no hub; none; unless named, lite0 if targets = []
    model: str = "resnet50.tv_in1k"
    backend: Literal["torch", "openvino"] = "torch"  # what computes; openvino is an extra
    dtype: Literal["bf16", "fp32", "int8"] = "bf16"  # of the convolutions; int8 needs openvino
    looks: Literal[1, 5] = 1  # 5: the whole and four quarters, averaged; five times the work, see docs/review.md


LITE = "lite0"  # scrapbag/models/lite0.py
DEMO = Path(__file__).parents[1] / "demo" / "model"
DEMO_START = DEMO.parent / "start"


def model_folder(model: str) -> Path | None:
    """Where a model of that name is on this computer, with config.json and model.safetensors; None for one of a hub."""
    if model == "demo":
        return DEMO
    return Path(model.removeprefix("local-dir:")).expanduser() if model.startswith("local-dir:") else None


@dataclass(frozen=True)
class Curate:
    """What is kept, and as what squares. `targets = []` asks no classifier: quality rules alone."""

    targets: tuple[str, ...] = ()  # WordNet synsets or class names; their probabilities are summed
    threshold: Annotated[float, Between(0, 1)] = 0.9  # the promise: a precision, or a confidence (see by)
    by: Literal["prob", "precision", "auto"] = "auto"  # auto: class prior corrected, certified once answers do
    size: Annotated[int, Between(16, 1024)] = 64  # side of the squares, in pixels
    # how a picture becomes a square; auto: border where its border is of one colour, else crop; original: not at all
    fit: Literal["crop", "white", "border", "blur", "reflect", "auto", "original"] = "auto"
    enlarge: bool = False  # take pictures that are smaller than the square, too
    min_side: Annotated[int, Between(1, 10_000)] = 64  # shorter side of a picture, in pixels
    max_aspect: Annotated[float, Between(1, 100)] = 3.0  # longer side by shorter
    require_licence: tuple[str, ...] = ()  # keep these alone, whatever their case; empty: any, unknown too
    near: Annotated[float, Between(0.9, 1)] = 0.985  # feature cosine from which two pictures are one


@dataclass(frozen=True)
class Train:
    """How long a generator learns. `values` are overrides of the preset's row (`.venv/bin/python -m gan presets`)."""

    # auto is a row for the machine and the size
    preset: Literal[
        "auto", "dcgan64", "dcgan256", "texture", "psgan", "balanced-cpu", "quilt", "projected", "projected-cpu"
    ] = "auto"
    minutes: Annotated[float, Between(0)] = 10.0  # of training, over all resumes
    images: Annotated[int, Between(0)] = 0  # when set, minutes do not count
    level: Annotated[int, Between(0, 3)] = 3  # train on pictures of this level or less
    seed: Annotated[int, Between(0, 2**53)] = 0  # of all chance in training
    init: str = ""  # demo, or runs/<name>, whose weights it begins with (docs/gan-transfer.md); empty: fresh ones
    values: tuple[str, ...] = ()  # "lr=0.0004"


STAGES: dict[str, type] = {"scrape": Scrape, "score": Score, "curate": Curate, "train": Train}


@dataclass(frozen=True)
class Recipe:
    """A whole recipe, every value checked."""

    name: str
    scrape: Scrape
    score: Score
    curate: Curate
    train: Train
    sources: tuple[Source, ...]


def load(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """The recipe at `path` with `stage.key=value` overrides. A settings file is a recipe of one stage and loads too.

    Raises RecipeError with one sentence for anything that cannot be used.
    """
    try:
        table = recipe_file.read(path)
        name = recipe_file.name(table, path)
    except recipe_file.NoRecipeError as error:
        raise RecipeError(str(error)) from None
    _override(table, overrides)
    if unknown := sorted(table.keys() - STAGES.keys() - {"name", "source"}):
        raise RecipeError(f"{path}: there is no [{unknown[0]}]; write name, [[source]], {_listed(STAGES)}")
    stages: dict[str, Any] = {key: build(cls, table.get(key, {}), f"{path}: [{key}]") for key, cls in STAGES.items()}
    # who asks no classifier needs features alone, for copies and for make review: no download of 100 MB for that
    if not stages["curate"].targets and "model" not in table.get("score", {}):
        stages["score"] = replace(stages["score"], model=LITE)
    return Recipe(name=name, sources=_sources(table.get("source", []), path), **stages)


def remote(recipe: Recipe) -> list[Source]:
    """The sources that ask other people's servers."""
    return [s for s in recipe.sources if not s.local and not _own(s, recipe.scrape.allow_hosts)]


def require_contact(recipe: Recipe, path: Path | None = None) -> None:
    """Who runs a crawler says who they are, unless nobody else is asked. Raises RecipeError, which names `path`."""
    asks = remote(recipe)
    if asks and "@" not in recipe.scrape.contact and "://" not in recipe.scrape.contact:
        where = f" in {path}" if path else ""
        raise RecipeError(
            f"source {asks[0].name!r} asks other people's servers;"
            f' write contact = "you@example.org" (or a page about your crawler) under [scrape]{where}'
        )


def dump(recipe: Recipe, stage: str) -> str:
    """The settings of one stage as TOML that `load` reads back to the same values; scrape carries its sources."""
    table: dict[str, Any] = {"name": recipe.name, stage: _plain(asdict(getattr(recipe, stage)))}
    if stage == "scrape":
        table["source"] = [{"kind": s.kind, **_plain(asdict(s))} for s in recipe.sources]
    return tomli_w.dumps(table)


def _override(table: dict[str, Any], overrides: tuple[str, ...]) -> None:
    for override in overrides:
        key, found, value = override.partition("=")
        stage, _, name = key.partition(".")
        if not found or stage not in STAGES or not name:
            raise RecipeError(f"cannot use {override!r}; write stage.key=value with a stage of {_listed(STAGES)}")
        table.setdefault(stage, {})[name] = _parse(value)


def _parse(value: str) -> Any:
    """The value as TOML; a number as people write it (.9); else text."""
    try:
        return tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return float(value) if re.fullmatch(r"[+-]?\d*\.\d*", value) and value.strip("+-.") else value


def _sources(tables: Any, path: Path) -> tuple[Source, ...]:
    if not isinstance(tables, list):
        raise RecipeError(f"{path}: [source] is one table; write [[source]], twice bracketed, for each source")
    sources: list[Source] = []
    for number, table in enumerate(tables, 1):
        values = dict(table)
        kind = values.pop("kind", None)
        if kind not in KINDS:
            raise RecipeError(f"{path}: source {number} kind is {kind!r}; write one of {', '.join(KINDS)}")
        values.setdefault("name", kind)
        if variable := getattr(KINDS[kind], "api_key_env", ""):
            _no_key(values, variable, f"{path}: source {values['name']!r}")
        sources.append(build(KINDS[kind], values, f"{path}: source {values['name']!r}"))
    names = [s.name for s in sources]
    if doubled := next((n for n in names if names.count(n) > 1), None):
        raise RecipeError(f"{path}: two sources are named {doubled!r}; give each a name of its own")
    return tuple(sources)


def _no_key(values: dict[str, Any], variable: str, where: str) -> None:
    """A recipe is copied and shared, so no key may stand in it; an empty one did in those that came with scrapbag."""
    if values.pop("api_key", ""):
        raise RecipeError(
            f"{where} has its api_key here, where others may read it; take it out, and export {variable}=… or write"
            " api_key_file, the path of a file of mode 600 that holds it"
        )


def _own(source: Source, allow_hosts: tuple[str, ...]) -> bool:
    starts = getattr(source, "start", ())
    return bool(starts) and all(allows_url(allow_hosts, start) for start in starts)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if one is not None}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _listed(stages: dict[str, type]) -> str:
    return ", ".join(f"[{stage}]" for stage in stages)
