"""The frontier against a model of it: any order of leases, answers, kills, edits of the recipe and leaps of the clock.

Each step is made on a real SQLite file and on the model, and then all rows are compared. A source is edited, renamed,
taken out and put back; a list names other pictures than before; RETRY and FRESH come at any moment.
"""

import json
import shutil
import tempfile
from pathlib import Path

from crawl_model import CrawlModel, Request, key
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scrapbag.catalog import connect, records
from scrapbag.crawl.frontier import Answer, Frontier, Page, Picture, Stored
from scrapbag.crawl.rounds import CUTS
from scrapbag.crawl.states import TRANSITIONS

SOURCES = ("one", "two", "three")
STEPS = {(before, one.after) for one in TRANSITIONS.values() for before in one.before}

hosts = st.sampled_from(["a.example", "b.example:81"])
pages = st.builds(
    Page,
    url=st.builds("https://{}/{}".format, hosts, st.integers(0, 2)),
    callback=st.sampled_from(["parse", "item"]),
    meta=st.sampled_from([{}, {"rating": 4.5}]),
    browser=st.booleans(),
    once=st.booleans(),
)
pictures = st.builds(
    Picture,
    url=st.builds("https://{}/{}.jpg".format, hosts, st.integers(0, 2)),
    page_url=st.builds("https://{}/{}".format, hosts, st.integers(0, 2)),
    sha256=st.sampled_from(["", "a", "b"]),
    version=st.sampled_from(["", "1", "2"]),
)
finds = st.lists(pages | pictures, max_size=4)
reasons = st.sampled_from(["timeout", "http_4xx", "challenge", "mismatch"])
sources = st.sampled_from(SOURCES)
which = st.integers(0, 10**6)


