"""The curate stage: decide on every picture, square the kept ones, and say what was decided and why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.choose import addresses, assemble, duplicates
from curate.choose.certificate import certified, judge
from curate.choose.correction import Correction, correction
from curate.choose.decide import Decisions, Facts, decide, originals
from curate.choose.facts import changed, collect, current, predictions, reference_scores
from curate.choose.levels import levels
from curate.choose.versions import Evidence
from curate.look import decode
from curate.model import passes, targets
from curate.report import page, report_csv
from curate.rows import Outcome, ScoreInfo
from curate.scores.pairs import read_pairs
from curate.squares.publish import publish
from scrapbag import catalog, decision, labels
from scrapbag.computer import memory
from scrapbag.decision import Decision
from scrapbag.disk import lock, sweep
from scrapbag.tables import passed_over

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curate.choose.addresses import Addresses
    from curate.choose.certificate import Judgement
    from curate.choose.duplicates import Links
    from curate.choose.facts import Predictions, Scores
    from scrapbag.labels import Label
    from scrapbag.layout import Data
    from scrapbag.recipe import Curate
    from scrapbag.tables.passed_over import PassedOver
    from scrapbag.workers.engines import Engine

CORRECTED = "the model, corrected for the class prior of this dataset"


@dataclass(frozen=True)
class Material:
    """All that decisions rest on, whatever is promised."""

    scores: Scores
    predicted: Predictions  # as the model has it
    facts: Facts  # with the confidences that answers certify: corrected for the class prior where BY=auto asks for it
    correction: Correction
    links: Links
    addresses: Addresses
    absent: set[str]  # the sha256 of those whose file is not there
    passed: tuple[PassedOver, ...]  # what the sources hold that is no row
    labels: list[Label]  # answers to the question that the targets ask, in the order given, undone ones too
    targets: tuple[int, ...]  # positions of the model's outputs that they stand for
    reference_scores: Scores | None  # of the same weights in fp32, where there are any


def curate(settings: Curate, data: Data, engine: Engine | None = None) -> Outcome:
    """Decide, make the squares that are missing, by `engine`, swap curated/ in, and write the reports."""
    with lock(data.root, "curate"):
        sweep(data.thumbs)
        before = passes.count()
        decode.strict(decode.max_pixels(data))
        outcome = choose(gather(settings, data), settings)  # the material is not needed any more, and large
        memory.give_back()
        with ThreadPoolExecutor(1) as beside:  # Arrow does without the interpreter's lock, links wait for the disk
            tables = beside.submit(report_csv.write_both, data, outcome.rows)
            publish(outcome.rows, outcome.settings, outcome.score.model if outcome.score else "", data, engine)
            memory.give_back()
            decision.write(data, outcome.decision)
            outcome = replace(outcome, forward_passes=passes.count() - before)
            page.write(outcome, data, tables.result)
        return outcome


def gather(settings: Curate, data: Data) -> Material:
    """Read the scores and the catalog. Raises RecipeError for targets that the model lacks."""
    with closing(catalog.connect(data.catalog)) as connection, ThreadPoolExecutor(1) as beside:
        lost = beside.submit(_lost, data)
        scores = current(data)
        wanted = targets.indices(settings.targets, scores.classes)
        predicted = predictions(scores, wanted)
        known = addresses.read(connection, data, scores.shards)
        ever = labels.every(connection, settings.targets, undone=True)
        absent, passed = lost.result(), tuple(passed_over.read(connection))
    answers = {sha256: label.answer for sha256, label in labels.latest(one for one in ever if not one.undone).items()}
    facts = collect(scores, predicted, known, answers, settings.require_licence, absent)
    links = duplicates.links(read_pairs(scores.shards), settings.near)
    corrected = _correction(scores, facts, links, settings, wanted)
    if corrected.confidence is not None and corrected.on_target is not None:
        facts = replace(facts, confidence=corrected.confidence, on_target=corrected.on_target)
    reference = reference_scores(data, scores) if wanted else None
    return Material(scores, predicted, facts, corrected, links, known, absent, passed, ever, wanted, reference)


def _lost(data: Data) -> set[str]:
    """The sha256 whose file is not there, by a connection of this thread's own."""
    with closing(catalog.connect(data.catalog)) as connection:
        return catalog.missing(connection, data)


