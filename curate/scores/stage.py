"""The score stage: every picture that has no scores yet is decoded once, measured, hashed and shown to the model."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from curate.look import decode
from curate.look.measure import PROBLEMS
from curate.model import targets
from curate.model.passes import BATCH
from curate.scores.batches import Batch, Scoring, score_batch
from curate.scores.pairs import read_pairs
from curate.scores.scorer import open_scorer
from curate.scores.shards import SIZE, Shards
from scrapbag import catalog
from scrapbag.disk import lock, write_text
from scrapbag.errors import DiskError, MissingExtraError, TooManyFailuresError
from scrapbag.layout import Data
from scrapbag.recipe import load, model_folder
from scrapbag.workers.local import Local

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curate.model.targets import ClassSet
    from scrapbag.recipe import Score
    from scrapbag.workers.engines import Engine

_TASK = 1024 // BATCH  # batches that are sent to another process at once, at most


@dataclass(frozen=True)
class Scored:
    """What a run of this stage did."""

    model: str  # as in the recipe
    key: str  # the folder in scored/
    pictures: int  # that have scores now
    new: int  # of these, the ones that this run scored
    forward_passes: int  # pictures that went through the model in this run
    unusable: int  # files that give no picture
    missing: int  # pictures that came once, but whose file is gone, or has other bytes now


def score(settings: Score, data: Data, engine: Engine | None = None) -> Scored:
    """Score what is new, and make these scores the current ones. Older scores of other models stay.

    `engine` does the work, by default the threads of this computer; the shards have the same bytes whichever it is.
    """
    with lock(data.root, "score"):
        max_pixels = decode.max_pixels(data)
        decode.strict(max_pixels)
        stored = _pictures(data)
        gone = catalog.absent(stored, data)
        pictures = [picture for picture in stored if picture.sha256 not in gone and not decode.waits(picture.path)]
        if not pictures and len(gone) < len(stored):
            raise MissingExtraError(f"every picture of {data.root} is a HEIC picture, which", "pillow-heif", "heic")
        scorer = open_scorer(settings, [picture.path for picture in pictures], data)
        _check_targets(scorer.classes, data)
        version = data.version(scorer.key)
        write_text(version.labels, scorer.classes.dumps())
        info = scorer.info | {"features": scorer.embed.width if scorer.embed else 0}
        write_text(version.model, json.dumps(info, indent=1, sort_keys=True))
        shards = Shards(version.root)
        known = set(shards.sha256)
        new = [picture for picture in pictures if picture.sha256 not in known]
        scoring = Scoring(_anywhere(settings), Data(data.root.absolute()), max_pixels, scorer.key, scorer)
        damaged, done = add(new, scoring, shards, engine or Local())
        _note_problems(shards, damaged, data)
        if not len(shards):
            raise DiskError(
                f"none of the {len(stored)} pictures in {data.images} has the bytes that came; see that its disk is"
                " sound, or fetch them again: make scrape RETRY=failed"
            )
        read_pairs(shards)  # found and stored now, so that curate need not
        names = hashlib.sha256(scorer.classes.dumps().encode()).hexdigest()[:16]
        index = {"key": scorer.key, "model": settings.model, "labels": names, "pictures": len(shards)}
        write_text(data.index, json.dumps(index, indent=1) + "\n")
        unusable = int(np.count_nonzero(shards.column("problem")))
        return Scored(
            settings.model, scorer.key, len(shards), len(new) - len(damaged), done, unusable, len(gone) + len(damaged)
        )


def _pictures(data: Data) -> list[catalog.StoredPicture]:
    connection = catalog.connect(data.catalog)
    try:
        pictures = catalog.pictures(connection, Data(data.root.absolute()))  # a worker has another working folder
    finally:
        connection.close()
    if not pictures:
        raise TooManyFailuresError(f"{data.root} has no picture yet; run make scrape, or look at report/scrape.csv")
    return pictures


def _check_targets(classes: ClassSet, data: Data) -> None:
    """Raise RecipeError for targets that this model lacks before hours are spent on it, if curate.toml is there."""
    path = data.settings_of("curate")
    if path.exists():
        targets.indices(load(path).curate.targets, classes)


def _anywhere(settings: Score) -> Score:
    """The settings for a worker, which has another working folder."""
    if not settings.model.startswith("local-dir:") or (folder := model_folder(settings.model)) is None:
        return settings
    return replace(settings, model=f"local-dir:{folder.absolute()}")


def add(
    pictures: Sequence[catalog.StoredPicture], scoring: Scoring, shards: Shards, engine: Engine
) -> tuple[list[str], int]:
    """Score `pictures` into new shards, which this process alone writes, one after the other.

    Returns the sha256 of those whose file has other bytes now, and how many pictures went through the model.
    """
    batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    damaged: list[str] = []
    waiting: list[Batch] = []
    done = 0
    bar = tqdm(total=len(pictures), unit=" pictures", disable=None, desc="score")
    with bar, closing(engine.run(scoring, score_batch, batches, _TASK)) as scored:
        for number, batch in enumerate(scored, 1):
            waiting.append(batch)
            damaged += batch.damaged
            done += batch.passes
            bar.update(len(batches[number - 1]))
            if number % (SIZE // BATCH) == 0 or number == len(batches):
                _append(waiting, shards)
                waiting.clear()
    return damaged, done


def _append(batches: Sequence[Batch], shards: Shards) -> None:
    """Write a shard of SIZE pictures, or of fewer where some are damaged."""
    full = [batch for batch in batches if batch.sha256]
    if full:
        joined = {name: np.concatenate([batch.columns[name] for batch in full]) for name in full[0].columns}
        shards.append([sha256 for batch in full for sha256 in batch.sha256], joined)


def _note_problems(shards: Shards, damaged: Sequence[str], data: Data) -> None:
    """Tell the catalog which files no decoder reads or are damaged, and which one reads now.

    RETRY=failed asks for the former again.
    """
    broken = [PROBLEMS[at] in {"unreadable", "not_image"} for at in shards.column("problem")]
    words = (catalog.UNDECODABLE, "")
    values = [(*(words if bad else words[::-1]), sha256) for sha256, bad in zip(shards.sha256, broken, strict=True)]
    values += [(*words, sha256) for sha256 in damaged]
    with closing(catalog.connect(data.catalog)) as connection, connection:
        connection.execute("begin immediate")
        connection.executemany("update picture set problem = ? where problem = ? and sha256 = ?", values)
