"""What choosing comes to: a row for every picture that was asked for, and the whole outcome of a run.

The columns of report.csv are the fields of Row, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from scrapbag.recipe import Curate

REASONS = (  # in the order in which they are asked; the first that holds is a row's reason
    "unreadable",
    "not_image",
    "human_reject",
    "too_small",
    "too_large",
    "odd_aspect",
    "low_information",
    "blurry",
    "collage",
    "licence",
    "dup_exact",
    "off_target",
    "low_confidence",
    "dup_near",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture address: the decision first, then what it rests on, then the record of the crawl."""

    number: int | None  # the picture's; its square's name. None when no body came
    kept: bool
    reason: str  # the first failed rule, or why the fetch failed; '' when kept
    reasons: str  # every failed rule, joined by '; '
    margin: float | None  # how far from flipping, at least 0 when kept; None where no number decides
    level: int | None  # 0 to 3, of kept pictures: 0 is the densest part, each level holds those below it
    answer: str  # a person's: yes | no | unsure | ''
    confidence: float | None  # sum over the targets; None without targets or a score
    certified: float | None  # 95 % lower bound of the precision of all rows at least this confident; None: no answers
    certified_answers: int | None = None  # drawn from those rows, that the bound rests on
    certified_errors: int | None = None  # of these answers that were not yes
    certificate: str = ""  # of a kept row: what promises that such as it are wanted; '' when nothing does
    label: str  # the class that wins
    label_confidence: float | None
    link: str  # softmax | sigmoid | ''
    duplicate_of: int | None  # the number of the one that was kept for this one
    duplicate_how: str  # sha256 | phash | mirror | feature | ''
    blur: float | None  # variance of the Laplacian at a fixed size; small is blurred
    entropy: float | None  # bits of the grey histogram, 0 to 8
    brightness: float | None  # mean grey, 0 to 1
    aspect: float | None  # longer side by shorter, 1 or more
    border_uniform: float | None  # share of the outermost pixels that have the border's median colour
    enlargement: float | None  # size of the square by the side it is made from; over 1 means blown up
    panels: int | None  # pictures that seem joined into this one; 1 is usual
    format: str  # as the decoder names it: JPEG PNG WEBP ... ; '' when unreadable
    url: str
    page_url: str
    source: str
    source_id: str
    title: str
    tags: str
    creator: str
    licence: str
    licence_url: str
    attribution: str
    rating: float | None
    fetched_at: str
    state: str
    fetch_reason: str
    sha256: str
    extension: str
    bytes: int | None
    width: int | None  # upright, as curated
    height: int | None
    problem: str


@dataclass(frozen=True, kw_only=True)
class ScoreInfo:
    """Which scores an outcome rests on."""

    model: str  # as in the recipe
    key: str  # names scored/<key>/
    link: str  # softmax | sigmoid
    label_set: str  # imagenet-1k ..., or 'model' when the model carries its own names
    backend: str
    dtype: str
    features: int  # width of a feature vector
    pictures: int  # scored under this key
    forward_passes: int  # of this run; 0 after a mere change of threshold, fit or size


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything the reports show."""

    rows: tuple[Row, ...]
    settings: Curate
    score: ScoreInfo | None  # None: no classifier was ever asked
    threshold: float  # of the confidence, as used
    by: str  # prob | precision: what the threshold stands for, as used
    certificate: Any = None  # curate.choose.certify's, where labels certify
    missing: int | None = None  # answers until a (further) certificate, were each a yes; None: none is in reach
    labels: str = ""  # hash of the answers drawn for these scores, certified or not; '' when there are none
    ranked_by: str = "the model"  # or the head that people's answers have taught, and how much better that ranks
    changed: int | None = None  # decisions that fp32 scores of the same weights would change; None: there are none
    seconds: dict[str, float] = field(default_factory=dict, compare=False)  # wall time by step, for the log

    @property
    def kept(self) -> int:
        return sum(row.kept for row in self.rows)
