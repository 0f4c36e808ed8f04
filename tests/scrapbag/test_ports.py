"""A port that is none, asked of every command that has one."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from making import ROOT

COMMANDS = {
    "review": ("curate", "review", "--data"),
    "blind": ("gan", "blind", "--run"),
    "serve": ("gan.serve", "--data"),
    "gallery": ("show", "gallery", "--data"),
    "tensorboard": ("scrapbag.desk.tensorboard", "--root"),
}


@pytest.mark.parametrize("port", ["99999", "foo"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_that_is_none_is_one_sentence_that_names_it(command, port, tmp_path):
    words = [sys.executable, "-m", *COMMANDS[command], str(tmp_path), "--port", port]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: PORT: '?(99999|foo)'? .*\n", done.stderr), done.stderr
