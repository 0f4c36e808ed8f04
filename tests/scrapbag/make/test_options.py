"""Values that an option cannot have are refused in the words that a user of make wrote."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("curate", "export", "--data", "x", "--as", "tar"), "error: AS: 'tar' is not one of"),
        (("gan", "sample", "--run", "x", "--n", "many"), "error: N: 'many' is not a valid integer"),
        (("gan", "sample", "--run", "x", "--truncation", "7"), "error: TRUNCATION: 7.0 is not in the range"),
        (("gan", "interpolate", "--run", "x", "--seconds", "0"), "error: --seconds: 0.0 is not in the range"),
        (("spiders", "scrape", "--data", "x", "--retry", "all"), "error: RETRY: 'all' is not 'failed'"),
        (("curate", "export", "--as", "zip"), "error: DATA: is missing"),
    ],
)
def test_a_refused_value_is_one_sentence_that_names_the_variable(words, sentence, tmp_path):
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
