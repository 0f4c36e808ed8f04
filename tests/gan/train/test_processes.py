"""Two processes compute what one does, for every preset; killed, stopped and refused, they end as one would."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import torch
from gan_data import TINY, job, squares
from making import ROOT
from sharing import ROWS

from gan.nets import presets
from gan.step import shared
from gan.step.processes import ALONE
from gan.train import launch
from scrapbag.errors import UsageError
from scrapbag.layout import Data, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = ROOT / "tests" / "support" / "sharing.py"
PATIENCE_S = 600  # on a machine that is busy with other tests
IMAGES = 640
pytestmark = pytest.mark.timeout(1500)


class Command:
    """`gan train` with two processes, and what it says; nothing of it is left at the end of a test."""

    def __init__(self, root: Path, name: str, *options: str) -> None:
        self.run = Run(root / name)
        folders = ["--data", root / "data", "--run", self.run.root]
        values = [word for value in (*TINY, "batch=8") for word in ("--set", value)]
        words = ["--images", str(IMAGES), "--save-every", "0", "--processes", "2", *values, *options]
        command = [sys.executable, "-m", "gan", "train", *map(str, folders), *words]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.seen: set[psutil.Process] = set()

    def end(self) -> tuple[int, str]:
        said, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said

    def workers(self) -> list[psutil.Process]:
        """The processes that train, by rank."""
        found = psutil.Process(self.process.pid).children()
        self.seen |= set(found)
        return sorted(found, key=lambda one: int(one.environ().get("RANK", 0)))

    def reach(self, images: int) -> list[psutil.Process]:
        """Wait for a checkpoint of so many images or more."""
        deadline = time.monotonic() + PATIENCE_S
        while not any(int(one.stem) >= images for one in self.run.checkpoints.glob("*.pt")):
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self.workers()

    def gone(self) -> bool:
        """Whether the processes that train are, within ten seconds."""
        _, alive = psutil.wait_procs(self.seen, timeout=10)
        return not alive

    def clear(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        for one in self.seen:
            if one.is_running():
                one.kill()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    squares(folder / "data")
    job(Data(folder / "data"), folder / "calm", "batch=8", images=IMAGES, processes=2)
    return folder


@pytest.fixture(scope="module")
def played(root: Path) -> list[dict[str, Any]]:
    """What one process found, and what each of two did."""
    started = [subprocess.Popen([sys.executable, SCRIPT, root, rank], cwd=ROOT) for rank in ("0", "1")]
    try:
        assert [one.wait(timeout=PATIENCE_S) for one in started] == [0, 0]
    finally:
        for one in started:
            one.kill()
    return [torch.load(root / f"{name}.pt") for name in ("alone", "0", "1")]


@pytest.fixture
def start(root: Path) -> Iterator[object]:
    started: list[Command] = []

    def one(*words: str) -> Command:
        started.append(Command(root, *words))
        return started[-1]

    yield one
    for command in started:
        command.clear()


def _hash(run: Run) -> str:
    return str(json.loads(run.done.read_text())["sha256"])


@pytest.mark.slow
def test_what_was_killed_ends_with_the_weights_of_a_run_that_was_not(root, played, start):
    harried = Run(root / "harried")
    harried.root.mkdir()
    shutil.copy(Run(root / "calm").settings, harried.settings)  # what the probe chose once holds for both
    first = start("harried")
    first.reach(128)[1].kill()
    first.reach(512)
    assert len(first.seen) == 4
    first.process.kill()
    assert first.gone()
    assert first.process.communicate()[0].splitlines()[1] == launch.AGAIN.format(3)

    second = start("harried")
    code, said = second.end()
    assert (code, said.count("trained on 640 images")) == (0, 1), said
    assert "is not the same run" not in said
    assert _hash(harried) == played[1]["sha256"] == played[2]["sha256"]


@pytest.mark.slow
def test_ctrl_c_ends_all_after_the_same_step_with_a_checkpoint(start):
    stopped = start("stopped", "--images", "1000000")
    stopped.reach(128)
    stopped.process.send_signal(signal.SIGINT)
    code, said = stopped.end()
    assert (code, said.splitlines()[-1]) == (130, "stopped; the same command goes on from here")
    assert said.count("stopped") == 1
    assert "Traceback" not in said
    assert "cpu fp32, 1 thread, 2 processes" in said or "cpu bf16, 1 thread, 2 processes" in said
    assert stopped.gone()
    assert stopped.run.generator.exists()
    assert not stopped.run.done.exists()


@pytest.mark.slow
def test_an_error_in_a_process_is_said_once_and_not_tried_again(start):
    code, said = start("wrong", "--set", "batch=6").end()
    assert code == 2, said
    assert said.count("error: ") == 1
    assert said.rstrip().endswith(
        "error: PROCESSES=2 leaves 3 of a batch of 6 to each, and 4 are the least; write PROCESSES=1 or less"
    )
    assert "Traceback" not in said


@pytest.mark.parametrize("word", ["0", "two", "-1", "1.5"])
def test_a_number_of_processes_that_is_none_is_refused(root, start, word):
    code, said = start("refused", "--processes", word).end()
    assert code == 2
    assert re.fullmatch(r"error: PROCESSES: .*\n", said), said


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_two_processes_give_the_parameters_of_one_at_equal_global_batch(played, row):
    (alone, said), (first, first_said), (second, second_said) = (one[row] for one in played)
    assert alone.keys() == first.keys()
    for name, weight in alone.items():
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name].double(), weight.double(), rtol=0, atol=1e-6), name
    assert first_said == second_said == pytest.approx(said, abs=1e-6)


@pytest.mark.slow
def test_a_gradient_that_is_not_finite_in_one_process_makes_all_fall_back(played):
    assert [one["fell"] for one in played[1:]] == [True, True]


@pytest.mark.parametrize("row", [*presets.PRESETS])
def test_no_preset_is_left_to_each_process(row):
    assert all(how.startswith(("synchronised", "equal")) for how in shared.across(presets.resolve(row)).values())


def test_one_process_has_the_whole_batch_and_starts_no_group():
    x = torch.zeros(4, 2)
    assert ALONE.mine(x) is x
    assert ALONE.leads
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(
    ("values", "processes", "sentence"),
    [
        (("batch=32",), 9, "leaves 3 of a batch of 32 to each, and 4 are the least; write PROCESSES=8 or less"),
        (("batch=32",), 5, "does not divide a batch of 32; write PROCESSES=4"),
        (("batch=24", "minibatch_std=true"), 4, "does not divide a batch of 24 in parts of 4, {}; write PROCESSES=3"),
        (("batch=64", "teacher=lite0"), 8, "does not divide a batch of 64 in parts of 16, {}; write PROCESSES=4"),
        (("batch=30", "minibatch_std=true"), 2, "does not divide a batch of 30 in parts of 4, {}; write PROCESSES=1"),
    ],
)
def test_a_batch_that_cannot_be_divided_is_refused_with_what_to_write(values, processes, sentence):
    with pytest.raises(UsageError) as refused:
        shared.divides(presets.resolve("auto-cpu", values), processes)
    assert str(refused.value) == f"PROCESSES={processes} {sentence.format('which its norms look at')}"


@pytest.mark.parametrize(("batch", "processes"), [(2, 1), (8, 2), (32, 8), (20, 5)])
def test_a_batch_that_can_be_divided_is_not_refused(batch, processes):
    shared.divides(presets.resolve("auto-cpu", [f"batch={batch}"]), processes)
