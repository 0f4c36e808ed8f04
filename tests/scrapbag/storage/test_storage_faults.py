"""Faults on the way to a store: kills, lines that are cut or stall, keys that are refused, objects that are damaged."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from urllib.request import Request, urlopen

import pytest
from buckets import Proxy
from making import ROOT
from sent_data import add, brought, command, content, execute, said, sent, whole

from scrapbag.desk import verify
from scrapbag.errors import DiskError, MissingError, UsageError
from scrapbag.layout import Data
from scrapbag.storage import index
from scrapbag.storage.bucket import CHUNK


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
    fails(UsageError, "^STORE is no address; write s3://", url="s3://AKID:wJalr@[/x")
    fails(UsageError, "s3://b b/x is no address of a bucket; write s3://bucket/prefix", url="s3://b b/x")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        for value in ("127.0.0.1:9", "wJalr", "http://127.0.0.1:99999", "http://[::", "http://", "ftp://x",
                      "http://a b", "http://é", "https:///x", "http://127.0.0.1:9 "):  # fmt: skip
            fails(UsageError, f"^{name} is no address; write https://host", **{name: value})
    fails(UsageError, "cannot be asked; see what is exported of it: AWS_REGION", AWS_ENDPOINT_URL="", AWS_REGION="a b/")
    fails(UsageError, "cannot open az://b/x; export AZURE", url="az://b/x")
    fails(MissingError, "there is no folder .*/no; see that its disk is mounted", url=str(tmp_path / "no" / "where"))
    server.put(bucket, "bags/index.json", b'{"format": 1, "name": "bags", "catalog": [1, "%s", 0], "files": {}, '
               b'"dropped": [], "absent": [], "at": ""}' % (b"0" * 64))  # fmt: skip
    fails(UsageError, "has the dataset 'bags', and this one is 'quilts'; write another prefix", f"s3://{bucket}/bags")
    server.put(bucket, "odd/index.json", b"[]")
    fails(UsageError, "is none of a dataset", f"s3://{bucket}/odd")
    server.put(bucket, "new/index.json", b'{"format": 99}')
    fails(UsageError, "newer scrapbag", f"s3://{bucket}/new")


def test_an_endpoint_that_is_exported_empty_is_none(data, server, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT", "")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    assert sent(data, f"s3://{bucket}/quilts").objects > 12


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


def test_an_object_that_was_damaged_or_lost_is_named_and_fresh_heals_it(data, server, bucket, tmp_path):
    url, other = f"s3://{bucket}/quilts", Data(tmp_path / "there" / "quilts")
    sent(data, url)
    ((sha256,),) = execute(data, "select sha256 from picture where id = 1")
    name = index.object_name(sha256)
    body = bytearray(server.objects(bucket)[f"quilts/{name}"])
    body[7] ^= 1
    server.put(bucket, f"quilts/{name}", bytes(body))
    for words in ("is not what was sent", "is lost: it is not in"):
        again = f"; run make push STORE={url} FRESH=1 where it is whole$"
        with pytest.raises(DiskError, match=f"{name} .*{words}.*{again}|{name} {words}.*{again}"):
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


def test_a_picture_that_was_damaged_here_is_named_by_verify_and_brought_when_it_is_away(data, url, tmp_path):
    other = Data(tmp_path / "there" / "quilts")
    sent(data, url)
    brought(other, url)
    ((sha256, extension),) = execute(other, "select sha256, extension from picture where id = 3")
    path = other.image(sha256, extension)
    path.write_bytes(bytes(path.stat().st_size))
    assert brought(other, url).objects == 0, "of what is here the size counts"
    (fault,) = verify.images(other, verify.Part.of("1/1"), "make scrape")
    assert f"rm '{path}'" in str(fault)
    path.unlink()
    assert brought(other, url).objects == 1
    assert content(other) == content(data)


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
