"""What more than one file of tests shares."""

import os
import signal

import pytest

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # the same figures with a GPU and without

# A shell that starts pytest in the background has it ignore Ctrl-C, and the commands under test would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A crawl of many hostile hosts, done once."""
    from hostile import World  # noqa: PLC0415  (only those who ask for it draw its pictures)

    return World(tmp_path_factory.mktemp("hostile"))
