"""make serve over HTTP: who may ask, what is refused and why, what is said of it, and what it does not start with."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from dealing import TOKEN, ask, dealing, deck
from gan_data import squares
from making import ROOT

from gan.pictures import bearer, wire
from gan.serve.__main__ import main
from scrapbag.make.command import called


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return squares(tmp_path_factory.mktemp("served") / "data", 100, 32)


@pytest.fixture(scope="module")
def url(dataset):
    with dealing(deck(dataset)) as address:
        yield address


def test_a_batch_has_its_length_its_digest_its_dataset_and_its_tag(url):
    offer = json.loads(ask(url, "/")[1])
    assert (offer["side"], offer["train"], offer["held"], offer["upto"]) == (32, 75, 25, [19, 37, 56, 75])
    assert ask(url, "/dataset.json")[1] == ask(url, "/")[1]
    answer, body = ask(url, "/batch.tar?n=5&size=16&seed=7")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) == len(body)
    assert answer.headers[wire.DIGEST] == wire.digest(body)
    assert answer.headers[wire.DATASET] == offer["key"]
    assert wire.unpack(body, 5, 16).shape == (5, 16, 16, 3)
    head, nothing = ask(url, "/batch.tar?n=5&size=16&seed=7", "HEAD")
    assert (head.headers["Content-Length"], nothing) == (str(len(body)), b"")


def test_who_has_a_batch_already_is_told_so_without_a_body(url):
    tag = ask(url, "/batch.tar?seed=1")[0].headers["ETag"]
    again, body = ask(url, "/batch.tar?seed=1", If_None_Match=tag)
    assert (again.status, body, again.headers["ETag"]) == (304, b"", tag)
    assert ask(url, "/batch.tar?seed=2", If_None_Match=tag)[0].status == 200


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("n=0", "n is 0; write 1 to 4096 at this size"),
        ("n=1000000000", "n is 1000000000; write 1 to"),
        ("n=" + "9" * 5000, "write a whole number"),
        ("size=20", "size is 20; write one of 8, 16, 32"),
        ("size=64", "size is 64; write one of 8, 16, 32"),
        ("seed=x", "seed is 'x'; write a whole number"),
        ("seed=-1", "seed is '-1'; write a whole number"),
        ("seed=9223372036854775808", "write a whole number"),
        ("seed=%D9%A3", "write a whole number"),
        ("of=76", "of is 76; write 1 to 75"),
        ("augment=hard", "augment is 'hard'; write none or mild"),
        ("number=3", "there is no 'number'; a batch has"),
    ],
)
def test_what_cannot_be_asked_is_400_with_a_sentence(url, query, words):
    answer, body = ask(url, f"/batch.tar?{query}")
    assert answer.status == 400
    assert words in body.decode()
    assert body.count(b"\n") == 1


@pytest.mark.parametrize("query", ["part=all&at=0", "part=held&at=25", "part=held&at=", "part=train&at=0,x", ""])
def test_squares_that_are_not_there_are_400(url, query):
    answer, body = ask(url, f"/squares.tar?{query}")
    assert (answer.status, body.count(b"\n")) == (400, 1)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:1"}, 200),
        ({"Host": "quilts.example"}, 403),
        ({"Host": "[::"}, 403),
        ({"Origin": "http://quilts.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
def test_pages_of_other_sites_and_other_names_of_this_computer_are_refused(url, headers, status):
    assert ask(url, "/", **headers)[0].status == status


def test_nothing_can_be_sent_to_it(url):
    assert ask(url, "/batch.tar", "POST")[0].status == 405
    assert ask(url, "/../../etc/passwd")[0].status == 404


def test_with_a_token_nobody_gets_anything_without_it(dataset):
    with dealing(deck(dataset), TOKEN, local=False) as url:
        for path in ("/", "/batch.tar", "/squares.tar?part=held&at=0", "/metrics"):
            for wrong in ({}, {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": TOKEN}):
                refused, body = ask(url, path, **wrong)
                assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
                assert body == b"the token is missing or wrong\n"
            assert ask(url, path, Authorization=f"Bearer {TOKEN}", Host="any.example")[0].status == 200


def test_metrics_count_what_was_answered(dataset):
    with dealing(deck(dataset)) as url:
        sent = len(ask(url, "/batch.tar?n=2")[1])
        ask(url, "/batch.tar?n=0")
        ask(url, "/elsewhere/at/all")
        for _ in range(50):  # an answer is counted when it has been sent, by a thread that may be behind this one
            answer, body = ask(url, "/metrics")
            text = body.decode()
            if 'status="404"' in text and "scrapbag_requests_in_flight 1\n" in text:
                break
            time.sleep(0.1)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values['scrapbag_requests_total{path="/batch.tar",status="200"}'] == "1"
    assert values['scrapbag_requests_total{path="/batch.tar",status="400"}'] == "1"
    assert values['scrapbag_requests_total{path="other",status="404"}'] == "1"
    assert int(values['scrapbag_sent_bytes_total{path="/batch.tar"}']) >= sent
    assert values["scrapbag_requests_in_flight"] == "1", "this one"
    assert values['scrapbag_request_seconds_bucket{le="+Inf"}'] == values["scrapbag_request_seconds_count"]
    assert int(values["scrapbag_request_seconds_count"]) >= 3
    buckets = [int(value) for name, value in values.items() if "_bucket" in name]
    assert buckets == sorted(buckets)


def test_what_is_curated_while_it_serves_is_served_after_the_next_start(tmp_path):
    data = squares(tmp_path / "data", 100, 32, seed=0)
    with dealing(deck(data)) as url:
        before = ask(url, "/batch.tar?seed=5")
        shutil.rmtree(data.curated)
        squares(data.root, 120, 32, seed=1)
        after = deck(data)  # packs the new ones, and deletes the pack that is being served
        again = ask(url, "/batch.tar?seed=5")
        assert again[1] == before[1]
        assert again[0].headers["ETag"] == before[0].headers["ETag"]
    with dealing(after) as url:
        new = ask(url, "/batch.tar?seed=5")
        assert new[0].headers["ETag"] != before[0].headers["ETag"]
        assert new[0].headers[wire.DATASET] != before[0].headers[wire.DATASET]


def _start(*words, **environment):
    return CliRunner().invoke(main, [str(one) for one in words], env={bearer.VARIABLE: None, **environment})


def test_it_does_not_start_without_squares_on_a_taken_port_or_for_others_without_a_token(dataset, tmp_path):
    def refused(code, words, *options, **environment):
        result = _start("--data", dataset.root, *options, **environment)
        assert (result.exit_code, result.output.count("\n")) == (code, 1), result.output
        assert words in result.output

    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused(2, "is taken; run make serve PORT=0", "--port", taken.getsockname()[1])
    refused(2, "needs a token of 32 bytes or more", "--host", "0.0.0.0", "--port", 0)
    refused(2, "cannot listen at HOST=192.0.2.1", "--host", "192.0.2.1", "--port", 0, **{bearer.VARIABLE: TOKEN})
    refused(2, "has 5 bytes, and 32 are the least", "--port", 0, **{bearer.VARIABLE: "short"})
    refused(2, "holds no token", "--port", 0, **{bearer.VARIABLE: f"two {TOKEN}"})
    file = tmp_path / "token"
    refused(2, "there is no file", "--port", 0, "--token-file", file)
    refused(2, "which is no file", "--port", 0, "--token-file", tmp_path)
    file.write_text(TOKEN + "\n")
    file.chmod(0o644)
    refused(77, f"run chmod 600 {file}", "--port", 0, "--token-file", file)
    result = _start("--data", tmp_path / "none", "--port", 0)
    assert result.exit_code == 2
    assert f"there are no squares in {tmp_path}/none/curated; run make curate first" in result.output


def test_the_token_of_a_file_that_one_alone_may_read_is_taken(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    assert bearer.read(file) == TOKEN
    assert bearer.admits(TOKEN, f"Bearer {TOKEN}")
    assert not bearer.admits(TOKEN, f"Bearer {TOKEN}\u00e9")


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_the_command_for_the_other_computer_can_be_pasted_there(dataset, host):
    dataset.call.parent.mkdir(parents=True, exist_ok=True)
    dataset.call.write_text(called(Path("recipes/other.toml"), dataset.root, Path("runs/other")).dump())
    command = [sys.executable, "-m", "gan.serve", "--data", str(dataset.root), "--host", host, "--port", "0"]
    place = os.environ | {bearer.VARIABLE: TOKEN}
    with subprocess.Popen(command, cwd=ROOT, env=place, stdout=subprocess.PIPE, text=True) as one:
        said = one.stdout.readline()
        one.kill()
    name = socket.gethostname() if host else "127.0.0.1"
    assert re.search(rf"at http://{re.escape(name)}:(\d+) ", said), said
    words = rf"make train RECIPE=recipes/other.toml DATA_URL=http://{re.escape(name)}:\d+ TOKEN_FILE=token\n"
    assert re.search(words, said), said
