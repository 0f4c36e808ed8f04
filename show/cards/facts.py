"""What a dataset's and a run's files say of themselves, as plain values for their cards."""

from __future__ import annotations

import csv
import json
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapbag import decision, recipe
from scrapbag.errors import MissingError, ScrapbagError, UsageError
from scrapbag.layout import Data, Run
from scrapbag.make.command import last_call
from scrapbag.plain import plain, uncell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapbag.decision import Decision
    from scrapbag.recipe import Curate

UNKNOWN = "unknown"  # the licence of a picture whose page states none


@dataclass(frozen=True)
class DatasetFacts:
    """One dataset, by its report.csv and its settings."""

    name: str
    rows: int  # picture addresses that were asked for
    fetched: int  # of them, those that brought a picture
    kept: int
    reasons: dict[str, int]  # why the others were not kept, the commonest first
    sources: dict[str, tuple[str, int, int]]  # by name: kind, addresses, kept
    licences: dict[str, int]  # of the kept ones, the commonest first
    disputed: int  # kept ones whose pages state several licences
    creators: int  # different ones that are named, of the kept ones
    answered: int  # pictures that a person answered for
    first: str  # when the first of the kept ones was fetched, ISO 8601; '' where that is not noted
    last: str
    curate: Curate
    decision: Decision | None  # None: no classifier decided
    certificate: str  # the evidence for the cut; '' where nothing is certified


@dataclass(frozen=True)
class RunFacts:
    """One run, by what it left."""

    name: str
    done: dict[str, Any]  # done.json
    settings: dict[str, Any]  # settings.toml
    generator: dict[str, Any]  # generator.json
    verdict: dict[str, Any]  # of the last generator, by make evaluate; {} where nothing was measured
    blind: dict[str, Any]  # the last blind test; {} where there was none
    same_data: bool | None  # whether the dataset still holds what was learnt from; None: that cannot be told


def dataset(data: Data) -> DatasetFacts:
    """Raises MissingError before the first make curate, UsageError for a report.csv that is damaged."""
    rows = _rows(data.report_csv)
    kept = [row for row in rows if _true(row["kept"])]
    kinds = _kinds(data)
    asked, taken = Counter(row["source"] for row in rows), Counter(row["source"] for row in kept)
    dates = sorted(row.get("fetched_at") or "" for row in kept if row.get("fetched_at"))
    settings = data.settings_of("curate")
    return DatasetFacts(
        name=last_call(data).name or data.root.resolve().name,
        rows=len(rows),
        fetched=sum(bool(row.get("sha256")) for row in rows),
        kept=len(kept),
        reasons=_counts(row["reason"] for row in rows if not _true(row["kept"])),
        sources={name: (kinds.get(name, ""), asked[name], taken[name]) for name in sorted(asked)},
        licences=_counts(plain(row.get("licence") or "") or UNKNOWN for row in kept),
        disputed=sum(bool(row.get("licence_disputed")) for row in kept),
        creators=len({plain(row["creator"]) for row in kept if row.get("creator")}),
        answered=sum(bool(row.get("answer")) for row in rows),
        first=dates[0] if dates else "",
        last=dates[-1] if dates else "",
        curate=recipe.load(settings).curate if settings.exists() else recipe.Curate(),
        decision=_decision(data),
        certificate=next((row["certificate"] for row in kept if row.get("certificate")), ""),
    )


def trained(run: Run, data: Data) -> RunFacts:
    """Raises MissingError before the end of the first make train, UsageError for files that are damaged."""
    if not run.done.exists():
        raise MissingError(f"there is no {run.done}; run make train first")
    done = _json(run.done)
    tests = _json(run.blind, many=True) if run.blind.exists() else []
    key = str(done.get("data") or "")
    packs = {path.name for path in data.packed.glob("*/")}
    return RunFacts(
        name=run.root.resolve().name,
        done=done,
        settings=_toml(run.settings),
        generator=_json(run.generator.with_suffix(".json")),
        verdict=dict(_json(run.evaluation).get("last") or {}) if run.evaluation.exists() else {},
        blind=dict(tests[-1]) if tests else {},
        same_data=key in packs if key and packs else None,
    )


def came_from(run: Run) -> Data | None:
    """The dataset that a run was trained on, as it noted it; None where it did not."""
    root = _toml(run.settings).get("from") if run.settings.exists() else None
    return Data(Path(root)) if isinstance(root, str) else None


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        raise MissingError(f"there is no {path}; run make curate first")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [{key: uncell(value or "") for key, value in row.items() if key} for row in csv.DictReader(file)]
    except (ValueError, csv.Error) as error:
        raise UsageError(f"cannot read {path} ({error}); run make curate again") from None
    if rows and (lacking := [name for name in ("kept", "reason", "source") if name not in rows[0]]):
        raise UsageError(f"{path} has no column {lacking[0]}; run make curate again")
    return rows


def _kinds(data: Data) -> Mapping[str, str]:
    settings = data.settings_of("scrape")
    return {one.name: one.kind for one in recipe.load(settings).sources} if settings.exists() else {}


def _decision(data: Data) -> Decision | None:
    try:
        return decision.read(data)
    except ScrapbagError:
        return None


def _counts(words: Any) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda one: (-one[1], one[0])))


def _true(text: str) -> bool:
    return text.lower() == "true"


def _json(path: Path, *, many: bool = False) -> Any:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise MissingError(f"there is no {path}; run make train first") from None
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}); move it away") from None
    if not isinstance(found, list if many else dict):
        raise UsageError(f"{path} is damaged (it is no {'list' if many else 'table'}); move it away")
    return found


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingError(f"there is no {path}; run make train first") from None
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}); move it away") from None
