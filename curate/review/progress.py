"""What the answers have come to, as the review page says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curate.choose.certify import UNASKED
from curate.choose.versions import teaching_answers
from scrapbag import labels

if TYPE_CHECKING:
    from curate.choose.certificate import Judgement
    from curate.choose.versions import Evidence
    from scrapbag.recipe import Curate


def progress(evidence: Evidence, shown: Judgement, newest: Judgement, settings: Curate) -> dict[str, Any]:
    """Counts and bounds as JSON, of `shown`, which make curate would decide by; questions are about `newest`.

    `earlier` counts the certificate answers that were drawn for other versions of the scores than the one shown.
    """
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
        "newer": newest is not shown,  # than what is certified: the one that is asked about
        "pool": len(newest.pool.answer),
        "ranked_by": newest.scores.ranked_by,
    }
