"""posts.json: what was posted where and when, written before and after each post, so that a kill repeats none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from scrapbag.disk import write_text
from scrapbag.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from show.post.destinations import Destination

State = Literal["", "sent", "posted"]
FORMAT = 1


class Ledger:
    """The file, read once; every change of it is on the disk when the method returns.

    A post is `sent` from the moment its bytes leave this computer, and `posted` once the service has answered that it
    has it. One that is found `sent` by a later call was cut off between the two: the service may have it.
    """

    def __init__(self, path: Path) -> None:
        """Raises UsageError for a file that is damaged: to forget what was posted would be to post it again."""
        self._path = path
        self._table: dict[str, Any] = {"format": FORMAT, "shown": [], "destinations": {}}
        if path.exists():
            try:
                found = json.loads(path.read_bytes())
                if found["format"] != FORMAT:
                    raise ValueError(f"format {found['format']}")
                self._table |= {"shown": list(found["shown"]), "destinations": dict(found["destinations"])}
                for one in self._table["destinations"].values():
                    dict(one["posts"]), float(one["tried"]), int(one["failures"])
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{path} is damaged ({error!r:.60}); move it away, and grids may be posted again"
                ) from None

    def state(self, to: Destination, grid: str) -> State:
        """Of a grid, named by what is in it."""
        state: State = self._of(to)["posts"].get(grid, {}).get("state", "")
        return state

    def last(self, to: Destination) -> tuple[float, int] | None:
        """When the last post left, as a time of `time.time`, and its thousands of images."""
        posts = self._of(to)["posts"].values()
        return max(((float(one["at"]), int(one["kimg"])) for one in posts), default=None)

    def tried(self, to: Destination) -> tuple[float, int]:
        """When it was last tried, and how often it has failed since it last worked."""
        one = self._of(to)
        return float(one["tried"]), int(one["failures"])

    def sent(self, to: Destination, grid: str, kimg: int, at: float) -> None:
        """The bytes are about to leave."""
        self._of(to)["posts"][grid] = {"state": "sent", "kimg": kimg, "at": at}
        self._of(to)["tried"] = at
        self._write()

    def posted(self, to: Destination, grid: str, kimg: int, at: float) -> None:
        """The service has it."""
        self._of(to)["posts"][grid] = {"state": "posted", "kimg": kimg, "at": at}
        self._of(to).update(tried=at, failures=0)
        self._write()

    def failed(self, to: Destination, grid: str, at: float) -> None:
        """The service was not reached or said no: it has not got it."""
        self._of(to)["posts"].pop(grid, None)
        self._of(to).update(tried=at, failures=self.tried(to)[1] + 1)
        self._write()

    def is_shown(self, to: Destination) -> bool:
        """Whether a dry run has shown what would go there."""
        return to.id in self._table["shown"]

    def show(self, to: Destination) -> None:
        """Note that one has."""
        if not self.is_shown(to):
            self._table["shown"].append(to.id)
            self._write()

    def _of(self, to: Destination) -> dict[str, Any]:
        one: dict[str, Any] = self._table["destinations"].setdefault(to.id, {"posts": {}, "tried": 0.0, "failures": 0})
        return one

    def _write(self) -> None:
        write_text(self._path, json.dumps(self._table, indent=1) + "\n")
