"""Datasets in a bucket and in a folder: against moto's S3 server, with faults on the way, by real processes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from urllib.request import Request, urlopen

import pytest
from buckets import Proxy, s3
from making import ROOT
from PIL import Image
from report_rows import row

from curate.rows import square_name
from curate.squares import tables
from scrapbag.catalog import connect
from scrapbag.disk import lock
from scrapbag.errors import DiskError, LockedError, MissingError, UsageError
from scrapbag.layout import Data
from scrapbag.recipe import Curate
from scrapbag.storage import address, index, state
from scrapbag.storage.bucket import CHUNK, Patience
from scrapbag.storage.pull import pull
from scrapbag.storage.push import push

HASTY = Patience(request_s=1.5, connect_s=1.0, tries=2, pause_s=0.05)
ADD = "insert into picture (sha256, extension, bytes, added_at) values (?, 'jpg', ?, '')"
ASK = "insert into request (url, host, source, kind, state, settled, sha256) values (?, 'h', 'shop', 'picture', 'done', 'done', ?)"  # noqa: E501
ANSWER = "insert into label (sha256, answer, targets, purpose, at) values (?, 'yes', '[\"quilt\"]', 'certify', 'now')"


@pytest.fixture(scope="module")
def server():
    with s3() as there:
        yield there


@pytest.fixture
def bucket(server, monkeypatch):
    """Its name; the environment has what leads there."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server.bucket()


@pytest.fixture(params=["folder", "bucket"])
def url(request, tmp_path):
    if request.param == "folder":
        return str(tmp_path / "disk")
    return f"s3://{request.getfixturevalue('bucket')}/a/quilts"