def choose(material: Material, settings: Curate) -> Outcome:
    """What the settings make of the material; touches no file but the shards, to read features.

    `settings.threshold` is the promise; the cut comes from the answers. Without targets there is no cut until answers
    have fitted a ranker that is certified.
    """
    judged = judge(replace(evidence(material), asks=False), settings)
    certificate, facts, cut, ranker = judged.cut.certificate, material.facts, None, judged.scores.ranker
    if settings.targets or (certificate and ranker):
        facts, cut = replace(facts, confidence=judged.scores.confidence), judged.cut.value
    share = material.correction.share if ranker is None else 0.0
    aside = "a ranker fitted to people's answers decides" if ranker and material.correction.share else ""
    decisions = decide(facts, material.links, settings, cut)
    level = _levels(material, decisions)
    made = assemble.columns(
        material.scores, facts, material.predicted, decisions, level, certified(judged), certificate
    )
    before, by_prob = _uncertified(material, settings) if certificate else (None, None)
    memory.give_back()
    return Outcome(
        rows=assemble.rows(material.addresses, made, assemble.reasons_of(decisions), material.absent),
        settings=settings,
        score=_info(material.scores),
        cut=cut,
        by=judged.cut.by,
        certificate=certificate,
        missing=judged.cut.missing,
        labels=judged.labels,
        changed=None if ranker or share else _changed(material, cut),  # the reference scores are the model's own
        ranked_by="nobody" if cut is None else CORRECTED if share else judged.scores.ranked_by,
        correction=aside or material.correction.aside,
        share=share,
        before=before,
        by_prob=by_prob,
        decision=_decision(material, settings, judged),
        passed=material.passed,
    )


def _correction(scores: Scores, facts: Facts, links: Links, settings: Curate, wanted: tuple[int, ...]) -> Correction:
    """The model's confidences under this dataset's prior, where BY=auto asks for them."""
    if settings.by != "auto" or not wanted:
        return Correction()
    usable = facts.problem == ""
    copies = originals(facts, links, usable).original
    group = np.where(copies < 0, np.arange(copies.size), copies)
    return correction(scores, wanted, usable, group)


def _uncertified(material: Material, settings: Curate) -> tuple[int, int]:
    """How many pictures would be kept if nothing were certified, and how many BY=prob would keep."""
    cut = settings.threshold if material.targets else None
    raw = replace(material.facts, confidence=material.predicted.confidence, on_target=material.predicted.on_target)
    before, by_prob = (decide(facts, material.links, settings, cut).kept.sum() for facts in (material.facts, raw))
    return int(before), int(by_prob)


def _decision(material: Material, settings: Curate, judged: Judgement) -> Decision | None:
    """What another stage needs to ask the same of a picture that is not in the dataset; a ranker knows only its own."""
    if not material.targets:
        return None
    ranker, words = judged.scores.ranker is not None, material.scores.classes.words
    prior = material.correction.prior
    return Decision(
        model=material.scores.info["model"],
        activation=material.scores.info["link"],
        targets=tuple(words.get(one, one).partition(",")[0] for one in settings.targets),
        outputs=material.targets,
        cut=settings.threshold if ranker else judged.cut.value,
        ranker=ranker,
        prior=() if prior is None else tuple(float(f"{one:.4g}") for one in prior),
    )


def evidence(material: Material) -> Evidence:
    """What there is to judge by. Without targets the prior is even: every usable picture has a confidence of 0.5."""
    scores, facts = material.scores, material.facts
    if not material.targets:
        even = np.where(facts.problem == "", np.float32(0.5), np.float32(np.nan))
        facts = replace(facts, confidence=even)
    return Evidence(scores.key, scores.shards, facts, material.links, material.labels, material.correction.name)


def _changed(material: Material, cut: float | None) -> int | None:
    if material.reference_scores is None or cut is None:
        return None
    return changed(material.scores, material.reference_scores, material.targets, cut)


def _levels(material: Material, decisions: Decisions) -> NDArray[np.int64]:
    """The level of each kept picture, -1 for the dropped: (N,).

    Computed in the order of picture numbers, so that it does not matter when a picture was scored.
    """
    level = np.full(decisions.kept.size, -1)
    kept = np.flatnonzero(decisions.kept)
    kept = kept[np.argsort(material.facts.number[kept])]
    if material.scores.shards.has("sketch"):
        level[kept] = levels(material.scores.shards.rows("sketch", kept, np.float16))
    else:
        level[kept] = 0
    return level


def _info(scores: Scores) -> ScoreInfo:
    info: dict[str, Any] = scores.info
    return ScoreInfo(
        model=info["model"],
        key=scores.key,
        activation=info["link"],
        class_set=scores.classes.name,
        backend=info["backend"],
        dtype=info["dtype"],
        features=info.get("features", 0),
        pictures=len(scores.shards),
    )
