"""How a command ends when it is told to stop: once, twice, three times."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from making import ROOT

PROGRAM = """if True:
    import time
    from scrapbag.errors import exits
    with exits():
        try:
            print("at work", flush=True)
            time.sleep(60)
        finally:
            time.sleep(1.5)
            print("saved", flush=True)
"""


@pytest.mark.parametrize(("times", "saved"), [(1, True), (2, True), (3, False)])
def test_what_is_being_saved_is_saved_though_one_is_told_twice_to_stop(times, saved):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT)[:times]:
        process.send_signal(number)
        time.sleep(0.3)
    out, told = process.communicate(timeout=30)
    assert (process.returncode, out == "saved\n") == (130, saved)
    assert told.splitlines()[-1] == "stopped; the same command goes on from here"
    assert ("stopping: what was done is being saved" in told) == (times > 1)


def test_a_stop_amid_code_that_was_run_from_a_string_ends_with_its_code_and_not_by_the_signal(tmp_path):
    """As while a library makes its dataclasses; `python -m` alone has this habit, so the test is started like that."""
    (tmp_path / "stage.py").write_text(
        "from scrapbag.errors import exits\nwith exits():\n    exec('raise KeyboardInterrupt')\n"
    )
    command = [sys.executable, "-m", "stage"]
    paths = os.pathsep.join((str(tmp_path), str(ROOT)))
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.returncode == 130, "by SIGINT it would be -2"
    assert done.stderr == "stopped; the same command goes on from here\n"
