"""The frontier against a model of it: any order of leases, answers, kills, edits of the recipe and leaps of the clock.

Each step is made on a real SQLite file and on the model, and then all rows are compared. The model is what the frontier
does today: what was found for a source that is renamed or taken out stays queued under its old name, for nobody.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scrapbag.catalog import connect
from scrapbag.crawl.frontier import Answer, Frontier, Page, Picture, Stored
from scrapbag.crawl.states import TRANSITIONS

SOURCES = ("one", "two", "three")
STEPS = {(before, one.after) for one in TRANSITIONS.values() for before in one.before}

hosts = st.sampled_from(["a.example", "b.example:81"])
pages = st.builds(
    Page,
    url=st.builds("https://{}/{}".format, hosts, st.integers(0, 2)),
    callback=st.sampled_from(["parse", "item"]),
    once=st.booleans(),
)
pictures = st.builds(
    Picture,
    url=st.builds("https://{}/{}.jpg".format, hosts, st.integers(0, 2)),
    page_url=st.builds("https://{}/{}".format, hosts, st.integers(0, 2)),
)
finds = st.lists(pages | pictures, max_size=4)
reasons = st.sampled_from(["timeout", "http_4xx", "challenge"])
sources = st.sampled_from(SOURCES)
which = st.integers(0, 10**6)


def key(url, kind, source, callback):
    """A page is asked for once for each source and callback, a picture once over all."""
    return (url, kind, source, callback) if kind == "page" else (url, kind)


@dataclass
class Request:
    """A row of the table as it should be."""

    host: str
    source: str
    kind: str
    once: bool
    state: str = "queued"
    reason: str = ""
    attempts: int = 0
    not_before: float = 0.0
    etag: str = ""
    sha256: str | None = None

    def anew(self):
        self.state, self.reason, self.attempts, self.not_before = "queued", "", 0, 0.0

    def settle(self, state, reason="", etag="", sha256=None):
        self.state, self.reason, self.etag, self.sha256 = state, reason, etag, sha256


class Crawls(RuleBasedStateMachine):
    """One catalog over several runs. `self.leases` are those that the run of the moment holds."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.copies = 0
        self.folder = self.root / "0"
        self.now = 1_800_000_000.0
        self.model = {}  # what is asked -> Request, in the order of finding
        self.sightings = set()
        self.sha256s = set()
        self.paused = {}
        self.recipes = dict.fromkeys(SOURCES, "recipe 0")
        self.known = {}  # a source's recipe as the catalog last read it
        self.run(SOURCES, retry=False, fresh=False)
        self.states = {}
        self.add([Page(f"https://{host}/0") for host in ("a.example", "b.example:81")], 0)

    def run(self, names, *, retry, fresh):
        """Begin a run of the sources `names` on the catalog that lies in `self.folder`."""
        self.db = connect(self.folder / "catalog.db", create=True)
        self.db.execute("pragma synchronous = off")  # no power fails here
        self.names, self.leases = set(names), []
        self.frontier = Frontier(self.db, names, lambda: self.now)
        self.frontier.begin({name: self.recipes[name] for name in names}, retry=retry, fresh=fresh)
        assert self.rows("select count(*) from request where state = 'leased'") == [(0,)]
        ours = [one for one in self.model.values() if one.source in self.names]
        for one in self.model.values():
            one.state = "queued" if one.state == "leased" else one.state
        new_round = not retry and all(one.state != "queued" for one in ours)
        for one in ours:
            page = one.kind == "page"
            edited = self.known.get(one.source) not in (None, self.recipes[one.source])
            if page and (fresh or edited):
                one.anew()
                one.etag = ""
            elif (one.state == "failed" and retry) or (page and one.state == "done" and not one.once and new_round):
                one.anew()
        self.known |= {name: self.recipes[name] for name in names}
        self.paused = {host: until for host, until in self.paused.items() if until > self.now}

    def rows(self, query, *values):
        return self.db.execute(query, values).fetchall()

    def found(self, source, found):
        """Add to the model what is new of `found`."""
        for one in found:
            kind = "picture" if isinstance(one, Picture) else "page"
            callback, once = (one.callback, one.once) if kind == "page" else ("", False)
            request = Request(one.url.split("/")[2], source, kind, once)
            self.model.setdefault(key(one.url, kind, source, callback), request)
            if kind == "picture":
                self.sightings.add((one.url, one.page_url))

    def take(self, number, kind=None):
        """A lease of the run, which ends with it, and its request."""
        mine = [lease for lease in self.leases if kind in (None, lease.kind)]
        lease = mine[number % len(mine)]
        self.leases.remove(lease)
        return lease, self.request(lease)

    def request(self, lease):
        return self.model[key(lease.url, lease.kind, lease.source, lease.callback)]

    def holds(self, kind=None):
        return any(kind in (None, lease.kind) for lease in self.leases)

    @rule(found=finds, number=which)
    def add(self, found, number):
        source = sorted(self.names)[number % len(self.names)]
        self.frontier.add(source, found)
        self.found(source, found)

    @rule(host=hosts, count=st.integers(1, 4), pictures=st.booleans())
    def lease(self, host, count, pictures):
        due = [
            one
            for one in self.model.values()
            if (one.state, one.host) == ("queued", host)
            and one.not_before <= self.now
            and (pictures or one.kind == "page")
            and one.source in self.names
        ][:count]
        leases = self.frontier.lease(host, count, pictures=pictures)
        assert [self.request(lease) for lease in leases] == due
        for one, lease in zip(due, leases, strict=True):
            one.state, one.attempts = "leased", one.attempts + 1
            assert (lease.attempts, lease.etag) == (one.attempts, one.etag)
        assert not {lease.id for lease in leases} & {lease.id for lease in self.leases}
        self.leases += leases

    @rule(host=hosts)
    def lease_all(self, host):
        self.lease(host, 99, pictures=True)

    @precondition(lambda self: self.holds("page"))
    @rule(number=which, found=finds, etag=st.sampled_from(["", "x"]))
    def page_done(self, number, found, etag):
        lease, request = self.take(number, "page")
        self.frontier.page_done(lease, found, Answer(200, etag))
        self.found(lease.source, found)
        request.settle("done", etag=etag)

    @precondition(lambda self: self.holds("page"))
    @rule(number=which)
    def unchanged(self, number):
        lease, request = self.take(number, "page")
        self.frontier.unchanged(lease)
        request.settle("done", etag=lease.etag)

    @precondition(lambda self: self.holds("picture"))
    @rule(number=which, sha256=st.sampled_from("ab"))
    def picture_done(self, number, sha256):
        lease, request = self.take(number, "picture")
        self.frontier.picture_done(lease, Stored(sha256, "jpg", 100, 10, 10), Answer(200))
        self.sha256s.add(sha256)
        request.settle("done", sha256=sha256)

    @precondition(lambda self: self.holds())
    @rule(number=which, reason=reasons, skipped=st.booleans())
    def lost(self, number, reason, skipped):
        lease, request = self.take(number)
        self.frontier.lost(lease, reason, Answer(404), skipped=skipped)
        request.settle("skipped" if skipped else "failed", reason)

    @precondition(lambda self: self.holds())
    @rule(number=which, seconds=st.integers(0, 100), counts=st.booleans())
    def later(self, number, seconds, counts):
        lease, request = self.take(number)
        self.frontier.later(lease, self.now + seconds, counts=counts)
        request.state, request.not_before = "queued", self.now + seconds
        request.attempts -= not counts

    @rule(host=hosts, seconds=st.integers(-10, 10_000))
    def pause(self, host, seconds):
        self.frontier.pause(host, self.now + seconds)
        self.paused[host] = self.now + seconds

    @rule(host=hosts, reason=reasons)
    def stop(self, host, reason):
        stopped = [
            one for one in self.model.values() if (one.state, one.host) == ("queued", host) and one.source in self.names
        ]
        assert self.frontier.stop(host, reason) == len(stopped)
        for one in stopped:
            one.state, one.reason = "failed", reason

    @rule(seconds=st.integers(-10_000_000, 10_000_000))
    def clock(self, seconds):
        self.now += seconds

    @rule(source=sources, number=st.integers(0, 3))
    def edit(self, source, number):
        """The user edits a source; the next run reads it."""
        self.recipes[source] = f"recipe {number}"

    @rule(names=st.lists(sources, min_size=1, unique=True), retry=st.booleans(), fresh=st.booleans())
    def next_run(self, names, retry, fresh):
        """The run ends, or is killed between two transactions; the next one may have other sources."""
        self.db.close()
        self.run(names, retry=retry, fresh=fresh)

    @rule(number=which, new=sources)
    def rename(self, number, new):
        """The user gives a source another name, perhaps one that was used before; the next run reads it."""
        old = sorted(self.names)[number % len(self.names)]
        names = sorted(self.names - {old} | {new})
        self.recipes[new] = self.recipes[old]
        self.db.close()
        self.run(names, retry=False, fresh=False)

    @precondition(lambda self: self.holds("page"))
    @rule(number=which, found=finds)
    def kill_while_a_page_is_written(self, number, found):
        """The disk as it is just before the commit is all that the next run has."""
        lease, _ = self.take(number, "page")
        self.copies += 1
        copy = self.root / str(self.copies)

        def kill(statement):
            if statement == "commit":
                shutil.copytree(self.folder, copy, ignore=shutil.ignore_patterns("*-shm"))

        self.db.set_trace_callback(kill)
        self.frontier.page_done(lease, found, Answer(200))
        self.db.close()
        self.folder = copy
        self.run(sorted(self.names), retry=False, fresh=False)

    @invariant()
    def every_request_is_there_once_and_as_it_should_be(self):
        rows = self.rows(
            """select url, kind, source, callback, host, once, state, reason, attempts, not_before, etag, sha256
               from request order by id"""
        )
        assert [key(*row[:4]) for row in rows] == list(self.model)
        for row, one in zip(rows, self.model.values(), strict=True):
            _, kind, source, _, host, once, *rest = row
            assert Request(host, source, kind, bool(once), *rest) == one
            assert one.attempts >= 0
            assert bool(one.reason) == (one.state in ("failed", "skipped"))

    @invariant()
    def states_change_by_the_table_alone(self):
        now = dict(self.rows("select id, state from request"))
        changes = {(before, now[id_]) for id_, before in self.states.items()}
        assert {(before, after) for before, after in changes if before != after} <= STEPS
        self.states = now

    @invariant()
    def a_picture_is_there_once_by_its_bytes(self):
        sha256s = [sha256 for (sha256,) in self.rows("select sha256 from picture")]
        assert sorted(sha256s) == sorted(self.sha256s)
        assert self.frontier.pictures == len(sha256s)
        assert set(self.rows("select url, page_url from sighting")) == self.sightings

    @invariant()
    def what_is_queued_is_announced_with_its_hosts_pause(self):
        queued = {one.host for one in self.model.values() if one.state == "queued"}
        assert self.frontier.hosts() == {host: self.paused.get(host, 0) for host in queued}
        for host in queued:
            times = [
                one.not_before
                for one in self.model.values()
                if (one.state, one.host) == ("queued", host) and one.source in self.names
            ]
            assert self.frontier.next_try(host) == min(times, default=None)

    @invariant()
    def what_the_run_holds_is_leased_and_nothing_else_is(self):
        leased = [id_ for (id_,) in self.rows("select id from request where state = 'leased' order by id")]
        assert leased == sorted(lease.id for lease in self.leases)

    def teardown(self):
        self.db.close()
        shutil.rmtree(self.root)


TestCrawls = Crawls.TestCase
TestCrawls.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
