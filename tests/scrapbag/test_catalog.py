"""The ground under the stages: the catalog's file, atomic writes, locks and exit codes, with real processes."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from making import ROOT

from scrapbag.catalog import connect, records
from scrapbag.desk import facts
from scrapbag.disk import lock, write_bytes
from scrapbag.errors import DiskError, LockedError, MissingError, UsageError, exits
from scrapbag.layout import Data
from scrapbag.tables import passed_over
from scrapbag.tables.schema import VERSION


def test_a_catalog_is_made_once_and_opened_again(tmp_path: Path) -> None:
    connect(tmp_path / "catalog.db", create=True).close()
    connection = connect(tmp_path / "catalog.db")
    assert connection.execute("pragma journal_mode").fetchone()[0] == "wal"
    assert list(records(connection)) == []
    connection.close()


def test_a_catalog_that_is_missing_newer_or_none_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with pytest.raises(MissingError, match="make scrape"):
        connect(path)
    connect(path, create=True).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"pragma user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(UsageError, match="newer scrapbag"):
        connect(path)
    path.write_bytes(b"this is no database, only text that is long enough to look at" * 40)
    with pytest.raises(UsageError, match="not a catalog"):
        connect(path)


def _older(path: Path, script: str) -> Path:
    """A catalog from which `script` has taken what its version lacks."""
    connect(path, create=True).close()
    with sqlite3.connect(path) as older:
        older.executescript(script)
    older.close()
    return path


def test_a_catalog_of_version_2_gets_the_table_of_what_is_passed_over(tmp_path: Path) -> None:
    script = "drop view found; drop table passed_over; alter table source drop column round; pragma user_version = 2"
    with closing(connect(_older(tmp_path / "catalog.db", script))) as connection:
        passed_over.write(connection, "box", [("no_picture", "pdf", 2, "a.pdf")], 0, 0)
        assert connection.execute("select * from passed_over").fetchall() == [("box", "no_picture", "pdf", 2, "a.pdf")]


def test_a_catalog_of_version_3_gets_a_view_of_what_was_found_where(tmp_path: Path) -> None:
    path = _older(tmp_path / "catalog.db", "drop view found; pragma user_version = 3")
    with closing(connect(path)) as connection:
        picture = "insert into picture (sha256, extension, bytes, added_at) values ('ab', 'png', 9, '')"
        number = connection.execute(picture).lastrowid
        for url, sha256 in (("http://a/1.png", "ab"), ("http://a/2.png", None)):
            connection.execute(
                "insert into request (url, host, source, kind, state, sha256)"
                " values (?, 'a', 'shop', 'picture', 'done', ?)",
                (url, sha256),
            )
            connection.execute("insert into sighting (url, page_url, source) values (?, 'http://a/', 'shop')", (url,))
        found = connection.execute("select url, source, state, number, bytes from found order by url").fetchall()
    assert found == [("http://a/1.png", "shop", "done", number, 9), ("http://a/2.png", "shop", "done", None, None)]


def test_a_catalog_of_version_4_gets_the_index_that_status_counts_by(tmp_path: Path) -> None:
    path = _older(tmp_path / "catalog.db", "drop index request_counted; pragma user_version = 4")
    with closing(connect(path)) as connection:
        plan = connection.execute(f"explain query plan {facts.PICTURES}").fetchall()
    ((*_, step),) = plan  # one step: no temporary tree to sort by
    assert "INDEX request_counted" in step


@pytest.mark.parametrize("which", ["", " where problem = 'no_decoder'"])
def test_a_catalog_of_version_5_gets_the_index_that_pictures_are_counted_by(tmp_path: Path, which: str) -> None:
    path = _older(tmp_path / "catalog.db", "drop index picture_problem; pragma user_version = 5")
    with closing(connect(path)) as connection:
        ((*_, step),) = connection.execute(f"explain query plan select count(*) from picture{which}").fetchall()
    assert "COVERING INDEX picture_problem" in step  # a tenth of what the table or its other index would read


def test_a_write_is_whole_or_not_at_all_and_only_when_something_changed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.csv"
    assert write_bytes(path, b"one")
    before = path.stat().st_mtime_ns
    assert not write_bytes(path, b"one")
    assert path.stat().st_mtime_ns == before
    assert write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["b.csv"]


HOLD = """
import sys, time
from pathlib import Path
from scrapbag.disk import lock
with lock(Path(sys.argv[1]), "curate"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_of_the_same_stage_is_told_who_holds_it_and_a_killed_holder_lets_go(tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, data.root], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid}"), lock(data.root, "curate"):
            pass
        with lock(data.root, "scrape"):  # another stage does not wait
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    with lock(data.root, "curate"):
        pass


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UsageError("write this"), 2, "error: write this"),
        (MissingError("not there"), 69, "not there"),
        (LockedError("taken"), 75, "taken"),
        (DiskError("nfs"), 74, "nfs"),
        (OSError(errno.ENOSPC, "No space left on device", "x.csv"), 74, "cannot write x.csv"),
        (OSError(errno.EFBIG, "File too large"), 74, "cannot write a file: File too large; its disk, or a limit"),
        (OSError(errno.EMFILE, "Too many open files", "x.csv"), 74, "cannot open x.csv"),
        (PermissionError(errno.EACCES, "Permission denied", "x.csv"), 74, "cannot read or write x.csv"),
        (sqlite3.OperationalError("unable to open database file"), 74, "cannot write the catalog"),
        (sqlite3.OperationalError("database or disk is full"), 74, "cannot write the catalog"),
        (sqlite3.DatabaseError("database disk image is malformed"), 74, "the catalog is damaged"),
        (KeyboardInterrupt(), 130, "goes on from here"),
    ],
    ids=[
        "usage",
        "missing",
        "locked",
        "disk",
        "full",
        "large",
        "many",
        "closed",
        "closed catalog",
        "full catalog",
        "torn catalog",
        "stopped",
    ],
)
def test_an_error_is_a_sentence_and_its_exit_code(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, exits():
        raise error
    assert end.value.code == code
    assert words in capsys.readouterr().err


def test_an_error_that_nobody_foresaw_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), exits():
        raise ZeroDivisionError


@pytest.mark.parametrize(("stage", "library"), [("spiders scrape", "scrapy"), ("gan sample", "torch")])
def test_ctrl_c_while_a_stage_imports_its_library_is_a_sentence(stage: str, library: str, tmp_path: Path) -> None:
    """A library of that name that interrupts whoever imports it stands in for a key pressed in those seconds."""
    (tmp_path / f"{library}.py").write_text("raise KeyboardInterrupt")
    command = [sys.executable, "-m", *stage.split(), "--data" if library == "scrapy" else "--run", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "stopped; the same command goes on from here\n")
