"""The table of transitions, and that the frontier keeps to it."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scrapbag.crawl import due, frontier, naming, private, rounds
from scrapbag.crawl.states import STATES, TRANSITIONS, diagram, move, table
from scrapbag.tables.schema import SCHEMA

ROOT = Path(__file__).parents[3]


@pytest.fixture
def requests():
    """A catalog with one request in each state, whose url is the state."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        db.executemany(
            "insert into request (url, host, source, kind, state) values (?, '', '', 'page', ?)",
            [(state, state) for state in STATES],
        )
        yield db


@pytest.mark.parametrize("event", TRANSITIONS)
def test_an_event_moves_a_request_only_from_the_states_of_its_row(requests, event):
    if not TRANSITIONS[event].before:
        assert requests.execute(
            "select dflt_value from pragma_table_info('request') where name = 'state'"
        ).fetchone() == (repr(TRANSITIONS[event].after),)
        return
    requests.execute(move(event, "attempts = 7", where="true"))
    for url, state, attempts in requests.execute("select url, state, attempts from request"):
        moved = url in TRANSITIONS[event].before
        assert (state, attempts) == ((TRANSITIONS[event].after, 7) if moved else (url, 0))


def test_the_frontier_writes_a_state_by_an_event_of_the_table_and_in_no_other_way():
    modules = (due, frontier, naming, private, rounds)
    text = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in modules)
    assert not re.search(r"update\s+request|set\s+state|insert or replace into request", text)
    named = {*re.findall(r"""(?:move|_settle)\(\s*"(\w+)\"""", text), *re.findall(r'"(?:skip|lost|back)"', text)}
    assert {name.strip('"') for name in named} == TRANSITIONS.keys() - {"add"}


def test_every_state_is_reached_and_left_or_is_an_end():
    after = {one.after for one in TRANSITIONS.values()}
    before = {state for one in TRANSITIONS.values() for state in one.before}
    assert after == set(STATES)
    assert before == set(STATES)


def test_the_table_has_a_row_for_every_event_and_the_diagram_an_arrow_for_every_pair():
    rows = table().splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(TRANSITIONS)
    assert "| add | (new) | queued |" in table()
    pairs = {(before, one.after) for one in TRANSITIONS.values() for before in one.before or ("[*]",)}
    arrows = re.findall(r"^    (\S+) --> (\w+): ", diagram(), re.MULTILINE)
    assert sorted(arrows) == sorted(pairs)
    assert diagram().startswith("stateDiagram-v2\n")
    assert "    leased --> done: page_done, unchanged, picture_done\n" in diagram()
