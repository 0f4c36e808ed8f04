"""What the catalog says is read from a file while the catalog is the same, and from the catalog after every write."""

import os
import subprocess
import sys
import time
from contextlib import closing

import pytest

from benchmarks.support import simulated_data
from curate.rows import records
from scrapbag import catalog, labels
from scrapbag.labels import Label

SOON = 0.03  # seconds after which a write counts as settled in these tests: more than a tick of the kernel's clock

WRITES = {
    "an answer of a site": "update request set state = 'failed', reason = 'http_4xx' where id = 3",
    "as many bytes in place": "update request set fetched_at = '2027-01-02T03:04:05Z' where id = 3",
    "a page": """insert into sighting (url, page_url, source, title, licence)
                 select url, 'http://127.0.0.1/page', 'drawn', 'A quilt', 'CC0-1.0' from request where id = 3""",
    "a disputed licence": """insert into sighting (url, page_url, source, licence) select url, 'http://127.0.0.1/' || n,
                 'drawn', n from request, (select 'CC0-1.0' as n union select 'CC-BY-4.0') where id = 3""",
    "a picture that does not decode": "update picture set problem = 'undecodable' where id = 3",
    "a source that left the recipe": "update request set reason = 'gone', state = 'skipped' where id = 3",
    "an address less": "delete from request where id = 3",
    "a person's answer": """insert into label (sha256, answer, targets, purpose, at)
                            select sha256, 'no', '["quilt"]', 'teach', '' from picture where id = 3""",
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "SETTLED_S", SOON)
    made = simulated_data.dataset(tmp_path / "x", 20, pairs=False)
    time.sleep(2 * SOON)
    return made.data


def read(data):
    """The table, and whether the catalog was asked for it."""
    asked = []
    with closing(catalog.connect(data.catalog)) as connection:
        connection.set_trace_callback(lambda text: asked.append(catalog.RECORDS.strip() in text))
        return records.read(connection, data).table, any(asked)


def fresh(data):
    with closing(catalog.connect(data.catalog)) as connection:
        return [dict(zip(records.SCHEMA.names, row, strict=True)) for row in catalog.record_values(connection)]


def test_the_catalog_is_asked_once_while_nothing_is_written_to_it(data):
    first, asked = read(data)
    assert asked
    assert first.to_pylist() == fresh(data)
    for _ in range(2):
        again, asked = read(data)
        assert not asked
        assert again.to_pylist() == first.to_pylist()
        assert again.schema == records.SCHEMA


@pytest.mark.parametrize("open_", [False, True], ids=["checkpointed", "in the log"])
@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_after_any_write_the_file_is_not_used(data, statement, open_):
    read(data)
    with closing(catalog.connect(data.catalog)) as other:
        other.execute(statement)
        if not open_:
            other.close()
        time.sleep(2 * SOON)
        table, asked = read(data)
        assert asked
        assert table.to_pylist() == fresh(data)
        assert not read(data)[1]  # and then it is, also while another process has the catalog open


def test_a_review_answer_that_is_written_as_the_page_does_has_the_catalog_asked(data):
    read(data)
    with closing(labels.connect(data.catalog)) as connection:
        labels.add(connection, [Label("ab" * 32, "yes", ("quilt",), "teach", {}, labels.now())])
    time.sleep(2 * SOON)
    assert read(data)[1]


def test_what_was_written_just_now_is_asked_again_because_the_next_write_may_have_the_same_date(data, monkeypatch):
    monkeypatch.setattr(records, "SETTLED_S", 1000.0)
    assert read(data)[1]
    assert read(data)[1]
    monkeypatch.setattr(records, "SETTLED_S", SOON)
    assert read(data)[1]  # what was read without a stamp never counts
    assert not read(data)[1]


def test_a_write_while_the_catalog_is_read_leaves_the_file_with_another_stamp(data):
    with closing(catalog.connect(data.catalog)) as connection, closing(catalog.connect(data.catalog)) as other:
        once = [WRITES["an answer of a site"]]
        connection.set_trace_callback(lambda _: other.execute(once.pop()) if once else None)
        records.read(connection, data)
    time.sleep(2 * SOON)
    table, asked = read(data)
    assert asked
    assert table.to_pylist() == fresh(data)


def test_a_log_that_is_written_from_its_start_again_has_another_date_alone(data):
    with closing(catalog.connect(data.catalog)) as other:
        other.execute("update request set reason = 'one' where id = 3")
        other.execute("pragma wal_checkpoint(restart)")
        time.sleep(2 * SOON)
        read(data)
        log = data.catalog.with_name(f"{data.catalog.name}-wal")
        size = log.stat().st_size
        other.execute("update request set reason = 'two' where id = 3")
        assert log.stat().st_size == size
        time.sleep(2 * SOON)
        table, asked = read(data)
        assert asked
        assert table.to_pylist() == fresh(data)


def test_another_catalog_with_the_dates_of_this_one_is_another_catalog(data):
    read(data)
    before = data.catalog.stat()
    with closing(catalog.connect(data.catalog)) as connection:
        connection.execute(WRITES["as many bytes in place"])
    os.utime(data.catalog, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert data.catalog.stat().st_size == before.st_size
    time.sleep(2 * SOON)
    assert read(data)[1]


@pytest.mark.parametrize("how", ["half of it", "nothing", "something else", "another version"])
def test_a_file_that_is_damaged_or_of_another_version_is_made_again(data, how, monkeypatch):
    first = read(data)[0].to_pylist()  # objects: what is mapped goes with the file's bytes
    whole = data.addresses.read_bytes()
    if how == "another version":
        monkeypatch.setattr(records, "VERSION", records.VERSION + 1)
    else:
        data.addresses.write_bytes({"half of it": whole[: len(whole) // 2], "nothing": b""}.get(how, b"x" * 9000))
    again, asked = read(data)
    assert asked
    assert again.to_pylist() == first
    assert not read(data)[1]


def test_what_a_killed_run_left_is_removed(data):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    data.records.mkdir()
    (data.records / f".{data.addresses.name}.{ended.pid}.part").write_bytes(b"x")
    read(data)
    assert [path.name for path in data.records.iterdir()] == [data.addresses.name]


def test_a_table_that_is_in_use_stays_as_it_is_when_the_file_is_made_again(data):
    table, _ = read(data)
    before = table.to_pylist()
    with closing(catalog.connect(data.catalog)) as connection:
        connection.execute(WRITES["an address less"])
    read(data)
    assert table.to_pylist() == before
