"""What a process learnt by asking that is not in the catalog: for whoever asks after it, and for the last lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from scrapbag.reasons import FetchReason
    from spiders.engine.crawl import Crawl
    from spiders.engine.host import Rest
    from spiders.readers.tally import Tally


@dataclass
class Learnt:
    """Of one process, or of several together. Each host is one process's."""

    resting: dict[str, Rest] = field(default_factory=dict)  # by host: left alone beyond the end of the run
    stopped: dict[str, dict[str, FetchReason]] = field(default_factory=dict)  # hosts given up, as Turns has them
    private: set[str] = field(default_factory=set)  # hosts that were not asked because they are at private addresses
    tallies: dict[str, Tally] = field(default_factory=dict)  # by source

    @classmethod
    def of(cls, spider: Crawl) -> Self:
        """What a crawl that has ended leaves."""
        tallies = {name: reader.tally for name, reader in spider.readers.items()}
        return cls(spider.turns.resting, spider.turns.stopped, spider.private, tallies)

    def add(self, other: Learnt) -> None:
        """Take in what another process learnt."""
        self.resting |= other.resting
        self.private |= other.private
        for host, stops in other.stopped.items():
            self.stopped[host] = self.stopped.get(host, {}) | stops
        for name, tally in other.tallies.items():
            known = self.tallies.setdefault(name, tally)
            if known is not tally:
                known.add(tally)
