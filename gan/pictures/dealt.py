"""The pictures of a server (make serve): a batch a step, asked for ahead of time, and some that the run keeps.

A batch is a function of (seed, step) here as it is of a folder, so a run that was killed and resumed, or whose server
was, computes the same bits. With `augment=none` they are the bits of the same run on the folder itself.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from gan.pictures import batches, wire
from gan.pictures.data import Pictures
from gan.pictures.fetch import PATIENCE_S, Fetcher
from scrapbag.check import build
from scrapbag.disk import write_text, writing
from scrapbag.errors import RecipeError, UsageError
from scrapbag.layout import Pack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gan.pictures.packing import Pixels
    from scrapbag.layout import Run

AHEAD = 4  # steps whose batches are asked for before they are needed
KEPT = {"train": 6512, "held": 512}  # pictures at most: as many as gan/evaluate/fidelity.py looks at
_PAGE = 2**22  # bytes of pictures in an answer, about
MODEL = re.compile(r"[a-z0-9_.]{1,100}")  # a timm name: no folder and no address, so that it loads nothing unasked


class Dealer:
    """Pictures that a server deals; see gan/pictures/sources.py."""

    moves = True

    def __init__(self, url: str, token: str = "", patience: float = PATIENCE_S) -> None:
        """Nothing is asked yet. Raises UsageError for what is no address of a server."""
        self._fetcher = Fetcher(url, token, patience)
        self._augment = _augment(url)
        self._offer: wire.Offer | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._coming: dict[tuple[int, int, int, int], Future[Pixels]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the server, at once."""
        self._fetcher.stop()
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._fetcher.close()

    @property
    def offer(self) -> wire.Offer:
        """What the server deals; asked for once."""
        if self._offer is None:
            body, _ = self._fetcher.get("")
            try:
                offered = build(wire.Offer, json.loads(body), "what it deals")
                if offered.version != wire.VERSION:
                    raise ValueError(f"it answers by {offered.version}, and this one asks by {wire.VERSION}")
                self._offer = offered
            except (RecipeError, ValueError, TypeError) as error:
                raise UsageError(
                    f"{self._fetcher.url} is of another version ({error}); update the older of both"
                ) from None
        return self._offer

    def pictures(self, crop: int) -> Pictures:
        if crop:
            raise UsageError(
                "a server deals squares, and this preset takes crops of pictures; train it without DATA_URL"
            )
        one = self.offer
        upto, held_upto = (_four(counts) for counts in (one.upto, one.held_upto))
        return Pictures(one.key, (), [], [], upto, held_upto, one.side, dealer=self)

    def model(self) -> str:
        return self.offer.model if MODEL.fullmatch(self.offer.model) else ""

    def note(self, run: Run) -> dict[str, str]:  # noqa: ARG002
        query = "" if self._augment == wire.PLAIN else f"/?augment={self._augment}"
        return {"from": f"{self._fetcher.url}{query}"}

    def asked(self) -> dict[str, Any]:
        return {} if self._augment == wire.PLAIN else {"augment": f"{self._augment} {self.offer.variations}"}

    def meet(self, asked: dict[str, Any], run: Run) -> None:
        if asked.get("data") != self.offer.key:
            raise UsageError(
                f"{self._fetcher.url} deals other pictures than {run.root} learns from; write another RUN, or the "
                "DATA_URL of those"
            )

    def keep(self, pictures: Pictures, run: Run, pools: tuple[int, int]) -> Pictures:
        """The pictures with up to KEPT of each part in RUN/dealt, drawn evenly from the first `pools` of them."""
        pack = Pack(run.dealt)
        if not pack.index.exists() or kept(pack).key != pictures.key:
            self._fetch(pictures, pack, dict(zip(KEPT, pools, strict=True)))
        return replace(kept(pack), dealer=self)

    def reals(self, seed: int, step: int, count: int, pool: int) -> Pixels:
        """(count, side, side, 3) of the first `pool` training pictures; the next steps' are asked for meanwhile.

        Raises MissingError where the server stays away, UsageError where it deals other pictures by now.
        """
        self._thread = self._thread or ThreadPoolExecutor(1, "dealt")
        wanted = [(seed, step + more, count, pool) for more in range(AHEAD + 1)]
        for other in self._coming.keys() - set(wanted):
            self._coming.pop(other).cancel()
        for one in wanted:
            if one not in self._coming:
                self._coming[one] = self._thread.submit(self._batch, *one)
        return self._coming.pop(wanted[0]).result()

    def _fetch(self, pictures: Pictures, pack: Pack, pools: dict[str, int]) -> None:
        places = {part: _some(pools[part], most) for part, most in KEPT.items()}
        pack.index.unlink(missing_ok=True)
        with writing(pack.pixels) as path, path.open("wb") as file:
            for part, each in places.items():
                for page in _pages(each, pictures.side):
                    file.write(self._squares(part, page).tobytes())
        known = {"key": pictures.key, "side": pictures.side, "upto": pictures.upto, "held_upto": pictures.held_upto}
        write_text(pack.index, json.dumps(known | {part: len(each) for part, each in places.items()}) + "\n")

    def _batch(self, seed: int, step: int, count: int, pool: int) -> Pixels:
        drawn = batches.seed_of(seed, step, "pictures")
        return self._got("batch.tar", count, n=count, size=self.offer.side, seed=drawn, of=pool, augment=self._augment)

    def _squares(self, part: str, at: Sequence[int]) -> Pixels:
        return self._got("squares.tar", len(at), part=part, at=",".join(map(str, at)))

    def _got(self, path: str, count: int, **query: object) -> Pixels:
        body, key = self._fetcher.get(path, **query)
        if key != self.offer.key:
            raise UsageError(
                f"{self._fetcher.url} deals other pictures than it did when this run began; serve those again, or "
                "write another RUN"
            )
        try:
            return wire.unpack(body, count, self.offer.side)
        except ValueError as error:
            raise UsageError(f"{self._fetcher.url} is of another version ({error}); update the older of both") from None