class Crawls(CrawlModel, RuleBasedStateMachine):
    """One catalog over several runs. `self.leases` are those that the run of the moment holds."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.copies = 0
        self.folder = self.root / "0"
        self.now = 1_800_000_000.0
        self.empty()
        self.recipes = dict.fromkeys(SOURCES, "recipe 0")
        self.run(SOURCES, retry=False, fresh=False)
        self.states = {}
        self.add([Page(f"https://{host}/0") for host in ("a.example", "b.example:81")], 0)

    def run(self, names, *, retry, fresh, others=()):
        """Begin a run of the sources `names` of a recipe with `others` besides, on the catalog in `self.folder`."""
        self.db = connect(self.folder / "catalog.db", create=True)
        self.db.execute("pragma synchronous = off")  # no power fails here
        self.names, self.leases = set(names), []
        self.frontier = Frontier(self.db, names, lambda: self.now)
        recipe = {name: self.recipes[name] for name in SOURCES if name in {*names, *others}}
        self.frontier.begin(recipe, retry=retry, fresh=fresh, lost_files=self.lost_files)
        assert self.rows("select count(*) from request where state = 'leased'") == [(0,)]
        self.begin(recipe, retry=retry, fresh=fresh)

    def rows(self, query, *values):
        return self.db.execute(query, values).fetchall()

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

    @rule(host=hosts, count=st.integers(1, 4), pictures=st.booleans(), first=st.booleans())
    def lease(self, host, count, pictures, first=False):
        due = [
            one
            for one in self.askable(host)
            if self.kept(one.not_before) <= self.now and (pictures or one.kind == "page")
        ]
        suspects = [one for one in due if one.cuts >= CUTS]
        if first:
            due.sort(key=lambda one: one.kind != "picture")
        due = [one for one in due if one.cuts < CUTS][:count]
        if not due and self.suspicious and not self.leases:
            due = sorted(suspects, key=lambda one: one.cuts)[:1]
        leases = self.frontier.lease(host, count, pictures=pictures, pictures_first=first)
        assert [self.request(lease) for lease in leases] == due
        for one, lease in zip(due, leases, strict=True):
            one.state = "leased"
            assert (lease.attempts, lease.etag) == (one.attempts + 1, one.etag)
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
        request.settle("done", lease.attempts, etag=etag)

    @precondition(lambda self: any(lease.etag for lease in self.leases))
    @rule(number=which)
    def unchanged(self, number):
        """A server answers so only where it was asked whether something has changed."""
        others = [lease for lease in self.leases if not lease.etag]
        self.leases = [lease for lease in self.leases if lease.etag]
        lease, request = self.take(number)
        self.leases += others
        self.frontier.unchanged(lease)
        request.settle("done", lease.attempts, etag=lease.etag)

    @precondition(lambda self: self.holds("picture"))
    @rule(number=which, sha256=st.sampled_from("abc"), etag=st.sampled_from(["", "x"]), problem=st.booleans())
    def picture_done(self, number, sha256, etag, problem):
        lease, request = self.take(number, "picture")
        said = "not_image" if problem else ""
        self.frontier.picture_done(lease, Stored(sha256, "jpg", 100, 10, 10, said), Answer(200, etag))
        self.problems.setdefault(sha256, said)
        self.lost_files.discard(sha256)
        request.settle("done", lease.attempts, etag=etag, sha256=sha256)

    @rule(sha256=st.sampled_from("abc"))
    def lose_a_file(self, sha256):
        """Somebody deletes a picture's file; RETRY=failed and FRESH=1 see that."""
        self.lost_files.add(sha256)

    @precondition(lambda self: self.holds())
    @rule(number=which, reason=reasons, skipped=st.booleans(), passing=st.booleans())
    def lost(self, number, reason, skipped, passing):
        lease, request = self.take(number)
        self.frontier.lost(lease, reason, Answer(404), skipped=skipped, passing=passing)
        values = {} if passing else {"etag": "", "sha256": None}
        request.settle("skipped" if skipped else "failed", lease.attempts, reason, **values)
        request.absent = True

    @precondition(lambda self: self.holds())
    @rule(number=which, seconds=st.integers(0, 100), counts=st.booleans())
    def later(self, number, seconds, counts):
        lease, request = self.take(number)
        self.frontier.later(lease, self.now + seconds, counts=counts)
        request.state, request.not_before, request.cuts = "queued", self.now + seconds, 0
        request.attempts += counts

    @rule(host=hosts, seconds=st.integers(-10, 10_000))
    def pause(self, host, seconds):
        self.frontier.pause(host, self.now + seconds)
        self.paused[host] = self.now + seconds

    @rule(host=hosts, reason=reasons, source=st.sampled_from(["", *SOURCES]))
    def stop(self, host, reason, source):
        stopped = [one for one in self.askable(host) if source in ("", one.source)]
        assert self.frontier.stop(host, reason, source) == len(stopped)
        for one in stopped:
            one.settle("failed", one.attempts, reason)

    @rule(number=which, found=finds, complete=st.booleans())
    def list_again(self, number, found, complete):
        """A source that is one list names all that it has, perhaps not to its end."""
        source = sorted(self.names)[number % len(self.names)]
        self.frontier.relist(source)
        self.sources[source].edition += 1
        self.frontier.add(source, found)
        self.found(source, found)
        if complete:
            self.conclude(number)

    @rule(number=which)
    def conclude(self, number):
        """What a source no longer names is gone, if all its pages are read."""
        name = sorted(self.names)[number % len(self.names)]
        self.frontier.concluded(name)
        source = self.sources[name]
        unread = [
            one
            for one in self.model.values()
            if (one.kind, one.source, one.edition) == ("page", name, source.edition)
            and (one.state in ("queued", "leased") or (one.state == "failed" and not one.absent))
        ]
        if not unread and source.since < source.edition:
            source.since = source.edition
            self.give()

    @rule(seconds=st.integers(-10_000_000, 10_000_000))
    def clock(self, seconds):
        self.now += seconds

    @rule(source=sources, number=st.integers(0, 3))
    def edit(self, source, number):
        """The user edits a source; the next run reads it."""
        self.recipes[source] = f"recipe {number}"

    @rule(
        names=st.lists(sources, min_size=1, unique=True),
        others=st.lists(sources, unique=True),
        retry=st.booleans(),
        fresh=st.booleans(),
    )
    def next_run(self, names, others, retry, fresh):
        """The run is killed between two transactions; the next one may have other sources, and ask some of them."""
        self.db.close()
        self.run(names, retry=retry, fresh=fresh, others=others)

    @rule()
    def end_in_order(self):
        """What has no answer is put back, so that no request is to blame; then comes the next run."""
        for lease in self.leases:
            self.frontier.later(lease, 0.0, counts=False)
            self.request(lease).queue(attempts=self.request(lease).attempts)
        self.db.close()
        self.run(sorted(self.names), retry=False, fresh=False)

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
            """select url, kind, source, callback, host, meta, once, edition, state, reason, settled, attempts, cuts,
                      not_before, etag, sha256 from request order by id"""
        )
        assert [key(*row[:2], *row[2:4]) for row in rows] == [
            key(*known[:2], *(known[2:] or (one.source, ""))) for known, one in self.model.items()
        ]
        for row, one in zip(rows, self.model.values(), strict=True):
            _, kind, source, _, host, meta, once, *rest = row
            assert Request(host, source, kind, json.loads(meta), bool(once), *rest) == one
            assert one.attempts >= 0
            assert bool(one.reason) or one.state not in ("failed", "skipped")

    @invariant()
    def a_row_keeps_its_last_answer_and_what_is_gone_has_no_picture(self):
        exported = {record.url: record for record in records(self.db)}
        for (url, kind, *_), one in self.model.items():
            if kind == "page" or not (one.settled or one.attempts or (one.state, one.reason) == ("skipped", "")):
                continue
            record = exported.pop(url)
            state = one.settled if one.state in ("queued", "leased") and one.settled else one.state
            sha256 = "" if one.reason == "gone" else one.sha256 or ""
            assert (record.state, record.fetch_reason, record.sha256) == (state, one.reason, sha256)
            assert (one.reason == "gone") <= (not self.named(url))
        assert not exported

    @invariant()
    def states_change_by_the_table_alone(self):
        now = dict(self.rows("select id, state from request"))
        changes = {(before, now[id_]) for id_, before in self.states.items()}
        assert {(before, after) for before, after in changes if before != after} <= STEPS
        self.states = now

    @invariant()
    def a_picture_is_there_once_by_its_bytes(self):
        problems = dict(self.rows("select sha256, problem from picture"))
        assert problems == self.problems
        assert self.frontier.pictures == len(problems)
        seen = {row[:3]: row[3] for row in self.rows("select url, page_url, source, edition from sighting order by id")}
        assert list(seen.items()) == list(self.sightings.items())

    @invariant()
    def what_is_queued_is_announced_with_its_hosts_pause(self):
        for host in ("a.example", "b.example:81"):
            queued = self.askable(host)
            pause = {host: self.kept(self.paused.get(host, 0))} if queued else {}
            assert {name: at for name, at in self.frontier.hosts().items() if name == host} == pause
            times = [self.kept(one.not_before) for one in queued if one.cuts < CUTS]
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
