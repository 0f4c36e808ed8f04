"""Ratings of 5, from whatever an element shows, or a page declares."""

from __future__ import annotations

import re
from typing import Any

from spiders.pages.markup import words

_SPOKEN = ("aria-label", "title", "alt")
_OF = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:/|out of|of|von|sur|de|su|av)\s*(\d+(?:[.,]\d+)?)", re.IGNORECASE)
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_CLASS = re.compile(r"(?:^|[\s_-])(?:stars?|rating|rate)[\s_-]+(\d)(?:[-_.](\d))?(?![\d%])", re.IGNORECASE)
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_PLAIN = re.compile(r"^\W*(?:rat(?:ed|ing)\W*)?(\d(?:[.,]\d{1,2})?)(?!\d)\s*(?:$|\(|★|stars?\b)", re.IGNORECASE)


def shown(root: Any) -> float | None:
    """A rating of 5, from what an element shows: '4.5 out of 5', 90 %, star classes, an aria-label; None if unclear.

    Our own, because extruct reads only ratings that a page declares, and many pages only draw stars.
    """
    content, best = root.get("content") or root.get("data-rating"), root.get("data-max")
    if content and (score := scaled(content, best)) is not None:
        return score
    inside = [one for one in root.iterdescendants() if isinstance(one.tag, str)]
    for spoken in (*(root.get(name, "") for name in _SPOKEN), words(root)):
        if (score := said(spoken)) is not None:
            return score
    for style in (one.get("style", "") for one in (root, *inside)):
        if "width" in style and (percent := _PERCENT.search(style)):
            return _bounded(_number(percent[1]) / 20)
    for names in (one.get("class", "") for one in (root, *inside)):
        if (score := _classed(names)) is not None:
            return score
    for spoken in (one.get(name, "") for one in inside for name in _SPOKEN):
        if (score := said(spoken)) is not None:
            return score
    full = words(root).count("★")
    return float(full) if 0 < full <= 5 else None


def scaled(value: object, best: object = None) -> float | None:
    """A rating as one of 5, as schema.org gives it: `value` of `best`, which is 5 unless said. None if unclear."""
    try:
        score, top = _number(value), 5.0 if best in (None, "") else _number(best)
    except ValueError:
        return None
    return _bounded(score * 5 / top) if top > 0 else None


def said(words: str) -> float | None:
    """A rating of 5 in words: '4.5 out of 5', '90 %', '4.6 (1,234)'; None if unclear."""
    if found := _OF.search(words):
        return scaled(found[1], found[2])
    if found := _PERCENT.search(words):
        return _bounded(_number(found[1]) / 20)
    found = _PLAIN.search(words)  # "4.6", "4.6 (1,234)", "Rating: 4 stars"; not "4 reviews"
    return scaled(found[1]) if found else None


def _classed(names: str) -> float | None:
    if found := _CLASS.search(names):
        return _bounded(float(f"{found[1]}.{found[2] or 0}"))
    if re.search(r"star|rating", names, re.IGNORECASE):
        return next((float(_WORDS[word]) for word in names.lower().split() if word in _WORDS), None)
    return None


def _number(value: object) -> float:
    return float(str(value).strip().replace(",", "."))


def _bounded(score: float) -> float | None:
    return round(score, 3) if 0 <= score <= 5 else None
