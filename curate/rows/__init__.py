"""The result of a curate run: a row for every picture that the crawl requested, and what the reports show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.rows.columns import coded, taken, whole
from scrapbag.catalog import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from scrapbag.decision import Decision
    from scrapbag.recipe import Curate
    from scrapbag.tables.passed_over import PassedOver


@dataclass(frozen=True, kw_only=True)
class Row(Record):
    """One picture address: the record of its crawl, the decision, and the numbers behind the decision.

    `width` and `height` are those of the upright picture (after the EXIF turn); `number` also names the square.
    """

    kept: bool  # whether there is a square of it
    reason: str  # the first failed rule, or why the fetch failed; '' when kept
    reasons: str  # every failed rule, joined by '; '
    margin: float | None  # -1 to 1, distance from the nearest limit, 0 or more when kept; None where no number decides
    level: int | None  # of a kept picture, 0 to 3: 0 is the densest quarter; a level trains on the lower ones too
    answer: str  # of a person, on the review page: yes | no | unsure | ''
    confidence: float | None  # 0 to 1, compared with the cut: the model's (corrected or not) or a ranker's
    raw_confidence: float | None = None  # 0 to 1, the model's probabilities summed over targets; None without targets
    certified: float | None  # lower bound of the precision of rows with at least this confidence; None if unknown
    # all bounds and the certificate hold at once, with 95 % confidence; None without answers
    certified_answers: int | None = None  # answers drawn from those rows, which the bound rests on
    certified_errors: int | None = None  # how many of these answers were no or unsure
    certificate: str = ""  # of a kept row: the evidence for the cut that kept it; '' when nothing is certified
    class_name: str = field(metadata={"column": "label"})  # the model's most probable class
    class_confidence: float | None = field(metadata={"column": "label_confidence"})  # its probability, 0 to 1
    activation: str = field(metadata={"column": "link"})  # of the model's logits: softmax | sigmoid | ''
    duplicate_of: int | None  # the number of the original that was kept in place of this copy
    duplicate_how: str  # sha256 | phash | mirror | feature | ''
    blur: float | None  # variance of the Laplacian at a fixed size; small is blurred
    entropy: float | None  # bits of the grey histogram, 0 to 8
    brightness: float | None  # mean grey, 0 to 1
    aspect: float | None  # longer side / shorter side, 1 or more
    border_uniform: float | None  # share of the outermost pixels that have the border's median colour
    enlargement: float | None  # side of the square / side of the picture it is made from; over 1 means enlarged
    panels: int | None  # how many pictures seem to be joined in this one; 1 is usual
    format: str  # as the decoder names it: JPEG PNG WEBP ... ; '' when unreadable


COLUMNS = {  # of report.csv, and the field of Row behind each: number, the decision, then the rest of the record
    "number": "number",
    **{one.metadata.get("column", one.name): one.name for one in fields(Row) if one.name not in Record.__annotations__},
    **{name: name for name in Record.__annotations__ if name != "number"},
}

ARROW = {"int | None": pa.int64(), "float | None": pa.float64(), "str": pa.string(), "bool": pa.bool_()}
TYPES = {one.name: ARROW[str(one.type)] for one in fields(Row)}  # by field
_PORTION = 16_384  # rows that are objects at once


class Rows(Sequence[Row]):
    """Rows as columns, in a tenth of the memory of as many objects; a Row is made where one is asked for.

    `table` has an Arrow column for each field of Row, or for some. Words that recur may be coded; other texts stay as
    they are given, in parts, which may be those of a file that is mapped.
    """

    def __init__(self, table: pa.Table, forget: Callable[[], None] | None = None) -> None:
        """`forget` lets go of the memory that mapped texts have taken; it is called after each portion of them."""
        for place, column in enumerate(table.columns):
            if column.type != pa.string() and column.num_chunks != 1:
                table = table.set_column(place, table.field(place), whole(column))
        self.table = table
        self.forget = forget or (lambda: None)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """The same rows as columns; half characters, which no file takes, are left out."""
        if isinstance(rows, Rows):
            return rows
        listed = list(rows)
        values = zip(*map(attrgetter(*TYPES), listed), strict=True) if listed else [()] * len(TYPES)
        columns = zip(TYPES.items(), values, strict=True)
        return cls(pa.table({name: _array(column, kind) for (name, kind), column in columns}))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Rows: ...
    def __getitem__(self, place: int | slice) -> Row | Rows:
        if isinstance(place, slice):
            return self.take(np.arange(len(self))[place])
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return Row(**self.table.slice(place % len(self), 1).to_pylist()[0])

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self), _PORTION):
            for values in self.table.slice(start, _PORTION).to_pylist():
                yield Row(**values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def take(self, places: NDArray[np.int64]) -> Rows:
        """The rows at those places, in that order."""
        columns = [taken(column, places, self.forget) for column in self.table.columns]
        return Rows(pa.table(columns, self.table.schema))

    def came(self) -> NDArray[np.bool_]:
        """Whether there is a picture."""
        if "sha256" not in self.table.column_names:  # which is long, and there with a number
            return np.asarray(pc.is_valid(self.table["number"]).to_numpy())
        return np.asarray(pc.not_equal(self.table["sha256"], "").to_numpy())

    def flags(self, name: str) -> NDArray[np.bool_]:
        """A column of truths."""
        return np.asarray(self.table[name].to_numpy())

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column of numbers; NaN where there is none."""
        return np.asarray(self.table[name].cast(pa.float64()).to_numpy())

    def whole(self, name: str) -> NDArray[np.int64]:
        """A column of whole numbers; 0 where there is none."""
        return np.asarray(pc.fill_null(self.table[name], 0).to_numpy())

    def words(self, name: str) -> tuple[NDArray[np.int64], list[str]]:
        """A column of texts: for each row a position, and the different texts, in the order of their first row."""
        return coded(self.table[name])

    def texts(self, name: str, places: NDArray[np.int64]) -> list[str]:
        """The texts of some rows."""
        return [str(text) for text in taken(self.table[name], places).to_pylist()]


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([value.encode(errors="ignore").decode() for value in values], kind)


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

    rows: Rows
    settings: Curate
    score: ScoreInfo | None  # None: there are no scores
    cut: float | None  # confidence from which pictures were kept, 0 to 1; None where no classifier decided
    by: str  # prob: the cut is the promise itself, taken as a confidence; precision: the cut is certified
    certificate: Any = None  # curate.choose.certify's, where answers certify
    missing: int | None = None  # answers to the next certificate, if all of them are yes; None: none is in reach
    labels: str = ""  # hash of the answers drawn for these scores, certified or not; '' when there are none
    ranked_by: str = "the model"  # or a phrase for the corrected model or a ranker, or "nobody" without a cut
    correction: str = ""  # why BY=auto did not correct the class prior; '' when it did, or did not try
    share: float = 0.0  # mean corrected confidence of the readable pictures, copies once; 0 where nothing was corrected
    decision: Decision | None = None  # for pictures that are not in the dataset; None: no classifier decided
    changed: int | None = None  # decisions that the reference scores (fp32) would change; None: there are none
    before: int | None = None  # kept if nothing were certified; None where nothing is, or it was asked for by name
    by_prob: int | None = None  # kept by BY=prob, where `before` is known
    passed: tuple[PassedOver, ...] = ()  # what folders, archives and lists hold that is no row
    forward_passes: int = 0  # pictures that went through a model in this run

    @property
    def kept(self) -> int:
        return int(self.rows.flags("kept").sum())


@dataclass(frozen=True)
class Winner:
    """A class that pictures of a dataset won: the most probable one of each of them."""

    target: str  # as a recipe writes it: the synset, or the model's own name of it
    words: str  # what it means, with commas between synonyms
    raw: int  # pictures that it won by the model's own probabilities
    corrected: int | None  # under the class prior of this dataset; None where that is not corrected
    examples: tuple[Record, ...]  # from the most confident to the least

    @property
    def count(self) -> int:
        """By what decides: the corrected probabilities where there are any."""
        return self.raw if self.corrected is None else self.corrected


@dataclass(frozen=True)
class Suggestions:
    """The classes of a dataset's pictures, the commonest first."""

    model: str
    pictures: int  # that have a winner, copies once
    winners: tuple[Winner, ...]
    aside: str  # why the class prior is not corrected; '' when it is
