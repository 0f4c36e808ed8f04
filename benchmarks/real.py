"""What the main job made of real, labelled photographs: precision, recall, reasons, duplicates.

The folder holds photos/ and labels.csv (file, is_quilt, near_dup, seen_by_model). Figures are of the photographs that
the model was not trained on; `timm by hand` is what the folder's README says of its model. Beside it stands what
another network, lite0 unless one is named, makes of all photographs, with the same settings; curated/ stays as it is.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import tempfile
from pathlib import Path

import click
import pandas as pd
from sklearn.metrics import average_precision_score

from curate import run as curating
from curate.report import report_csv
from curate.scores.stage import score
from scrapbag import recipe
from scrapbag.layout import Data, Run
from scrapbag.recipe import Score

BY_HAND = {"average_precision": 0.843, "precision": 0.943, "recall": 0.418}
THRESHOLD = 0.9


def joined(report: Path, real: Path) -> pd.DataFrame:
    """One row a labelled photograph, with what the report says of its bytes. Raises SystemExit when nothing matches."""
    labels = pd.read_csv(real / "labels.csv", dtype=str, keep_default_na=False)
    labels["sha256"] = [hashlib.sha256((real / file).read_bytes()).hexdigest() for file in labels["file"]]
    rows = pd.read_csv(report, keep_default_na=False, na_values={"confidence": [""], "number": [""]}, low_memory=False)
    rows = rows[rows["sha256"] != ""].drop_duplicates("sha256")  # the first address of the same bytes
    both = labels.merge(rows, on="sha256", how="left", validate="many_to_one")
    if both["number"].notna().sum() == 0:
        raise SystemExit(f"error: no photograph of {real} is in {report}")
    return both


def beside(data: Data, model: str, real: Path) -> pd.DataFrame:
    """As `joined`, by the scores of another model. They are cached; which scores are current stays as it was."""
    index, dates = data.index.read_bytes(), data.index.stat()
    settings = recipe.load(data.settings_of("curate")).curate
    try:
        score(Score(model), data)
        outcome = curating.choose(curating.gather(settings, data), settings)
    finally:
        data.index.write_bytes(index)
        os.utime(data.index, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    with tempfile.TemporaryDirectory() as folder:
        report_csv.write(Path(folder) / "rows.csv", outcome.rows)
        return joined(Path(folder) / "rows.csv", real)


def accuracy(both: pd.DataFrame, *, unseen: bool = True) -> dict[str, float]:
    """Of readable photographs with a clear label, or the unseen ones of these: how good the order and its 0.9 are."""
    clear = both[both["is_quilt"].isin(["0", "1"]) & both["confidence"].notna()]
    clear = clear[clear["seen_by_model"] == "no"] if unseen else clear
    truth, sure = clear["is_quilt"] == "1", clear["confidence"] >= THRESHOLD
    return {
        "photographs": len(clear),
        "quilts": int(truth.sum()),
        "average_precision": round(float(average_precision_score(truth, clear["confidence"])), 4),
        "precision": round(float(truth[sure].mean()), 4),
        "recall": round(float(sure[truth].mean()), 4),
    }


def duplicates(both: pd.DataFrame) -> dict[str, int]:
    """How many of the labelled near-duplicate pairs ended in one cluster, and how many other pairs did."""
    head = both["duplicate_of"].where(both["duplicate_of"].astype(str) != "", both["number"]).astype(float)
    pairs = caught = 0
    for _, group in both[both["near_dup"] != ""].groupby("near_dup"):
        for one, other in itertools.combinations(group.index, 2):
            pairs += 1
            caught += bool(head[one] == head[other])
    return {"pairs": pairs, "caught": caught}


@click.command()
@click.option("--real", required=True, type=click.Path(path_type=Path), help="The folder of photographs.")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="The dataset's folder.")
@click.option("--run", required=True, type=click.Path(path_type=Path), help="The training run's folder.")
@click.option("--beside", "other", default="lite0", show_default=True, help="Another model, or none.")
def main(real: Path, data: Path, run: Path, other: str) -> None:
    """Print the figures, then one line of JSON."""
    both = joined(Data(data).report_csv, real)
    report = pd.read_csv(Data(data).report_csv, keep_default_na=False, low_memory=False)
    kept = report["kept"].astype(str).str.lower() == "true"
    figures = accuracy(both)
    near = duplicates(both)
    others = {} if other == "none" else accuracy(beside(Data(data), other, real), unseen=False)
    print(f"rows     {len(report):,}: kept {kept.sum():,}")
    for reason, count in report.loc[~kept, "reason"].value_counts().items():
        print(f"         {reason:<16}{count:>6,}")
    print(f"unseen   {figures['photographs']} photographs with a clear label, {figures['quilts']} quilts")
    for name, by_hand in BY_HAND.items():
        print(f"         {name.replace('_', ' '):<18}{figures[name]:.3f}   (timm by hand {by_hand:.3f})")
    if others:
        print(f"{other}: {others['photographs']} photographs with a clear label, {others['quilts']} quilts")
        for name in BY_HAND:
            print(f"         {name.replace('_', ' '):<18}{others[name]:.3f}")
    print(f"near     {near['caught']} of {near['pairs']} near-duplicate pairs caught")
    grids = list(Run(run).grids())
    print(f"samples  {grids[-1] if grids else 'none'}")
    print(f"report   {Data(data).report_html}")
    reached = {
        "average precision within 0.002 of timm by hand": abs(
            figures["average_precision"] - BY_HAND["average_precision"]
        )
        <= 0.002,
        "at most 2 near-duplicate pairs missed": near["pairs"] - near["caught"] <= 2,
        "every labelled file is a row": bool(both["number"].notna().all()),
    }
    print(
        json.dumps(
            {
                "figures": {**figures, **near, other: others, "rows": len(report), "kept": int(kept.sum())},
                "reached": reached,
            }
        )
    )


if __name__ == "__main__":
    main()
