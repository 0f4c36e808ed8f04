"""Replicas with enough works in them to train on: the same interfaces as replicas.py, drawn pictures behind them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from replicas import Query, Replica, _json
from servers import Answer

from demo.drawing.develop import develop
from demo.drawing.stock import DrawnPicture, stock

if TYPE_CHECKING:
    from pathlib import Path


def pictures(count: int, group: str = "quilt") -> tuple[DrawnPicture, ...]:
    """So many different drawings of one kind, without flaws."""
    return stock({group: count}, {})


def folder(root: Path, count: int, group: str = "quilt") -> Path:
    """The drawings as files."""
    root.mkdir(parents=True)
    every = pictures(count, group)
    for one in every:
        (root / f"{one.number:04d}.jpg").write_bytes(develop(one, every))
    return root


class Museum(Replica):
    """Each interface has `count` works, and those of one have other pictures than those of another."""

    def __init__(self, count: int, group: str = "quilt") -> None:
        super().__init__()
        self.lagged = 1  # what a replica does at first is not tested here
        self.count = count
        self._pictures = pictures(3 * count, group)

    def _answer(self, path: str, query: Query, headers: dict[str, str]) -> Answer:
        if path.startswith("/pic/"):
            number = re.search(r"-(\d+)", path)
            which = self._pictures[int(number[1]) if number else 0]
            return Answer(develop(which, self._pictures), kind="image/jpeg")
        return super()._answer(path, query, headers)

    def commons(self, _path: str, query: Query, _headers: dict[str, str]) -> Answer:
        if query.get("cmtype") == "subcat":
            return _json({"batchcomplete": True, "query": {"categorymembers": []}})
        pages = [self._file(n, f"work-{n}.jpg") for n in range(self.count)]
        return _json({"batchcomplete": True, "query": {"pages": pages}})

    def met(self, path: str, _query: Query, _headers: dict[str, str]) -> Answer:
        if path.endswith("/search"):
            return _json({"total": self.count, "objectIDs": list(range(1, self.count + 1))})
        number = int(path.rpartition("/")[2])
        return _json({
            "objectID": number,
            "isPublicDomain": True,
            "primaryImage": f"{self.url}/pic/met-{self.count + number - 1}.jpg",
            "title": f"Work {number}",
            "objectURL": f"{self.url}/art/{number}",
        })  # fmt: skip

    def artic(self, _path: str, _query: Query, _headers: dict[str, str]) -> Answer:
        works: list[dict[str, Any]] = [
            {"id": n, "title": f"Work {n}", "image_id": f"artic-{2 * self.count + n}", "is_public_domain": True}
            for n in range(self.count)
        ]
        pages = {"total": self.count, "limit": 100, "offset": 0, "total_pages": 1, "current_page": 1}
        return _json({"pagination": pages, "data": works, "config": {"iiif_url": f"{self.url}/pic"}})
