"""ENGINE=ray: the same bytes as ENGINE=local, whatever dies on the way, on computers with the pictures and without."""

import hashlib
import operator
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial

import psutil
import pytest
from choose_pictures import folder
from clusters import at_work, family, free_port, two_nodes, wait_for

from benchmarks.support.folder_data import dataset
from curate import run
from curate.scores.stage import score
from scrapbag import errors
from scrapbag.recipe import Curate, Score
from scrapbag.workers import cluster, engines, on_ray
from scrapbag.workers.engines import engine

pytestmark = pytest.mark.slow
DEMO = Score(model="demo")
ANY = Curate(targets=("quilt",), threshold=0.0, size=32, min_side=16)
COUNT = 300  # two shards


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where all pictures are; the workers of `joined` see an empty folder in its place."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture(scope="module")
def joined(root):
    """A cluster of two nodes on this computer: a head without cores, and a node with two that lacks the pictures."""
    with two_nodes(root) as (node, may), engine("ray", 2) as whole:
        yield whole, node, may


@pytest.fixture(scope="module")
def files(root):
    """Three hundred pictures; the fourth is broken."""
    paths = folder(root / "files", COUNT)
    paths[3].write_bytes(paths[3].read_bytes()[:900])
    return paths


@pytest.fixture(scope="module")
def alone(files, root):
    """What one thread makes of them."""
    data = damaged(dataset(root / "alone", files))
    with engine("local", 1) as one:
        done = score(DEMO, data, one)
        run.curate(ANY, data, one)
    return data, done


def damaged(data):
    """The sixth file has other bytes than those that came."""
    path = sorted(data.images.glob("*/*"))[5]
    body = path.read_bytes()
    path.unlink()
    path.write_bytes(body[:-1] + b"?")
    return data


def digests(data, *folders):
    """The SHA-256 of every file in these folders of a dataset."""
    paths = [path for name in folders for path in sorted((data.root / name).rglob("*")) if path.is_file()]
    return {str(path.relative_to(data.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def settle(data):
    """Settings for the stages as commands."""
    data.settings.mkdir(exist_ok=True)
    data.settings_of("score").write_text('name = "x"\n[score]\nmodel = "demo"\n')


def test_four_threads_give_the_bytes_of_one(alone, files, root):
    data, first = alone
    other = damaged(dataset(root / "threads", files))
    with engine("local", 4) as four:
        assert score(DEMO, other, four) == first
        run.curate(ANY, other, four)
    assert digests(other, "scored", "curated") == digests(data, "scored", "curated")


def test_workers_that_lack_the_pictures_give_the_bytes_of_one_thread(alone, joined, files, root):
    data, first = alone
    whole, _, may = joined
    other = damaged(dataset(root / "ray", files))
    if may:  # this computer allows a mount of one's own
        assert list(whole.run(partial(getattr, os, "listdir"), operator.call, [str(root)])) == [[]]
    assert score(DEMO, other, whole) == first
    run.curate(ANY, other, whole)
    assert digests(other, "scored", "curated") == digests(data, "scored", "curated")


def test_a_worker_that_is_killed_changes_nothing(alone, joined, files, root):
    data, _ = alone
    whole, node, _ = joined
    other = damaged(dataset(root / "killed", files))
    killed = []

    def kill():
        for _ in range(2):
            victim = wait_for(lambda: at_work(node))[0]
            victim.kill()
            killed.append(victim.pid)
            time.sleep(1)

    killer = threading.Thread(target=kill)
    killer.start()
    score(DEMO, other, whole)
    killer.join(120)
    assert len(killed) == 2
    assert digests(other, "scored") == digests(data, "scored")


def test_a_worker_that_dies_over_the_same_portion_each_time_ends_the_stage(joined, monkeypatch):
    monkeypatch.setattr(on_ray, "RETRIES", 1)
    with pytest.raises(errors.TooManyFailuresError, match="2 workers of Ray died over the same pictures"):
        list(joined[0].run(partial(getattr, os, "_exit"), operator.call, [1]))


def test_what_a_worker_meets_is_raised_here_as_it_is_by_threads(joined, files, root):
    other = dataset(root / "folder", files[:20])
    path = min(other.images.glob("*/*"))
    path.unlink()
    path.mkdir()
    said = []
    for one in (None, joined[0]):
        with pytest.raises(IsADirectoryError) as met:
            score(DEMO, other, one)
        said.append(str(met.value))
    assert said == [f"[Errno 21] Is a directory: {str(path)!r}"] * 2


def test_every_expected_error_comes_through_a_pickle():
    for kind in (errors.MissingExtraError("a HEIC picture", "pillow-heif", "heic"), errors.DiskError("full")):
        assert str(pickle.loads(pickle.dumps(kind))) == str(kind)


def test_a_driver_that_is_killed_leaves_no_process_and_the_next_goes_on(alone, files, root):
    data, _ = alone
    other = damaged(dataset(root / "driver", files))
    settle(other)
    words = [sys.executable, "-m", "curate", "score", "--data", str(other.root), "--engine", "ray", "--workers", "1"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    for _ in range(3):  # Ray gives up after 30 s, which a busy computer may need
        driver = subprocess.Popen(words, env=ours, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: driver.poll() is not None or list(other.scored.glob("*/shard-00000.safetensors")), 240)  # noqa: B023
        if driver.poll() != errors.MissingError.exit_code:
            break
    cluster_of_its_own = family(driver)
    driver.send_signal(signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL
    assert len(cluster_of_its_own) > 3
    _, left = psutil.wait_procs(cluster_of_its_own, 120)
    assert not left
    score(DEMO, other)
    assert digests(other, "scored") == digests(data, "scored")


@pytest.mark.parametrize("address", ["localhost", "ray://127.0.0.1:10001", "127.0.0.1:x"])
def test_what_is_no_address_is_refused(address, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(errors.UsageError, match="is no address of a cluster; write auto, or HOST:PORT"):
        cluster.join(1)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_no_computer_can_have_is_said_in_a_sentence(host, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", f"{host}:1")
    with pytest.raises(errors.MissingError, match=r"no Ray cluster answers there .*label"):
        cluster.join(1)


def test_an_address_where_nothing_or_another_server_answers_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr(cluster, "_JOIN_S", 4)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    with pytest.raises(errors.MissingError, match=r"no Ray cluster answers there .*refused.*ray start --head"):
        cluster.join(1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{mute.getsockname()[1]}")
        with pytest.raises(errors.MissingError, match="nothing within 4 s"):
            cluster.join(1)


def test_an_engine_that_there_is_not_and_ray_without_its_extra_are_said_in_a_sentence(tmp_path, monkeypatch):
    words = [sys.executable, "-m", "curate", "score", "--data", str(tmp_path), "--engine", "rey"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: ENGINE: 'rey' is not one of 'local', 'ray'")
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    with (
        pytest.raises(errors.MissingExtraError, match=r"ENGINE=ray needs ray; .*EXTRA=cluster"),
        engine("ray"),
    ):
        pass
