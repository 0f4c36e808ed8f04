"""What choosing comes to: a row for every picture that was asked for, and the whole outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from scrapbag.catalog import Record

if TYPE_CHECKING:
    from typing import Any

    from scrapbag.recipe import Curate


@dataclass(frozen=True, kw_only=True)
class Row(Record):
    """One picture address: the record of the crawl, and beside it the decision and what that rests on.

    `width` and `height` are upright here, as curated; `number` also names the square.
    """

    kept: bool  # whether there is a square of it
    reason: str  # the first failed rule, or why the fetch failed; '' when kept
    reasons: str  # every failed rule, joined by '; '
    margin: float | None  # -1 to 1, how far from flipping, at least 0 when kept; None where no number decides
    level: int | None  # 0 to 3, of kept pictures: 0 is the densest part, each level holds those below it
    answer: str  # a person's: yes | no | unsure | ''
    confidence: float | None  # 0 to 1, what the cut is compared with: the model's, a corrected one, or a ranker's
    raw_confidence: float | None = None  # 0 to 1, the model's own sum over the targets; None without targets
    certified: float | None  # 95 % lower bound of the precision of all rows at least this confident; None where no
    # answers bear on it, and where the confidence is corrected, of which they say nothing
    certified_answers: int | None = None  # answers that the bound rests on, drawn from those rows
    certified_errors: int | None = None  # of these, how many were not a yes
    certificate: str = ""  # of a kept row: the evidence for the cut that kept it; '' when nothing is certified
    class_name: str = field(metadata={"column": "label"})  # the model's most probable class
    class_confidence: float | None = field(metadata={"column": "label_confidence"})  # its probability, 0 to 1
    activation: str = field(metadata={"column": "link"})  # of the model's logits: softmax | sigmoid | ''
    duplicate_of: int | None  # the number of the original that was kept in place of this copy
    duplicate_how: str  # sha256 | phash | mirror | feature | ''
    blur: float | None  # variance of the Laplacian at a fixed size; small is blurred
    entropy: float | None  # bits of the grey histogram, 0 to 8
    brightness: float | None  # mean grey, 0 to 1
    aspect: float | None  # longer side by shorter, 1 or more
    border_uniform: float | None  # share of the outermost pixels that have the border's median colour
    enlargement: float | None  # size of the square by the side it is made from; over 1 means blown up
    panels: int | None  # pictures that seem joined into this one; 1 is usual
    format: str  # as the decoder names it: JPEG PNG WEBP ... ; '' when unreadable


COLUMNS = {  # of report.csv, and the field of Row behind each: number, the decision, then the rest of the record
    "number": "number",
    **{one.metadata.get("column", one.name): one.name for one in fields(Row) if one.name not in Record.__annotations__},
    **{name: name for name in Record.__annotations__ if name != "number"},
}


def square_name(number: int) -> str:
    """The file name of a square: its picture's number in the catalog, at least five digits."""
    return f"{number:05d}.png"


@dataclass(frozen=True, kw_only=True)
class ScoreInfo:
    """Which scores an outcome rests on."""

    model: str  # as in the recipe
    key: str  # names scored/<key>/
    activation: str  # softmax | sigmoid
    class_set: str  # imagenet-1k ..., or 'model' when the model carries its own names
    backend: str
    dtype: str
    features: int  # width of a feature vector
    pictures: int  # scored under this key


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything the reports show."""

    rows: tuple[Row, ...]
    settings: Curate
    score: ScoreInfo | None  # None: there are no scores
    cut: float | None  # confidence from which pictures were kept, 0 to 1; None where no classifier decided
    by: str  # prob | precision: whether the cut is the promise taken as a confidence, or certified
    certificate: Any = None  # curate.choose.certify's, where answers certify
    missing: int | None = None  # answers until a (further) certificate if each is a yes; None: none is in reach
    labels: str = ""  # hash of the answers drawn for these scores, certified or not; '' when there are none
    ranked_by: str = "the model"  # or the ranker fitted to people's answers and how good it is, or nobody
    correction: str = ""  # why the class prior was not corrected though BY=auto would; '' when it was or nobody asked
    share: float = 0.0  # mean corrected confidence of the readable pictures, copies once; 0 where nothing was corrected
    changed: int | None = None  # decisions that the reference scores (fp32) would change; None: there are none
    forward_passes: int = 0  # pictures that went through a model in this run

    @property
    def kept(self) -> int:
        return sum(row.kept for row in self.rows)
