"""A model of the frontier: plain Python that says what every row of the table should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scrapbag.crawl.frontier import Page, Picture
from scrapbag.crawl.rounds import CUTS
from scrapbag.crawl.times import LONGEST_S


def key(url: str, kind: str, source: str, callback: str) -> tuple[str, ...]:
    """A page is asked for once for each source and callback, a picture once over all."""
    return (url, kind, source, callback) if kind == "page" else (url, kind)


@dataclass
class Request:
    """A row of the table as it should be."""

    host: str
    source: str
    kind: str
    meta: dict[str, Any]
    once: bool
    edition: int
    state: str = "queued"
    reason: str = ""
    settled: str = ""
    attempts: int = 0
    cuts: int = 0
    not_before: float = 0.0
    etag: str = ""
    sha256: str | None = None
    absent: bool = field(default=False, compare=False)  # its server said that there is no such thing; not a column

    def queue(self, **values: Any) -> None:
        """It is to be asked anew; what its last answer said stands."""
        self.state, self.attempts, self.cuts, self.not_before = "queued", 0, 0, 0.0
        for name, value in values.items():
            setattr(self, name, value)

    def settle(self, state: str, attempts: int, reason: str = "", **values: Any) -> None:
        self.state = self.settled = state
        self.absent = False
        self.reason, self.attempts, self.cuts = reason, attempts, 0
        for name, value in values.items():
            setattr(self, name, value)


@dataclass
class Source:
    recipe: str
    edition: int = 0
    since: int = 0
    active: bool = True


class CrawlModel:
    """Requests, sightings and sources of one catalog over several runs; `now` is the time of the moment."""

    now: float
    names: set[str]  # the sources of this run

    def empty(self) -> None:
        self.model: dict[tuple[str, ...], Request] = {}  # what is asked -> Request, in the order of finding
        self.sightings: dict[tuple[str, str, str], int] = {}  # (url, page_url, source) -> edition
        self.problems: dict[str, str] = {}  # sha256 -> what is wrong with the picture
        self.lost_files: set[str] = set()
        self.paused: dict[str, float] = {}
        self.sources: dict[str, Source] = {}  # as the catalog last read them

    def begin(self, recipe: dict[str, str], *, retry: bool, fresh: bool) -> None:
        """A run of the sources `names` begins."""
        for one in self.model.values():
            if one.state == "leased":
                one.state, one.cuts = "queued", one.cuts + 1
            if one.state == "queued" and one.cuts >= 2 * CUTS:
                one.settle("failed", one.attempts, "crash")
        self.read(recipe)
        self.lift(every=retry or fresh)
        self.give()
        left = any(one.state == "queued" and self.present(one) for one in self.model.values())
        for one in self.model.values():
            ours = one.source in self.names and (one.kind == "picture" or self.present(one))
            no_body = one.kind == "picture" and (
                one.sha256 is None or bool(self.problems[one.sha256]) or one.sha256 in self.lost_files
            )
            etag = "" if no_body or one.kind == "page" else one.etag
            if retry and ours and (one.state == "failed" or (one.state == "done" and no_body)):
                one.queue(etag=etag)
            if fresh and ours and one.reason != "gone":
                one.queue(etag=etag)
            list_page = one.kind == "page" and not one.once and self.present(one)
            if not (retry or fresh or left) and one.state == "done" and list_page:
                one.queue()
        self.suspicious = any(one.state == "queued" and one.cuts >= CUTS for one in self.model.values())

    def read(self, recipe: dict[str, str]) -> None:
        """The catalog reads the recipe."""
        for source in self.sources.values():
            source.active = False
        for name, text in recipe.items():
            source = self.sources.setdefault(name, Source(text))
            source.active = True
            if name in self.names:
                source.edition += source.recipe != text
                source.recipe = text

    def lift(self, *, every: bool) -> None:
        self.paused = {host: until for host, until in self.paused.items() if self.kept(until) > self.now and not every}
        for one in self.model.values():
            if every and one.state == "queued" and one.source in self.names:
                one.not_before = 0.0

    def kept(self, moment: float) -> float:
        return 0.0 if moment - self.now > LONGEST_S else moment

    def present(self, one: Request) -> bool:
        return one.source in self.names and one.edition == self.sources[one.source].edition

    def named(self, url: str, owner: str | None = None) -> bool:
        """Whether a source of the recipe, or `owner`, names a picture."""
        return any(
            self.sources[source].active and edition >= self.sources[source].since
            for (seen, _, source), edition in self.sightings.items()
            if seen == url and owner in (None, source)
        )

    def give(self) -> None:
        """Every picture belongs to whoever asks for it now."""
        for (url, kind, *_), one in self.model.items():
            if kind == "page" or one.state == "leased":
                continue
            asking = [
                (source, edition)
                for (seen, _, source), edition in self.sightings.items()
                if seen == url and source in self.names and edition == self.sources[source].edition
            ]
            if asking and not self.present(one) and (one.state == "queued" or not self.named(url, one.source)):
                one.source, one.edition = asking[0]
            if one.reason != "gone" and not self.named(url):
                one.state, one.reason = "skipped", "gone"
            elif one.reason == "gone" and self.named(url):
                if one.sha256:
                    one.state, one.reason = "done", ""
                else:
                    one.queue(reason="")

    def found(self, source: str, found: list[Page | Picture]) -> None:
        """Add to the model what is new of `found`, and what is new about what is known."""
        edition = self.sources[source].edition
        for one in found:
            kind = "picture" if isinstance(one, Picture) else "page"
            meta: dict[str, Any]
            if isinstance(one, Picture):
                callback, once = "", False
                meta = {name: value for name in ("sha256", "version") if (value := getattr(one, name))}
            else:
                callback, once = one.callback, one.once
                meta = ({"meta": one.meta} if one.meta else {}) | ({"actions": []} if one.browser else {})
            new = Request(one.url.split("/")[2], source, kind, meta, once, edition)
            known = self.model.setdefault(key(one.url, kind, source, callback), new)
            if known is not new:
                self.again(known, new)
            if isinstance(one, Picture):
                self.sightings[one.url, one.page_url, source] = edition

    def again(self, known: Request, new: Request) -> None:
        """A known request is named: `new` is what it would be if it were not known."""
        of_new = {name: getattr(new, name) for name in ("source", "edition", "meta", "once")}
        if new.kind == "page":
            if known.edition == new.edition:
                known.meta, known.once = new.meta, new.once
            elif known.state != "leased":
                known.queue(**of_new, etag="")
            return
        if known.edition == new.edition if known.source == new.source else self.present(known):
            return
        other = known.meta.get("version") != new.meta.get("version")
        wanted = new.meta.get("sha256")
        if not other and known.meta.get("sha256") != wanted:
            other = known.sha256 != wanted if wanted and known.sha256 else known.reason == "mismatch"
        if other and known.state != "leased":
            known.queue(**of_new, etag="", reason="" if known.reason == "gone" else known.reason)
        elif not other:
            known.source, known.edition, known.meta = new.source, new.edition, new.meta
            if known.reason == "gone" and known.sha256:
                known.state, known.reason = "done", ""
            elif known.reason == "gone":
                known.state, known.reason = "queued", ""

    def askable(self, host: str) -> list[Request]:
        return [one for one in self.model.values() if (one.state, one.host) == ("queued", host) and self.present(one)]