def add(data, count, seed=0, size=3000):
    """Pictures that came, of random bytes."""
    rng = random.Random(seed)
    with closing(connect(data.catalog, create=True)) as connection:
        for number in range(count):
            content = rng.randbytes(size)
            sha256 = hashlib.sha256(content).hexdigest()
            path = data.image(sha256, "jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            connection.execute(ADD, (sha256, size))
            connection.execute(ASK, (f"https://h/{seed}/{number}", sha256))


def execute(data, sql, *values):
    with closing(connect(data.catalog)) as connection:
        return connection.execute(sql, values).fetchall()


@pytest.fixture
def data(tmp_path):
    """A dataset as its stages leave it, but for what is in the files of scores."""
    data = Data(tmp_path / "here" / "quilts")
    add(data, 12)
    write(data, "0123/shard-00000.safetensors", b"scores" * 1000)
    write(data, "0123/model.json", b"{}")
    write(data, "index.json", b'{"key": "0123"}')
    write(data, "0123/shard-00001.safetensors.broken", b"not sent")
    data.curated.mkdir()
    for number in (3, 17):
        Image.new("RGB", (32, 32), (number, 80, 160)).save(data.curated / square_name(number))
    tables.write(data.curated, [row(number=3, title="=1+1"), row(number=17, rating=None)], Curate(size=32), "demo")
    for path, content in {
        data.report_csv: "kept\n", data.labels_csv: "sha256\n", data.settings_of("curate"): "[curate]\n",
        data.settings_of("scrape"): "paths of this computer", data.call: "recipe = '/home/me'",
        data.stamps / "curate": "", data.card: "# card\n",
    }.items():  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    os.utime(data.stamps / "curate", ns=(10**18 + 7, 10**18 + 7))
    return data


def write(data, name, content):
    path = data.scored / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def sent(data, url, **options):
    return push(data, "quilts", address.opened(url, HASTY), **options)[0]


def brought(data, url):
    return pull(data, "quilts", address.opened(url, HASTY))[0]


def content(data):
    """Every file that goes, with its bytes and, of the others, its date."""
    files = {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in state.files(data).items()}
    rows = [execute(data, f"select * from {table} order by 1") for table in ("picture", "request", "label", "sighting")]
    return files, rows, {path.name: path.read_bytes() for path in data.images.rglob("*") if path.is_file()}


def whole(objects):
    """Whether every object has the bytes that its name says."""
    named = {name: body for name, body in objects.items() if "/objects/" in f"/{name}"}
    return named and all(hashlib.sha256(body).hexdigest() == name.rpartition("/")[2] for name, body in named.items())


def command(word, data, url, *words, **environ):
    line = [sys.executable, "-m", "scrapbag.storage", word, "--data", data.root, "--run", data.root.parent / "run"]
    line += ["--recipe", "quilts.toml", "--store", url, *words]
    return subprocess.Popen(
        line, cwd=ROOT, env=os.environ | environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def said(process):
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def test_a_dataset_comes_out_on_another_machine_as_it_went_in(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    went = sent(data, url)
    assert (went.objects, went.there) == (12 + len(state.files(data)) + 1, 0), "and the catalog"
    brought(other, url)
    assert content(other) == content(data)
    assert other.squares.is_dir(), "without it Make takes the squares for lost"
    assert not list(other.root.rglob("*.broken"))
    assert not other.settings_of("scrape").exists()
    assert not other.call.exists()
    assert not data.moving.exists()
    again = sent(data, url)
    assert (again.objects, again.bytes, again.there) == (0, 0, went.objects)
    assert brought(other, url).objects == 0
    assert sent(other, url).objects <= 1, "at most its own image of the catalog"


def test_only_what_is_new_is_sent_and_brought(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    add(data, 2, seed=1)
    data.report_csv.write_text("kept, more\n")
    (data.curated / square_name(17)).unlink()
    new = sent(data, url)
    assert new.objects == 2 + 1 + 1, "two pictures, the report, the catalog"
    came = brought(other, url)
    assert (came.objects, came.bytes) == (3, 2 * 3000 + 11)
    assert content(other) == content(data), "a square that went is gone there, too"


def test_a_listing_that_lags_changes_nothing_because_none_is_asked_for(data, server, bucket, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    server.asked.clear()
    url = f"s3://{bucket}/quilts"
    sent(data, url)
    add(data, 1, seed=1)
    sent(data, url)
    brought(other, url)
    assert content(other) == content(data)
    assert server.asked["PUT"] > 12
    assert server.asked["LIST"] == 0


def test_the_state_before_stays_whole_for_who_reads_it_and_goes_with_the_push_after_next(data, server, bucket):
    url = f"s3://{bucket}/quilts"

    def reports():
        return sum(body.startswith(b"kept") for body in server.objects(bucket).values())

    sent(data, url)
    counts = []
    for number in range(3):
        data.report_csv.write_text(f"kept {number}\n")
        sent(data, url)
        counts.append(reports())
    assert counts == [2, 2, 2]
    assert whole(server.objects(bucket))


@pytest.mark.parametrize("word", ["push", "pull"])
def test_a_command_that_is_killed_goes_on_where_it_was(word, data, server, bucket, tmp_path):
    url, other = f"s3://{bucket}/quilts", Data(tmp_path / "there" / "quilts")
    add(data, 40, seed=2)
    if word == "pull":
        sent(data, url)
    method = {"push": "PUT", "pull": "GET"}[word]
    moved = threading.Semaphore(0)

    def slowly(asked, path):
        if asked == method and "/objects/" in path:
            moved.release()
            time.sleep(0.05)

    server.before = slowly
    try:
        process = command(word, data if word == "push" else other, url)
        for _ in range(20):
            assert moved.acquire(timeout=60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    finally:
        server.before = lambda *_: None
    if word == "push":
        assert not any(name.endswith("index.json") for name in server.objects(bucket)), "it is written last"
        assert whole(server.objects(bucket))
        with pytest.raises(MissingError, match="make push"):
            brought(other, url)
        assert sent(data, url).there >= 16, "what was sent is not sent again"
    else:
        assert not other.catalog.exists(), "it comes last"
    came = brought(other, url)
    assert word == "push" or came.there >= 12
    assert content(other) == content(data)


def test_a_connection_that_is_cut_is_tried_again(data, server, bucket, monkeypatch, tmp_path):
    add(data, 1, seed=3, size=CHUNK + 70_000)  # goes in two parts
    with Proxy(server.port, after=50_000, times=3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        sent(data, f"s3://{bucket}/quilts")
        assert proxy.faults == 3
    assert whole(server.objects(bucket))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    other = Data(tmp_path / "there" / "quilts")
    brought(other, f"s3://{bucket}/quilts")
    assert content(other) == content(data)


@pytest.mark.parametrize(("stall", "words"), [(False, "nothing answers at"), (True, "no answer at")])
def test_a_line_that_never_holds_is_one_sentence_and_leaves_no_half_an_object(
    stall, words, data, server, bucket, monkeypatch
):
    big = CHUNK + 70_000
    add(data, 1, seed=4, size=big)
    with Proxy(server.port, after=50_000, times=99, stall=stall) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        began = time.monotonic()
        with pytest.raises(MissingError, match=f"{words} http://127.0.0.1:{proxy.port}.*goes on from here"):
            sent(data, f"s3://{bucket}/quilts")
        assert time.monotonic() - began < 30
    objects = server.objects(bucket)
    assert "quilts/index.json" not in objects
    assert all(len(body) < big for body in objects.values())
    assert not objects or whole(objects)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    sent(data, f"s3://{bucket}/quilts")
    assert whole(server.objects(bucket))
    assert big in map(len, server.objects(bucket).values())


def test_ctrl_c_does_not_wait_for_a_server_that_gives_no_answer(data, server, bucket):
    with Proxy(server.port, after=2000, times=99, stall=True) as proxy:
        there = f"http://127.0.0.1:{proxy.port}"
        process = command("push", data, f"s3://{bucket}/quilts", AWS_ENDPOINT_URL=there)
        patience = time.monotonic() + 60
        while not proxy.faults:
            assert time.monotonic() < patience
            time.sleep(0.01)
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, out = said(process)
    assert (code, out) == (130, "stopped; the same command goes on from here\n")
    assert time.monotonic() - pressed < 20, "a request may take 60"
    sent(data, f"s3://{bucket}/quilts")
    assert whole(server.objects(bucket))


def test_what_cannot_be_reached_is_one_sentence_with_its_code(data, server, bucket, monkeypatch, tmp_path):
    def fails(kind, words, url=f"s3://{bucket}/quilts", **environ):
        with monkeypatch.context() as changed:
            for name, value in environ.items():
                changed.setenv(name, value) if value else changed.delenv(name)
            with pytest.raises(kind, match=words) as found:
                sent(data, url)
        assert "wJalr" not in str(found.value)
        assert "\n" not in str(found.value)

    fails(MissingError, "there is no bucket nowhere; make it first", url="s3://nowhere/quilts")
    fails(MissingError, "nothing answers at http://127.0.0.1:9", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    fails(UsageError, "export AWS_ALLOW_HTTP=true if that is meant", AWS_ALLOW_HTTP="")
    fails(UsageError, "keys are read from the environment alone$", url="s3://AKID:wJalr@bucket/x")
    fails(UsageError, "STORE is 'ftp://x/y'; write s3://", url="ftp://x/y")
    fails(UsageError, "STORE is 's3:///x'", url="s3:///x")
    fails(UsageError, "there is no STORE", url="")
    fails(UsageError, "cannot open az://b/x; export AZURE", url="az://b/x")
    fails(MissingError, "there is no folder .*/no; see that its disk is mounted", url=str(tmp_path / "no" / "where"))
    server.put(bucket, "bags/index.json", b'{"format": 1, "name": "bags", "catalog": [1, "%s", 0], "files": {}, '
               b'"dropped": [], "absent": [], "at": ""}' % (b"0" * 64))  # fmt: skip
    fails(UsageError, "has the dataset 'bags', and this one is 'quilts'; write another prefix", f"s3://{bucket}/bags")
    server.put(bucket, "odd/index.json", b"[]")
    fails(UsageError, "is none of a dataset", f"s3://{bucket}/odd")
    server.put(bucket, "new/index.json", b'{"format": 99}')
    fails(UsageError, "newer scrapbag", f"s3://{bucket}/new")


def test_a_key_that_is_refused_or_lacking_ends_it_with_77_and_is_not_printed(data, server, bucket, monkeypatch):
    def count(actions):  # that moto answers before it looks at keys
        there = f"http://127.0.0.1:{server.port}/moto-api/reset-auth"
        urlopen(Request(there, data=actions, headers={"Content-Type": "text/plain"}), timeout=10).close()

    count(b"0")
    try:
        code, out = said(command("push", data, f"s3://{bucket}/quilts"))
    finally:
        count(b"inf")
    end = "refuses the key; see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what it may\n"
    assert (code, out) == (77, f"error: s3://{bucket}/quilts {end}")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out = said(command("push", data, f"s3://{bucket}/quilts", AWS_METADATA_ENDPOINT="http://127.0.0.1:9"))
    assert code == 77, out
    assert "there is no key for s3://" in out


def test_a_catalog_that_has_what_the_other_lacks_is_not_replaced(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    execute(other, ANSWER, "a" * 64)
    before = content(other)
    with pytest.raises(UsageError, match=rf"quilts has what .* lacks \(1 answer\); run make push STORE={url} first"):
        brought(other, url)
    assert content(other) == before
    sent(other, url)
    with pytest.raises(UsageError, match=rf"has what .* lacks \(1 answer\); run make pull STORE={url} first"):
        sent(data, url)
    add(data, 1, seed=5)
    for way in (sent, brought):
        with pytest.raises(UsageError, match=r"lacks what that has .*; run make pull into another DATA"):
            way(data, url)
    execute(data, "delete from picture where id = 13")
    execute(data, "delete from request where id = 13")
    brought(data, url)
    assert execute(data, "select answer from label") == [("yes",)]
    execute(other, "update label set undone = 1")
    sent(other, url)
    with pytest.raises(UsageError, match="1 answer"):
        sent(data, url)
    brought(data, url)


def test_scores_that_the_other_side_lacks_are_not_forgotten(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    write(other, "0123/shard-00001.safetensors", b"more")
    with pytest.raises(UsageError, match="1 scored shard"):
        brought(other, url)
    sent(other, url)
    with pytest.raises(UsageError, match="1 scored shard"):
        sent(data, url)
    shutil.rmtree(data.version("0123").root)
    write(data, "4567/shard-00000.safetensors", b"of another model")
    sent(data, url)
    brought(other, url)
    assert {path.parent.name for path in other.scored.glob("*/*")} == {"0123", "4567"}
    assert (other.version("0123").root / "shard-00001.safetensors").read_bytes() == b"more"


def test_an_object_that_was_damaged_or_lost_is_named_and_fresh_heals_it(data, server, bucket, tmp_path):
    url, other = f"s3://{bucket}/quilts", Data(tmp_path / "there" / "quilts")
    sent(data, url)
    ((sha256,),) = execute(data, "select sha256 from picture where id = 1")
    name = index.object_name(sha256)
    body = bytearray(server.objects(bucket)[f"quilts/{name}"])
    body[7] ^= 1
    server.put(bucket, f"quilts/{name}", bytes(body))
    for words in ("is not what was sent; send it again with FRESH=1", "is lost"):
        with pytest.raises(DiskError, match=f"{name} .*{words}|{name} {words}"):
            brought(other, url)
        assert not other.catalog.exists()
        assert not other.image(sha256, "jpg").exists()
        server.delete(bucket, f"quilts/{name}")
    assert sent(data, url).objects == 0, "the index says that it is there"
    sent(data, url, fresh=True)
    brought(other, url)
    assert content(other) == content(data)


def test_a_picture_that_is_damaged_here_is_not_sent_as_what_it_was(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    one, two = (data.image(*row) for row in execute(data, "select sha256, extension from picture order by id limit 2"))
    kept = one.read_bytes(), two.read_bytes()
    one.write_bytes(b"something else")
    two.unlink()
    code, out = said(command("push", data, url))
    assert code == 0, out
    assert "2 pictures are gone or damaged here: make scrape " in out
    code, out = said(command("pull", other, url))
    assert code == 0, out
    assert "the store lacks 2 pictures" in out
    assert len([path for path in other.images.rglob("*") if path.is_file()]) == 10
    one.write_bytes(kept[0])
    two.write_bytes(kept[1])
    assert sent(data, url).objects == 2
    assert brought(other, url).objects == 2
    assert content(other) == content(data)


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc/passwd", "report/../../x", "catalog.db", "images/a", ".x"])
def test_an_index_cannot_write_outside_what_a_dataset_sends(name, data, tmp_path):
    store, other = tmp_path / "disk", Data(tmp_path / "there" / "quilts")
    sent(data, str(store))
    table = json.loads((store / "index.json").read_text())
    table["files"][name] = table["files"]["report/report.csv"]
    (store / "index.json").write_text(json.dumps(table))
    with pytest.raises(UsageError, match=r"which is no file of a dataset|which no dataset sends"):
        brought(other, str(store))
    assert not other.catalog.exists()
    assert not other.report.exists()


def test_a_crawl_may_go_on_while_a_dataset_is_sent(data, url, tmp_path):
    """Whatever the index names is there, though pictures came all the time."""
    stop = threading.Event()

    def crawl():
        seed = 100
        while not stop.is_set():
            add(data, 1, seed=seed)
            seed += 1

    crawling = threading.Thread(target=crawl)
    with lock(data.root, "scrape"):
        crawling.start()
        try:
            sent(data, url)
        finally:
            stop.set()
            crawling.join(30)
    other = Data(tmp_path / "there" / "quilts")
    brought(other, url)
    count = execute(other, "select count(*) from picture")[0][0]
    assert 12 < count <= execute(data, "select count(*) from picture")[0][0]
    assert execute(other, "pragma integrity_check") == [("ok",)]
    assert len([path for path in other.images.rglob("*") if path.is_file()]) == count


def test_of_two_machines_that_send_at_once_one_is_told_to_do_it_again(data, server, bucket, tmp_path):
    url, other = f"s3://{bucket}/quilts", Data(tmp_path / "there" / "quilts")
    shutil.copytree(data.root, other.root)
    first = []

    def between(method, path):
        if method == "PUT" and path.endswith("index.json") and not first:
            first.append(path)
            add(other, 1, seed=6)
            sent(other, url)

    server.before = between
    try:
        with pytest.raises(LockedError, match="meanwhile; run it again"):
            sent(data, url)
    finally:
        server.before = lambda *_: None
    brought(data, url)
    assert content(data) == content(other)


@pytest.mark.parametrize("stage", ["scrape", "score", "curate", "review", "push"])
def test_nothing_is_brought_under_the_hands_of_a_stage(stage, data, tmp_path):
    sent(data, str(tmp_path / "disk"))
    with lock(data.root, stage), pytest.raises(LockedError, match=f"{stage} is already at work"):
        brought(data, str(tmp_path / "disk"))


def test_a_folder_needs_no_extra_and_a_bucket_says_which(data, tmp_path):
    program = (
        "import sys; sys.modules['obstore'] = None; from scrapbag.storage.__main__ import main; main(sys.argv[1:])"
    )
    words = ["push", "--data", data.root, "--run", "run", "--recipe", "quilts.toml", "--store"]

    def ends(url):
        line = [sys.executable, "-c", program, *words, url]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert ends(f"file://{tmp_path}/a%20disk")[0] == 0
    assert (tmp_path / "a disk" / "index.json").exists()
    assert ends("s3://bucket/x") == (69, "error: STORE=s3://… needs obstore; run make setup EXTRA=storage\n")
