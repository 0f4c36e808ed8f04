"""Writes the tables of docs/, those of recipe.md, reference.md, format.md and others: `make docs-tables`."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from docs.reading import ROOT, catalog_columns, comments, defaults, rooms, targets, variables, versions
from scrapbag import catalog, reasons, recipe, sources
from scrapbag.check import Between
from scrapbag.crawl import states

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NAMES = ("recipe", "recipes", "reference", "format", "architecture", "processes")
PAGES = tuple(ROOT / "docs" / f"{name}.md" for name in _NAMES)
_REGION = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def written(page: str) -> str:
    """`page` with every region from `<!-- NAME -->` to `<!-- end -->` written anew."""
    return _REGION.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", page)


def decision_reasons() -> str:
    """Why a picture that came was not kept."""
    return _table(("reason", "meaning"), ((f"`{word}`", said) for word, said in reasons.DECISION.items()))


def fetch_reasons() -> str:
    """Why no picture came, or none was looked at yet."""
    every = reasons.FETCH | reasons.PENDING
    return _table(("reason", "meaning"), ((f"`{word}`", said) for word, said in every.items()))


def passed_reasons() -> str:
    """What a folder, an archive or a list holds that is no row."""
    return _table(("reason", "meaning"), ((f"`{word}`", said) for word, said in reasons.PASSED.items()))


def columns() -> str:
    """Of report.csv, in their order."""
    from curate.rows import COLUMNS, Row  # noqa: PLC0415

    named = {one.metadata.get("column", one.name): one for one in fields(Row)}
    said = comments(catalog.Record) | comments(Row)
    return _table(
        ("column", "type", "meaning"),
        ((f"`{name}`", _csv_type(str(named[name].type)), _empty(said.get(named[name].name, ""))) for name in COLUMNS),
    )


def recipe_keys() -> str:
    """A table for every section of a recipe."""
    return "\n\n".join(f"### [{name}]\n\n{_doc(cls)}\n\n{_keys(cls)}" for name, cls in recipe.STAGES.items())


def recipe_files() -> str:
    """Every recipe that asks other hosts or reads a user's files, whole."""
    paths = [path for path in sorted((ROOT / "recipes").glob("*.toml")) if path.stem not in {"demo", "real"}]
    return "\n\n".join(
        f"### {path.stem}\n\n```toml\n{path.read_text(encoding='utf-8').rstrip()}\n```" for path in paths
    )


def fits() -> str:
    """What each `fit` makes of two pictures, and whom it is for."""
    from docs.fits import FITS, WORDS  # noqa: PLC0415  OpenCV takes a while to import

    return _table(("fit", "", "what it does"), ((f"`{one}`", f"![{one}](fit-{one}.webp)", WORDS[one]) for one in FITS))


def source_keys() -> str:
    """A table of what every kind has, then one for each kind."""
    common = {one.name for one in fields(sources.Source)}
    parts = [f"### Every kind\n\n{_doc(sources.Source)}\n\n{_keys(sources.Source)}"]
    parts += [f"### {name}\n\n{_doc(cls)}\n\n{_keys(cls, without=common)}" for name, cls in sources.KINDS.items()]
    return "\n\n".join(parts)


def presets() -> str:
    """What each row changes from the defaults, and what INIT does in any row."""
    from gan.nets.presets import PRESETS, TRANSFER  # noqa: PLC0415

    rows = {f"`{name}`": row for name, row in PRESETS.items()} | {"any, with INIT": TRANSFER}

    return _table(
        ("preset", "what it changes"),
        ((name, ", ".join(f"{key} {_default(value)}" for key, value in row.items())) for name, row in rows.items()),
    )


def across_a_batch() -> str:
    """What of each preset looks across a batch that is divided among processes."""
    from gan.nets.presets import PRESETS, resolve  # noqa: PLC0415
    from gan.step.shared import across  # noqa: PLC0415  torch takes a while to import

    found = {name: across(resolve(name)) for name in PRESETS}
    return _table(
        ("preset", "looks across a batch", "so PROCESSES=2 is"),
        (
            (
                f"`{name}`",
                ", ".join(f"{what} ({how})" for what, how in layers.items()) or "nothing",
                "synchronised" if "synchronised" in layers.values() else "equal",
            )
            for name, layers in found.items()
        ),
    )


def preset_values() -> str:
    """Every value that a preset or SET= can change."""
    from gan.nets.values import Values  # noqa: PLC0415

    return _keys(Values)


def request_states() -> str:
    """What moves a request from state to state: drawn, then as a table."""
    return f"```mermaid\n{states.diagram()}```\n\n{states.table().rstrip()}"


