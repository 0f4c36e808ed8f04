"""The curate stage: decide on every picture, square the kept ones, and say what was decided and why."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.choose import assemble, duplicates
from curate.choose import facts as table
from curate.choose.certificate import Evidence, certified, judge
from curate.choose.decide import Decisions, Facts, decide
from curate.choose.levels import levels
from curate.model import targets
from curate.report import reports
from curate.rows import Outcome, Row, ScoreInfo
from curate.scores.pairs import read_pairs
from curate.squares import cache, tables
from scrapbag import catalog, labels
from scrapbag.disk import lock

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.choose.duplicates import Links
    from curate.choose.facts import Scores, Seen
    from scrapbag.catalog import Record
    from scrapbag.labels import Label
    from scrapbag.layout import Data
    from scrapbag.recipe import Curate


@dataclass(frozen=True)
class Material:
    """All that decisions rest on, whatever the threshold."""

    scores: Scores
    seen: Seen
    facts: Facts
    links: Links
    records: list[Record]
    speakers: dict[str, Record]
    pictures: dict[str, catalog.StoredPicture]
    labels: list[Label]  # answers to the question that the targets ask
    targets: tuple[int, ...]  # the model's outputs that they stand for
    twin: Scores | None  # fp32 scores of the same weights


def curate(settings: Curate, data: Data) -> Outcome:
    """Decide, make the squares that are missing, swap curated/ in, and write the reports."""
    with lock(data.root, "curate"):
        material = gather(settings, data)
        outcome = choose(material, settings)
        publish(outcome, material, data)
        reports.write(outcome, data)
        return outcome


def gather(settings: Curate, data: Data) -> Material:
    """Read the scores and the catalog. Raises RecipeError for targets that the model lacks."""
    connection = catalog.connect(data.catalog)
    try:
        scores = table.current(data)
        wanted = targets.indices(settings.targets, scores.labels)
        seen = table.see(scores, wanted)
        records = list(catalog.records(connection))
        told = labels.every(connection, settings.targets)
        pictures = {picture.sha256: picture for picture in catalog.pictures(connection, data)}
    finally:
        connection.close()
    speakers = assemble.speakers(records, settings.require_licence)
    answers = {sha256: label.answer for sha256, label in labels.latest(told).items()}
    facts = table.facts(scores, seen, speakers, answers, settings.require_licence)
    links = duplicates.links(read_pairs(scores.shards), settings.near)
    twin = table.exact_twin(data, scores) if wanted else None
    return Material(scores, seen, facts, links, records, speakers, pictures, told, wanted, twin)


def choose(material: Material, settings: Curate) -> Outcome:
    """What the settings make of the material; touches no file but the shards, to read features.

    Without targets no number drops a picture until answers have taught a head that is certified.
    """
    judged = judge(evidence(material), settings)
    sure, facts, threshold = judged.threshold.certificate, material.facts, settings.threshold
    ranked = bool(settings.targets or (sure and judged.scores.head))
    if ranked:
        facts = replace(facts, confidence=judged.scores.confidence)
        threshold = judged.threshold.value
    decisions = decide(facts, material.links, settings, threshold)
    level = _levels(material, decisions)
    made = assemble.by_sha256(material.scores, facts, material.seen, decisions, level, certified(judged))
    if sure:
        for values in made.values():
            values["certificate"] = str(sure) if values["kept"] else ""
    return Outcome(
        rows=tuple(assemble.rows(material.records, material.speakers, made)),
        settings=settings,
        score=_info(material.scores),
        threshold=threshold,
        by=judged.threshold.by,
        certificate=sure,
        missing=judged.threshold.missing,
        labels=judged.labels,
        changed=table.changed(material.scores, material.twin, material.targets, threshold) if material.twin else None,
        ranked_by=judged.scores.ranked_by if ranked else "nobody",
    )


def evidence(material: Material) -> Evidence:
    """What there is to judge by. Where no classifier was asked, every picture is as likely wanted as not."""
    scores, facts = material.scores, material.facts
    if not material.targets:
        even = np.where(facts.problem == "", np.float32(0.5), np.float32(np.nan))
        facts = replace(facts, confidence=even)
    row = {sha256: number for number, sha256 in enumerate(scores.shards.sha256)}
    return Evidence(scores.key, scores.shards, facts, material.links, material.labels, row)


def publish(outcome: Outcome, material: Material, data: Data) -> None:
    """Make curated/ what the outcome says: squares out of the cache, and the tables beside them."""
    kept = [row for row in outcome.rows if row.kept]
    settings = outcome.settings
    wanted = [_wanted(row, material) for row in kept]
    cache.make(wanted, data.squares, settings.size, settings.fit)
    new = data.root / ".curated.new"
    shutil.rmtree(new, ignore_errors=True)
    cache.link(wanted, data.squares, new, settings.size, settings.fit)
    tables.write(new, kept, settings, material.scores.info["model"])
    cache.swap(new, data.curated)


def _wanted(row: Row, material: Material) -> cache.Wanted:
    picture = material.pictures[row.sha256]
    return cache.Wanted(picture.number, picture.sha256, picture.path, row.border_uniform or 0.0)


def _levels(material: Material, decisions: Decisions) -> NDArray[np.int64]:
    """By picture, -1 for the dropped; in the order of numbers, so that it does not matter when a picture was scored."""
    level = np.full(decisions.kept.size, -1)
    kept = np.flatnonzero(decisions.kept)
    kept = kept[np.argsort(material.facts.number[kept])]
    if material.scores.shards.has("sketch"):
        level[kept] = levels(material.scores.shards.column("sketch")[kept].astype(np.float32))
    else:
        level[kept] = 0
    return level


def _info(scores: Scores) -> ScoreInfo:
    info: dict[str, Any] = scores.info
    return ScoreInfo(
        model=info["model"],
        key=scores.key,
        link=info["link"],
        label_set=scores.labels.name,
        backend=info["backend"],
        dtype=info["dtype"],
        features=info.get("features", 0),
        pictures=len(scores.shards),
        forward_passes=0,  # nothing in this stage can reach a model
    )
