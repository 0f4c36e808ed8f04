"""What curate decided by, as a file: so that a later stage can ask the same of pictures that are not in the dataset."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from scrapbag.check import build
from scrapbag.disk import write_text
from scrapbag.errors import MissingError, UsageError

if TYPE_CHECKING:
    from scrapbag.layout import Data


@dataclass(frozen=True)
class Decision:
    """A picture is kept as the target from a confidence of `cut` on.

    The confidence is the sum of the activated `outputs`. Where there is a `prior`, the softmax of each output is first
    multiplied by its prior and divided by the sum over all outputs (curate/model/prior.py).
    """

    model: str  # as in the recipe
    activation: str  # of its logits: softmax | sigmoid
    targets: tuple[str, ...]  # in words
    outputs: tuple[int, ...]  # positions of the model's outputs that they stand for
    cut: float  # 0 to 1
    ranker: bool = False  # a ranker fitted to answers chose the pictures; it knows no others, so `cut` is THRESH
    prior: tuple[float, ...] = ()  # of each output, up to one factor; () where confidences are not corrected


def write(data: Data, decision: Decision | None) -> None:
    """Write report/decision.json, or delete it where no classifier decided."""
    if decision is None:
        data.decision.unlink(missing_ok=True)
    else:
        write_text(data.decision, json.dumps(asdict(decision)) + "\n")


def read(data: Data) -> Decision:
    """What `write` left. Raises MissingError where there is none, UsageError where it is damaged."""
    try:
        table = json.loads(data.decision.read_bytes())
    except FileNotFoundError:
        raise MissingError(
            f"there is no {data.decision}, which make curate writes where a classifier chooses the pictures"
        ) from None
    except ValueError as error:
        raise UsageError(f"{data.decision} is damaged ({error}); run make curate again") from None
    if not isinstance(table, dict):
        raise UsageError(f"{data.decision} is damaged (it is no table); run make curate again")
    return build(Decision, table, str(data.decision))
