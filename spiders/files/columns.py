"""What a row of a list, or a file beside a picture, says of it, whatever its author calls the columns."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scrapbag.plain import link, uncell
from spiders.pages.licence import licence_name
from spiders.pages.payload import first, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# By field, the names that mean it, the surest first; letter case, blanks, _ and - make no difference. From
# img2dataset, Open Images, Openverse, Unsplash Lite, Hugging Face, gallery-dl's extractors and our own tables
NAMES = {
    "url": "url image_url imageurl original_url img_url image_link image_src img_src src content_url download_url"
    " file_url media_url photo_image_url image_address picture_url photo_url image img picture link href address",
    "title": "caption title text alt alt_text alt_description top_caption object_name headline name description"
    " image_description prompt",
    "creator": "creator author artist author_name creator_name artist_name artist_display_name artist_title"
    " photographer photographer_name tag_string_artist maker owner user username uploader owner_name by",
    "page_url": "page_url page original_landing_url foreign_landing_url landing_url landing_page description_url"
    " post_url webpage_url source_url source_page web_url permalink product_url object_url",
    "licence": "licence license licence_name license_name licence_short_name license_short_name rights rights_statement"
    " usage_rights license_type",
    "licence_url": "licence_url license_url licence_link license_link rights_url licence_address license_address",
    "tags": "tags tag keywords keyword categories tag_string labels hashtags",
    "attribution": "attribution credit credit_line credits",
    "sha256": "sha256",
    "source_id": "source_id image_id photo_id id key",
    "rating": "rating stars",
}
FILE_NAMES = ("file_name", "file", "file_path", "image_file_name", "image_path", "path")
_TO_FIELD = {re.sub("[ _-]", "", name): (field, at) for field in NAMES for at, name in enumerate(NAMES[field].split())}
_PARTS = ("_content", "content", "name", "realname", "username", "nick", "value", "html", "title")  # of an object
_NO_NAME = re.compile(r"\d+$|none$|null$|nan$|n/a$", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}$")
_APART = {"url", "tags", "rating", "licence"}
_MOST_TAGS, _LONGEST_TAG = 200, 60


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one picture; '' where nothing is."""

    url: str = ""
    title: str = ""
    creator: str = ""
    page_url: str = ""
    licence: str = ""
    licence_url: str = ""
    tags: tuple[str, ...] = ()
    attribution: str = ""
    sha256: str = ""
    source_id: str = ""
    rating: float | None = None


def said(row: Mapping[str, Any], chosen: tuple[tuple[str, str], ...] = ()) -> Said:
    """The words of `row`. `chosen` are pairs of a field and the column that a recipe names for it."""
    if isinstance(within := row.get("extmetadata"), dict):  # MediaWiki's, as gallery-dl writes it
        row = {"page_url": row.get("descriptionurl"), **within, "url": row.get("url")}
    columns = columns_of(tuple(row), chosen)
    words = {field: _first(row, names) for field, names in columns.items() if field not in _APART}
    licence = next((text for text in _texts(row, columns.get("licence", ())) if not _NO_NAME.match(text)), "")
    licence_url = link(words.pop("licence_url", ""))
    if link(licence):
        licence, licence_url = "", licence_url or link(licence)
    tags = next(filter(None, (_tags(row[name]) for name in columns.get("tags", ()))), ())
    words["url"] = _address(row, columns.get("url", ()))
    words["page_url"] = link(words.get("page_url", ""))
    words["sha256"] = sha256 if _SHA256.match(sha256 := words.get("sha256", "").lower()) else ""
    words["creator"] = _person(words.get("creator", ""))
    rating = _rating(_first(row, columns.get("rating", ())))
    return Said(
        **words, licence=licence or licence_name(licence_url), licence_url=licence_url, tags=tags, rating=rating
    )


@lru_cache(maxsize=64)
def columns_of(names: tuple[str, ...], chosen: tuple[tuple[str, str], ...] = ()) -> dict[str, tuple[str, ...]]:
    """By field, those of a list's columns that may say it, the surest first."""
    found: dict[str, list[tuple[int, str]]] = {}
    wanted = {plain_name(column): field for field, column in reversed(chosen)}  # of two fields, the first
    for name in names:
        if (folded := plain_name(name)) in wanted:
            found.setdefault(wanted[folded], []).append((-1, name))
        elif folded in _TO_FIELD:
            field, at = _TO_FIELD[folded]
            found.setdefault(field, []).append((at, name))
    return {field: tuple(name for _, name in sorted(some)) for field, some in found.items()}


def plain_name(name: object) -> str:
    """A column's name for comparing: small, without blanks, _ and -."""
    return re.sub(r"[\s_-]", "", str(name)).casefold()


def text_of(value: Any) -> str:
    """A value as one line; of an object its name, of a list what it lists. '' for null, NaN, true and false."""
    if isinstance(value, str) and not (value.startswith("'") or "<" in value or "&" in value):
        return " ".join(value.split())
    if value is None or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, map(text_of, value)))
    return first(uncell(value) if isinstance(value, str) else value, *_PARTS, clean=tidy)


def address_of(value: Any) -> str:
    """A value as an address: a text, without what surrounds it."""
    return value.strip().strip("<>\"'").strip() if isinstance(value, str) else ""


def _address(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """The first of these columns that holds an address, else the first that says anything."""
    values = [value for name in names if (value := address_of(row[name]))]
    return next(filter(link, values), values[0] if values else "")


def _texts(row: Mapping[str, Any], names: Iterable[str]) -> Iterable[str]:
    return filter(None, (text_of(row[name]) for name in names))


def _first(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """What the first of these columns that says something says; addresses are left as they are."""
    for name in names:
        value = row[name]
        whole = isinstance(value, str) and value.lstrip("<\"' ").startswith(("http://", "https://"))
        if text := address_of(value) if whole else text_of(value):
            return text
    return ""


def _person(text: str) -> str:
    return "" if _NO_NAME.match(text) and not text.isdigit() else text


def _rating(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 5 else None


def _tags(value: Any) -> tuple[str, ...]:
    """Tags from a list, an object of lists, or a text with commas, semicolons or bars, or of JSON."""
    if isinstance(value, str):
        if value.startswith("[") and value.endswith("]"):
            try:
                return _tags(json.loads(value))
            except ValueError:
                pass
        mark = next((one for one in ",;|" if one in value), None)
        parts: list[Any] = value.split(mark) if mark else [value]
    elif isinstance(value, dict):
        parts = [one for part in value.values() for one in (part if isinstance(part, list) else [part])]
    else:
        parts = value if isinstance(value, list) else []
    words = (text_of(one) for one in parts[:_MOST_TAGS])
    return tuple(dict.fromkeys(word for word in words if 0 < len(word) <= _LONGEST_TAG))
