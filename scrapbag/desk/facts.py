"""What is known of a dataset and its run, as plain values: `make status` prints them as words, JSON=1 as they are."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scrapbag import catalog, decision
from scrapbag.catalog import connect
from scrapbag.layout import dealt_by, metrics_rows
from scrapbag.tables import endings, passed_over, placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from scrapbag.layout import Data, Run

PICTURES = """select source, state, count(*), sum(sha256 is not null) from request where kind = 'picture'
    group by source, state"""  # in the words of the index request_counted, so that no row of the table is read
_REASONS = """select reason, count(*) from request left join source on source.name = request.source
    where state in ('failed', 'skipped') and coalesce(active, 1) group by 1"""


@dataclass(frozen=True)
class FoundFacts:
    """The crawl, by the catalog."""

    addresses: int  # of pictures that were found
    pictures: int  # different ones that were fetched
    waiting: int  # addresses that were not asked for yet
    sources: dict[str, int]  # fetched, by source
    not_fetched: dict[str, int]  # by reason, the commonest first
    passed_over: tuple[passed_over.PassedOver, ...]  # what a folder, an archive or a list holds that is no row
    said: tuple[str, ...]  # sentences: how chains ended, placeholders, what waits for a decoder


@dataclass(frozen=True)
class ChosenFacts:
    """The curation, by report.csv."""

    rows: int
    kept: int
    dropped: dict[str, int]  # by first reason, the commonest first


@dataclass(frozen=True)
class LearntFacts:
    """The training, by metrics.csv and done.json."""

    images_seen: int
    minutes: float | None  # None while it has not finished
    finished: bool


def found(data: Data) -> FoundFacts:
    """Raises MissingError where there is no catalog."""
    with closing(connect(data.catalog)) as connection:
        states, sources = Counter[str](), Counter[str]()
        for source, state, count, came in connection.execute(PICTURES):
            states[state] += count
            sources[source] += came
        reasons = dict(connection.execute(_REASONS))
        distinct = connection.execute("select count(*) from picture").fetchone()[0]
        passed = tuple(passed_over.read(connection))
        said = [*endings.sentences(connection), *placeholders.sentences(connection), catalog.undecoded(connection)]
    waiting = states["queued"] + states["leased"]
    told = tuple(filter(None, said))
    return FoundFacts(
        states.total(), distinct, waiting, dict(sorted((+sources).items())), commonest(reasons), passed, told
    )


def chosen(data: Data) -> ChosenFacts:
    """Needs report.csv."""
    known = decision.counted(data)
    return ChosenFacts(known.rows, known.kept, commonest(known.dropped))


def commonest(counts: Mapping[str, int]) -> dict[str, int]:
    """The largest count first, then by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def learnt(run: Run) -> LearntFacts:
    """Raises UsageError where metrics.csv is damaged."""
    lines = metrics_rows(run)
    images = int(lines[-1]["images_seen"]) if lines else 0
    if not run.done.exists():
        return LearntFacts(images, None, finished=False)
    done = json.loads(run.done.read_text(encoding="utf-8"))
    return LearntFacts(int(done["images_seen"]), round(done["seconds"] / 60, 1), finished=True)


def older_exports(data: Data) -> Iterator[tuple[Path, str]]:
    """Each export that is older than curated/ is, and its form."""
    if not data.curated.exists() or not data.export.exists():
        return
    forms = {"": "folder", ".zip": "zip", ".parquet": "parquet"}
    for path in sorted(data.export.iterdir()):
        form = path.name if path.is_dir() else forms.get(path.suffix, "")
        if form and not path.name.startswith(".") and path.stat().st_mtime < data.curated.stat().st_mtime:
            yield path, form


def table(data: Data, run: Run, following: str, files: Mapping[str, Path]) -> dict[str, Any]:
    """All of it under stable keys; a stage that has not run is null. `following` is a command, and advice behind ·."""
    crawled = data.catalog.exists()
    decided = crawled and data.report_csv.exists()
    command, _, advice = following.partition(" · ")
    return {
        "data": str(data.root),
        "run": str(run.root),
        "found": asdict(found(data)) if crawled else None,
        "chosen": asdict(chosen(data)) if decided else None,
        "learnt": asdict(learnt(run)) if (decided or dealt_by(run)) and run.metrics.exists() else None,
        "older_exports": [form for _, form in older_exports(data)],
        "files": {name: str(path) for name, path in files.items()},
        "next": command,
        "advice": advice,
    }
