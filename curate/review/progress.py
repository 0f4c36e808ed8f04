"""What the answers have come to, as the review page says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curate.choose.certificate import teaching_answers
from curate.choose.certify import UNASKED
from scrapbag import labels

if TYPE_CHECKING:
    from curate.choose.certificate import Evidence, Judgement
    from scrapbag.recipe import Curate


def progress(evidence: Evidence, standing: Judgement, newest: Judgement, settings: Curate) -> dict[str, Any]:
    """Counts and bounds as JSON: of `standing` (what make curate would decide by) where it is certified, else `newest`.

    `earlier` counts the certificate answers that were drawn for other versions of the scores than the one shown.
    """
    shown = standing if standing.cut.certificate else newest
    certificate, scores = shown.cut.certificate, shown.scores
    drawn = labels.latest(label for label in evidence.labels if label.purpose == "certify").values()
    return {
        "answers": len(labels.latest(evidence.labels)),
        "certifying": int((shown.pool.answer != UNASKED).sum()),
        "earlier": sum(label.drawn.get("version") != scores.version for label in drawn),
        "ranker": scores.ranker.answers if scores.ranker else 0,
        "teaching": len(teaching_answers(evidence)),
        "promise": settings.threshold,
        "missing": newest.cut.missing,
        "certified": None if certificate is None else certificate.size,
        "lower": None if certificate is None else certificate.lower,
        "pool": len(newest.pool.answer),
        "ranked_by": newest.scores.ranked_by,
    }