def kept(pack: Pack) -> Pictures:
    """What a run keeps of a server's pictures. Raises UsageError for what is damaged."""
    try:
        known = json.loads(pack.index.read_text(encoding="utf-8"))
        train, held, side = int(known["train"]), int(known["held"]), int(known["side"])
        flat = np.memmap(pack.pixels, dtype=np.uint8, mode="r").reshape(train + held, side, side, 3)
        upto, held_upto = _four(known["upto"]), _four(known["held_upto"])
        return Pictures(str(known["key"]), (), list(flat[:train]), list(flat[train:]), upto, held_upto, side)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{pack.root} is damaged ({error}); delete it, and make train fetches it anew") from None


def _augment(url: str) -> str:
    """What DATA_URL says behind its question mark. Raises UsageError."""
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    found = query.pop("augment", wire.PLAIN)
    if query or found not in (wire.PLAIN, wire.MILD):
        raise UsageError(f"DATA_URL={url!r:.200}: behind ? may stand augment={wire.PLAIN} or augment={wire.MILD}")
    return found


def _four(counts: Sequence[int]) -> tuple[int, int, int, int]:
    """Raises ValueError for what are not four counts, each at least the one before."""
    none, *more = (int(one) for one in counts)
    if len(more) != len("123") or sorted([none, *more]) != [none, *more] or none < 0:
        raise ValueError(f"{list(counts)} are no counts of four levels")
    return none, more[0], more[1], more[2]


def _some(pool: int, most: int) -> list[int]:
    """At most so many places among the first `pool`, in their order, by lot."""
    return sorted(np.random.default_rng(0).permutation(pool)[:most].tolist())


def _pages(places: list[int], side: int) -> list[list[int]]:
    size = max(1, min(512, _PAGE // (3 * side * side)))
    return [places[start : start + size] for start in range(0, len(places), size)]