def room_list() -> str:
    """Every room, its purpose as its own docstring has it, and what it imports."""
    return _table(
        ("room", "what stands there", "imports, besides the ground"),
        ((f"`{name}`", said, ", ".join(f"`{one}`" for one in others)) for name, (said, others) in rooms().items()),
    )


def catalog_tables() -> str:
    """A table for each of catalog.db's, from the SQL that makes them."""
    return "\n\n".join(
        f"### {name}\n\n{_table(('column', 'type', 'meaning'), ((f'`{one[0]}`', *one[1:]) for one in columns))}"
        for name, columns in catalog_columns().items()
    )


def version_numbers() -> str:
    """What is raised by hand when files on disk come to mean something else."""
    return _table(("where", "version", "note"), ((f"`{path}`", str(n), said) for path, n, said in versions()))


def shard_columns() -> str:
    """The arrays that every shard has."""
    from curate.look.measure import COLUMNS  # noqa: PLC0415  OpenCV takes a while to import

    return _table(("array", "type"), ((f"`{name}`", kind.__name__) for name, kind in COLUMNS.items()))


def run_columns() -> str:
    """The columns of metrics.csv and quality.csv, as the classes that write their lines say."""
    from gan.evaluate.keep import QualityRow  # noqa: PLC0415  torch takes a while to import
    from gan.step.balance import StepMetrics  # noqa: PLC0415
    from gan.train.progress import MetricsRow  # noqa: PLC0415

    parts = []
    for name, cls in (("metrics.csv", MetricsRow), ("quality.csv", QualityRow)):
        said = comments(cls) | (comments(StepMetrics) if cls is MetricsRow else {})
        rows = ((f"`{one.name}`", _csv_type(str(one.type)), said.get(one.name, "")) for one in fields(cls))
        parts.append(f"#### {name}\n\n{_table(('column', 'type', 'meaning'), rows)}")
    return "\n\n".join(parts)


def make_targets() -> str:
    """As `make help` lists them."""
    return _table(("command", "what"), ((f"`make {name}`", said) for name, said in targets().items()))


def make_variables() -> str:
    """Every variable that a caller may set: what it becomes, what it is otherwise, and which targets read it."""
    otherwise = defaults()
    return _table(
        ("variable", "becomes", "otherwise", "read by"),
        (
            (f"`{name}`", ", ".join(becomes), f"`{otherwise[name]}`" if name in otherwise else "", ", ".join(by))
            for name, (becomes, by) in variables().items()
        ),
    )


def _keys(cls: type, without: Iterable[str] = ()) -> str:
    hints, said = get_type_hints(cls, include_extras=True), comments(cls)
    rows = [
        (f"`{one.name}`", _type(hints[one.name]), _default(one.default), said.get(one.name, ""))
        for one in fields(cls)
        if one.name not in set(without)
    ]
    return _table(("key", "type", "default", "meaning"), rows)


def _type(hint: Any) -> str:
    """A type as one who writes TOML calls it, with its bounds."""
    inner, *more = get_args(hint) or (hint,)
    if bounds := next((one for one in more if isinstance(one, Between)), None):
        return f"{_type(inner)}, {_bounds(bounds)}"
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(_default, get_args(hint)))
    if get_origin(hint) is tuple:
        kind = get_args(inner)[0] if get_origin(inner) is Annotated else inner
        return "list" if kind is Any else f"list of {_WORDS[kind]}s"
    return _WORDS.get(hint, str(hint))


def _bounds(bounds: Between) -> str:
    return f"from {_number(bounds.low)}" + ("" if bounds.high == float("inf") else f" to {_number(bounds.high)}")


def _number(value: float) -> str:
    """Whole ones with all their digits, as TOML has them."""
    return f"{int(value):_}" if value == int(value) else f"{value:g}"


def _empty(words: str) -> str:
    """What is None in the code is an empty cell in a CSV."""
    return re.sub(r"\bNone\b|''", "empty", words)


def _csv_type(annotation: str) -> str:
    kind, _, unknown = annotation.partition(" | ")
    return _WORDS[{"int": int, "float": float, "bool": bool}.get(kind, str)] + (" or empty" if unknown else "")


def _default(value: Any) -> str:
    """A value as TOML has it; or that it has to be written."""
    if value is MISSING:
        return "required"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_default, value))}]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else _number(value)


def _doc(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(one.replace("|", "\\|") for one in row) + " |" for row in cells)


TABLES: dict[str, Callable[[], str]] = {
    one.__name__: one
    for one in (
        decision_reasons, fetch_reasons, passed_reasons, columns, recipe_keys, recipe_files, source_keys, fits, presets,
        preset_values, across_a_batch, request_states,
        catalog_tables, version_numbers, shard_columns, run_columns,
        make_targets, make_variables, room_list,
    )
}  # fmt: skip

if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
