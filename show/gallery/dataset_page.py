"""The page of one dataset: its funnel, its sources, and a sheet of what was kept or dropped for one reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from show.gallery import views
from show.known import dataset
from show.known.addresses import to
from show.known.listing import KEPT

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from scrapbag.layout import Data
    from show.known.listing import Listed

A_PAGE = 200  # thumbnails


def words(name: str, data: Data, asked: MultiDict[str, str]) -> dict[str, Any]:
    """For the template dataset.html.j2; `asked` may have show, page, q and picture."""
    card = views.dataset_card(name, data)
    if card.listing is None:
        return {"card": card, "sheets": [], "tiles": [], "keys": {}}
    kept = [(KEPT, len(card.listing.kept))] if card.listing.decided else []
    counts = [*kept, *card.listing.dropped, *card.listing.never]
    show = asked.get("show", "") if asked.get("show", "") in dict(counts) else counts[0][0] if counts else KEPT
    q = asked.get("q", "")[:200]
    rows = card.listing.sheet(show, q)
    pages = max(1, -(-len(rows) // A_PAGE))
    page = min(max(asked.get("page", 1, type=int), 1), pages)
    shown = rows[(page - 1) * A_PAGE : page * A_PAGE]
    state: dict[str, object] = {"data": name, "show": show, "q": q, "page": page if page > 1 else ""}
    place = next((i for i, row in enumerate(shown) if _key(row) and _key(row) == asked.get("picture")), None)
    opened = None if place is None else views.facts(name, shown[place])
    return {
        "card": card,
        "show": show,
        "meaning": dataset.meaning(show),
        "q": q,
        "total": len(rows),
        "page": page,
        "pages": pages,
        "sheets": [
            {
                "name": reason,
                "count": count,
                "meaning": dataset.meaning(reason),
                "to": to("/dataset", data=name, show=reason, q=q),
                "here": reason == show,
                "came": reason == KEPT or reason in dict(card.listing.dropped),
            }
            for reason, count in counts
        ],
        "tiles": [
            {
                "to": to("/dataset", **state, picture=_key(row)) if _key(row) else "",
                "src": views.thumb(name, row) if row.came else "",
                "title": row.title or "without a title",
                "source": row.source,
                "here": i == place,
            }
            for i, row in enumerate(shown)
        ],
        "opened": opened,
        "keys": _keys(state, shown, place, page, pages),
    }


def _key(row: Listed) -> str:
    """A picture in an address."""
    return row.sha256 or row.square


def _keys(
    state: dict[str, object], shown: list[Listed], place: int | None, page: int, pages: int
) -> dict[str, tuple[str, str]]:
    """Where the keys lead: (address, words)."""
    if place is None:
        found = {"ArrowLeft": (page - 1, "previous page"), "ArrowRight": (page + 1, "next page")}
        return {
            key: (to("/dataset", **{**state, "page": number}), said)
            for key, (number, said) in found.items()
            if 1 <= number <= pages
        }
    beside = {"ArrowLeft": (place - 1, "previous"), "ArrowRight": (place + 1, "next")}
    keys = {
        key: (to("/dataset", **state, picture=_key(shown[i])), said)
        for key, (i, said) in beside.items()
        if 0 <= i < len(shown) and _key(shown[i])
    }
    return {**keys, "Escape": (to("/dataset", **state), "close")}
