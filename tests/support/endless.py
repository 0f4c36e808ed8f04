"""Lists that never end, each in a way of its own, and some that do end and must be read to their end."""

from __future__ import annotations

import json
import time
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from servers import Answer, Hit, Site, picture

if TYPE_CHECKING:
    from collections.abc import Iterable

PICTURES = [picture(number) for number in range(40)]


class Endless(Site):
    """Every path is a list; what is asked for twice is shown as it was, but for what changes at every visit."""

    def __init__(self) -> None:
        super().__init__({})
        self.visits = count(1)
        self.ten = 10  # pages of /ten

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        place, number = parts.path.partition(";")[0], int(query.get("page", 1))
        if place.endswith(".jpg"):
            body = PICTURES[int(place.rpartition("/")[2][:-4]) % 40] + place.encode()
            answer = Answer(body, kind="image/jpeg")
        else:
            show = getattr(self, place.strip("/").split("/")[0].partition(".")[0].replace("-", "_"), None)
            answer = show(number, place) if show else Answer(status=404)
        with self._lock:
            self.hits.append(Hit(time.time(), path, headers, answer.status))
        return answer

    def pages(self, name: str) -> list[str]:
        return [hit.path for hit in self.hits if hit.path.startswith(f"/{name}") and ".jpg" not in hit.path]

    def repeats(self, number: int, _place: str) -> Answer:
        """The third page is the last, and stands for all that follow."""
        return _list([f"/repeats/{min(number, 3) * 2 + n}.jpg" for n in (0, 1)], f"/repeats?page={number + 1}", number)

    def calendar(self, number: int, _place: str) -> Answer:
        return _list(["/calendar/1.jpg"] if number == 1 else [], f"/calendar?page={number + 1}", number)

    def deeper(self, _number: int, _place: str) -> Answer:
        """One body, whose relative addresses are new at every depth."""
        return _list(["1.jpg", "2.jpg"], "more/", 0)

    def sessions(self, number: int, _place: str) -> Answer:
        """Two pages that lead to each other; each link has a session of its own."""
        id_ = f";jsessionid=S{next(self.visits):06X}.node1"
        return _list([f"/sessions/{number}.jpg{id_}"], f"/sessions{id_}?page={3 - number}", next(self.visits))

    def stamped(self, number: int, _place: str) -> Answer:
        shown = [f"/stamped/{n}.jpg?t={next(self.visits)}" for n in (1, 2)]
        return _list(shown, f"/stamped?page={number + 1}", number)

    def products(self, _number: int, _place: str) -> Answer:
        images = [[{"src": f"/shopify/{n}.jpg"}] for n in (1, 2)]
        goods = [{"id": n, "handle": f"bag-{n}", "title": f"Bag {n}", "images": one} for n, one in enumerate(images)]
        return Answer(json.dumps({"products": goods, "at": next(self.visits)}).encode(), kind="application/json")

    def wp_json(self, _number: int, _place: str) -> Answer:
        goods = [{"id": n, "name": f"Bag {n}", "images": [{"src": f"/woo/{n}.jpg"}]} for n in (1, 2)]
        return Answer(json.dumps(goods).encode(), kind="application/json")

    def ten_(self, number: int, _place: str) -> Answer:
        """A list that ends."""
        link = f"/ten_?page={number + 1}" if number < self.ten else ""
        return _list([f"/ten_/{number * 2 + n}.jpg" for n in (0, 1)], link, number)

    def rated(self, number: int, _place: str) -> Answer:
        """Five pages of which only the first and the last have what is rated well."""
        stars = 5 if number in (1, 6) else 1
        link = f"/rated?page={number + 1}" if number < 6 else ""
        return _list([f"/rated/{number}.jpg"], link, number, f'<i class=stars title="{stars} of 5"></i>')

    def items(self, number: int, _place: str) -> Answer:
        """A page whose links all lead to pages of single things."""
        return _list([], "", number, "".join(f"<a class=item href=/thing/{n}>{n}</a>" for n in range(12)))

    def thing(self, _number: int, place: str) -> Answer:
        return _list([f"/thing/{place.rpartition('/')[2]}.jpg"], "", 0)


def _list(shown: Iterable[str], following: str, number: int, more: str = "") -> Answer:
    tiles = "".join(f"<li><img src='{one}'>{more}</li>" for one in shown)
    link = f"<a class=next href='{following}'>next</a>" if following else ""
    return Answer(f"<title>{number}</title><ul>{tiles or more}</ul>{link}".encode())
