"""What answers are worth on real photographs: the curve over 0, 20, 50, 100 and 200 of them.

    REAL=<folder> .venv/bin/python -m benchmarks.review [--plot docs/review.svg] [--model lite0]
    .venv/bin/python -m benchmarks.review page      # how soon the page shows the next picture: support/review_page.py

REAL has labels.csv, photos/ and model/; `is_quilt` answers in place of a person. Two networks look: the folder's own,
at photographs that it was not trained on, and lite0 (ImageNet-1k), at all. What a ranker starts from is corrected for
the class prior, where BY=auto does so. The photographs are split into three parts by source, so that no maker is on
both sides: the clicks fall into two parts, the figures come from the third, each part in turn, over several ways to
split. Questions and rankers are those of `make review`: its teaching questions, and a ranker at 20, 50, 100 and 200
answers, unless they show it to be worse. A second table splits by picture instead, as in a dataset of one's own, where
the makers that are asked about are the makers that are kept. Last come the photographs that the folder's model was
trained on, which flatter it. The last line is JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks.support.curve import plot
from curate.choose import ranker
from curate.look.measure import look
from curate.model import prior
from curate.review.teaching import teaching
from curate.scores import neighbours
from curate.scores.scorer import open_scorer
from scrapbag.layout import Data
from scrapbag.recipe import Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLICKS = (0, 20, 50, 100, 200)
SPLITS = range(300, 320)  # 0 to 9 and 100 to 129 served to choose the method; these did not
PARTS = 3
CURVES: tuple[tuple[str, Literal[1, 5], bool, bool], ...] = (  # model, looks, makers apart, seen by the model
    ("folder", 1, True, False), ("folder", 5, True, False), ("folder", 1, False, False), ("folder", 5, False, False),
    ("folder", 1, True, True), ("lite0", 1, True, False), ("lite0", 1, False, False),
)  # fmt: skip
TARGETS = {"folder": "quilt", "lite0": "n04033995"}


@dataclass(frozen=True)
class Photos:
    """The photographs of the benchmark, and what a model makes of them."""

    wanted: NDArray[np.bool_]
    source: NDArray[np.str_]
    same: NDArray[np.int64]  # near-duplicates share a number
    features: NDArray[np.float32]
    raw: NDArray[np.float32]  # logit of the model's own confidence
    logit: NDArray[np.float32]  # the same after the correction of the class prior; `raw` where that steps aside


@cache
def photos(real: Path, model: str, looks: Literal[1, 5], *, seen_by_model: bool) -> Photos:
    """Every readable photograph whose label is clear, of those that the model was trained on or of the others."""
    name = f"local-dir:{real / 'model'}" if model == "folder" else model
    scorer = open_scorer(Score(model=name, dtype="fp32", looks=looks), [], Data(real))
    known = ("yes" if seen_by_model else "no",) if model == "folder" else ("yes", "no")
    with (real / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["is_quilt"] and row["seen_by_model"] in known]
    seen = [(row, look(real / row["file"], scorer.prepare, scorer.side, scorer.paper).pixels) for row in rows]
    read = [(row, pixels) for row, pixels in seen if pixels is not None]
    made = [
        scorer.embed(np.stack([pixels for _, pixels in read[start : start + 16]])) for start in range(0, len(read), 16)
    ]
    features, logits = (np.concatenate(columns) for columns in zip(*made, strict=True))
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    wanted = scorer.classes.classes.index(TARGETS[model])
    groups = [int(row["near_dup"]) if row["near_dup"] else -number - 1 for number, (row, _) in enumerate(read)]
    posterior = chance
    if not prior.aside(chance.max(axis=1), chance.shape[1]):
        near = neighbours.nearest(neighbours.principal_components(features)).row
        posterior = prior.correct(chance, np.unique(groups, return_inverse=True)[1], near).posterior
    return Photos(
        wanted=np.array([row["is_quilt"] == "1" for row, _ in read]),
        source=np.array([row["source"] for row, _ in read]),
        same=np.array(groups),
        features=features,
        raw=_logit(chance[:, wanted]),
        logit=_logit(posterior[:, wanted]),
    )


def _logit(chance: NDArray[np.float32]) -> NDArray[np.float32]:
    chance = chance.clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(chance / (1 - chance)))


def split(photographs: Photos, seed: int, *, by_source: bool) -> list[NDArray[np.bool_]]:
    """Three parts, alike in how many are wanted. Copies stay together, and by_source all of a maker."""
    rng = np.random.default_rng(seed)
    unit = photographs.source if by_source else photographs.same
    names = rng.permutation(np.unique(unit))
    wanted, size = photographs.wanted, np.zeros((PARTS, 2))
    total = np.array([wanted.sum(), (~wanted).sum()])
    counts = {name: np.array([(wanted & (unit == name)).sum(), (~wanted & (unit == name)).sum()]) for name in names}
    part = {}
    for name in sorted(names, key=lambda name: -(counts[name] / total).sum() * rng.uniform(0.6, 1.4)):
        part[name] = int(np.argmin(((size + counts[name]) / total).max(axis=1) + (size / total).sum(axis=1) / 2))
        size[part[name]] += counts[name]
    number = np.array([part[name] for name in unit])
    return [number == one for one in range(PARTS)]


def curve(photographs: Photos, near: neighbours.Neighbours, outside: NDArray[np.bool_]) -> dict[int, tuple[float, ...]]:
    """After so many answers from `outside`: average precision and recall at precision .9 of all the others."""
    logit = photographs.logit
    confidence: NDArray[Any] = 1 / (1 + np.exp(-logit))  # in 64 bits until something was learnt, then in 32
    even = neighbours.power_normalised(photographs.features)
    asked: list[int] = []
    found = {0: _quality(photographs.wanted[~outside], confidence[~outside])}
    while len(asked) < CLICKS[-1]:
        free = outside.copy()
        free[asked] = False
        close = np.zeros(len(free), dtype=bool)
        close[near.row[asked, :6]] = True
        place = teaching("uncertain" if len(asked) % 2 else "random", confidence, free, close)
        if place is None:
            break
        asked.append(place)
        if len(asked) in CLICKS:
            rows = np.array(asked)
            examples = ranker.TrainingSet(even, logit, near, rows, photographs.wanted[rows], photographs.same[rows])
            fitted = ranker.fit(examples)
            confidence = fitted.confidence if fitted else confidence
            found[len(asked)] = _quality(photographs.wanted[~outside], confidence[~outside])
    return found


def _quality(wanted: NDArray[np.bool_], confidence: NDArray[np.floating]) -> tuple[float, ...]:
    hits = np.cumsum(wanted[np.argsort(-confidence, kind="stable")])
    good = np.flatnonzero(hits >= 0.9 * np.arange(1, len(hits) + 1))
    return float(average_precision_score(wanted, confidence)), float(hits[good[-1]] / hits[-1]) if good.size else 0.0


def average(photographs: Photos, *, by_source: bool) -> dict[int, NDArray[np.float64]]:
    """The curve over all splits, parts weighed by their wanted pictures: mean, then the spread between splits.

    At -1 stands the model alone, before the correction.
    """
    near = neighbours.nearest(neighbours.principal_components(photographs.features))
    alone = 1 / (1 + np.exp(-photographs.raw))
    runs: dict[int, list[NDArray[np.float64]]] = {clicks: [] for clicks in (-1, *CLICKS)}
    for seed in SPLITS:
        parts = split(photographs, seed, by_source=by_source)
        curves = [
            {-1: _quality(photographs.wanted[part], alone[part])} | curve(photographs, near, ~part) for part in parts
        ]
        weight = np.array([photographs.wanted[part].sum() for part in parts]) / photographs.wanted.sum()
        for clicks, values in runs.items():
            values.append(weight @ np.array([one[clicks] for one in curves]))
    return {clicks: np.array([np.mean(values, axis=0), np.std(values, axis=0)]) for clicks, values in runs.items()}


def main() -> None:
    if sys.argv[1:2] == ["page"]:
        from benchmarks.support import review_page  # noqa: PLC0415  needs Chromium

        review_page.main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plot", type=Path, help="write the curves there as SVG")
    parser.add_argument("--model", choices=TARGETS, help="this one alone")
    arguments = parser.parse_args()
    if not os.environ.get("REAL"):
        sys.exit("REAL is not set; write REAL=<folder of real photographs>")
    real = Path(os.environ["REAL"])
    drawn: dict[str, dict[int, NDArray[np.float64]]] = {}
    figures: dict[str, dict[str, float]] = {}
    bare: dict[str, float] = {}  # recall at precision .9 of the model alone, one look; by what is measured
    for model, looks, by_source, seen_by_model in CURVES:
        if arguments.model not in {None, model}:
            continue
        seen = photos(real, model, looks, seen_by_model=seen_by_model)
        kind = f"{model}_{'seen_' if seen_by_model else ''}{'apart' if by_source else 'shared'}"
        if kind not in bare:
            _introduce(seen, f"{model}'s view", seen_by_model=seen_by_model)
        found = average(seen, by_source=by_source)
        start, corrected = bare.setdefault(kind, found.pop(-1)[0][1]), found[0][0][1]
        makers = "other makers" if by_source else "the same makers"
        trained = ", seen by the model" if seen_by_model else ""
        name = f"{model}: figures on {makers}, {looks} look{'s' if looks > 1 else ''} a picture{trained}"
        print(f"\n{name}\n answers   average precision   recall at precision .9   gap closed   of what 0 answers leave")
        for clicks, (mean, spread) in found.items():
            closed, own = (mean[1] - start) / (1 - start), (mean[1] - corrected) / (1 - corrected)
            line = f"{clicks:8} {mean[0]:13.3f} ± {spread[0]:.3f} {mean[1]:16.3f} ± {spread[1]:.3f}"
            print(line, f"{closed:12.0%} {own:12.0%}", flush=True)
            figures[f"{kind}_{looks}_{clicks}"] = {
                "average_precision": round(mean[0], 3),
                "recall_at_90": round(mean[1], 3),
                "gap_closed": round(closed, 3),
                "gap_closed_of_0_answers": round(own, 3),
            }
        drawn[name] = found
    if arguments.plot:
        arguments.plot.write_text(plot(drawn, ("average precision", "recall at precision .9")), encoding="utf-8")
    print(json.dumps({"figures": figures, "reached": reached(figures)}))


def reached(figures: dict[str, dict[str, float]]) -> dict[str, bool]:
    """The targets of what was measured. All are of makers apart, and of the gap that the model alone leaves."""
    asked = {
        "lite0, 20 answers: a tenth of the gap": ("lite0_apart_1_20", 0.1),
        "lite0, 100 answers: 60 %": ("lite0_apart_1_100", 0.6),
        "folder's model, five looks, 100 answers: a third of the gap": ("folder_apart_5_100", 1 / 3),
        "folder's model, five looks, 200 answers: half": ("folder_apart_5_200", 1 / 2),
    }
    return {name: bool(figures[key]["gap_closed"] >= least) for name, (key, least) in asked.items() if key in figures}


def _introduce(seen: Photos, name: str, *, seen_by_model: bool) -> None:
    print(f"\n{name}: photographs {'that it was trained on' if seen_by_model else 'new to it'}")
    kept = 1 / (1 + np.exp(-seen.raw)) >= 0.9
    recall = (seen.wanted & kept).sum() / seen.wanted.sum()
    print(f"{len(seen.wanted)} photographs, {seen.wanted.sum()} wanted, of {len(set(seen.source))} sources")
    print(f"softmax 0.9 alone: precision {seen.wanted[kept].mean():.3f}, recall {recall:.3f}")
    print(f"{len(SPLITS)} splits into {PARTS} parts; gap: what the model alone lacks to recall 1 at precision .9")


if __name__ == "__main__":
    main()
