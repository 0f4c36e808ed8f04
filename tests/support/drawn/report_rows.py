"""Rows and outcomes for the report's tests: plain data, and drawn pictures under them where a test looks."""

import hashlib
from dataclasses import fields
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from curate.report import page, report_csv
from curate.rows import Outcome, Row, Rows, ScoreInfo
from scrapbag.recipe import Curate

_EMPTY = {"str": "", "bool": False}
SCORE = ScoreInfo(
    model="resnet50.tv_in1k",
    key="0123abcd",
    activation="softmax",
    class_set="imagenet-1k",
    backend="torch",
    dtype="bf16",
    features=2048,
    pictures=2000,
)


def row(**changes: Any) -> Row:
    """A picture that came and was kept, with what a test says of it."""
    number = changes.get("number", 42)
    values: dict[str, Any] = {field.name: _EMPTY.get(str(field.type)) for field in fields(Row)} | {
        "number": number,
        "kept": not changes.get("reason"),
        "reasons": changes.get("reason", ""),
        "confidence": 0.95,
        "url": f"https://example.org/{number}.jpg",
        "page_url": f"https://example.org/{number}",
        "source": "shop",
        "licence": "CC0-1.0",
        "state": "done",
        "sha256": hashlib.sha256(str(number).encode()).hexdigest(),
        "extension": "jpg",
        "width": 800,
        "height": 600,
    }
    return Row(**(values | changes))


def lost(number: int, reason: str) -> Row:
    """An address that gave no picture."""
    return row(
        number=None, url=f"https://example.org/lost/{number}.jpg", kept=False, reason=reason, reasons=reason,
        state="failed", fetch_reason=reason, sha256="", extension="", confidence=None, width=None, height=None,
    )  # fmt: skip


def outcome(rows, **changes):
    values: dict[str, Any] = {
        "rows": Rows.of(rows),
        "settings": Curate(targets=("n04033995",)),
        "score": SCORE,
        "cut": 0.9,
        "by": "prob",
    }
    return Outcome(**(values | changes))


def write(outcome, data):
    """All files of a report."""
    page.write(outcome, data, lambda: report_csv.write_both(data, outcome.rows))


def dataset(count, cut=0.9):
    """Many rows with every common fate, the same every time."""
    rows = []
    for i in range(count):
        confidence = round((i * 7919 % 10_007) / 10_007, 5)
        title = f"Quilt number {i}"
        if i % 23 == 0:
            rows.append(lost(i, "http_4xx" if i % 2 else "timeout"))
        elif i % 17 == 0:
            rows.append(row(number=i, title=title, kept=False, reason="blurry", confidence=confidence))
        elif i % 13 == 0 and confidence >= cut:
            rows.append(row(number=i, title=title, kept=False, reason="dup_near", confidence=confidence,
                            duplicate_of=1, duplicate_how="phash"))  # fmt: skip
        else:
            kept = confidence >= cut
            reason = "" if kept else "low_confidence" if confidence > cut / 2 else "off_target"
            rows.append(row(number=i, title=title, kept=kept, reason=reason, confidence=confidence,
                            margin=abs(confidence - cut)))  # fmt: skip
    return rows


def drawn(seed, side=96):
    """The bytes of a JPEG of patches, unlike those of every other seed."""
    patches = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(patches).resize((side, side), Image.Resampling.NEAREST).save(file, "JPEG")
    return file.getvalue()


def store(data, rows):
    """Put a drawn picture behind every row that has a body."""
    for one in rows:
        if one.sha256:
            path = data.image(one.sha256, one.extension)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(drawn(one.number))
