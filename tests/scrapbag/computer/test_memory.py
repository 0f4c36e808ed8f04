"""What is free is what may still be taken, under every limit; and a full memory is a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from scrapbag.computer import memory
from scrapbag.errors import out_of_memory

SAY = "from scrapbag.computer.memory import free; one = free(); print(one.bytes, one.limit)"
MB = 2**20


def _tree(root, groups, files):
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return memory.free(root)


V2 = {
    "memory.max": "max\n",
    "memory.high": "max\n",
    "memory.current": f"{90 * MB}\n",
    "memory.stat": "inactive_file 0\n",
}
BOX = {f"box/{name}": text for name, text in V2.items()} | {"box/memory.max": f"{100 * MB}\n"}
NOTHING = {"memory/memory.limit_in_bytes": f"{2**63 - 4096}\n", "memory/memory.usage_in_bytes": f"{2**40}\n"}
ONE = {"memory/memory.limit_in_bytes": f"{100 * MB}\n", "memory/memory.usage_in_bytes": f"{90 * MB}\n"}


@pytest.mark.parametrize(
    ("groups", "files", "mb"),
    [
        ("0::/box\n", BOX, 10),
        ("0::/box/inner\n", BOX, 10),  # a parent's limit counts
        ("0::/of/another/namespace\n", V2 | {"memory.max": f"{100 * MB}\n"}, 10),  # as Docker shows it
        ("0::/../../box\n", BOX, 10),
        ("0::/box\n", BOX | {"box/memory.high": f"{95 * MB}\n"}, 5),
        ("0::/box\n", BOX | {"box/memory.stat": f"anon 1\ninactive_file {20 * MB}\nfile 3\n"}, 30),
        ("0::/box\n", BOX | {"box/memory.max": f"{10 * MB}\n"}, 0),  # over its limit: nothing, and no negative number
        ("7:memory:/\n", ONE, 10),
        ("7:memory:/docker/1f\n", ONE | {"memory/memory.stat": f"total_inactive_file {MB}\n"}, 11),
        ("3:cpu,memory:/a\n0::/\n", {f"cpu,{name}": text for name, text in ONE.items()}, 10),
        ("7:memory:/\n", NOTHING, None),
        ("0::/\n3:cpu:/box\n", V2, None),
        ("0::/\n", {"memory.max": "?", "memory.current": ""}, None),
    ],
)  # fmt: skip
def test_the_smallest_limit_of_a_cgroup_counts(tmp_path, groups, files, mb):
    found = _tree(tmp_path, groups, files)
    if mb is None:
        assert (found.bytes / psutil.virtual_memory().available, found.limit) == (pytest.approx(1, abs=0.2), "")
    else:
        assert (found.bytes / MB, found.limit) == (mb, "the limit of its cgroup (a container's, or systemd's)")


@pytest.mark.parametrize("flag", ["v", "d"])
def test_a_limit_of_the_shell_counts(flag):
    done = subprocess.run(
        ["sh", "-c", f"ulimit -{flag} 1000000; exec {sys.executable} -c '{SAY}'"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    count, words = done.stdout.split(maxsplit=1)
    assert 5e8 < int(count) < 1.02e9
    assert words.strip() == f"the limit of this shell (ulimit -{flag})"


def test_a_limit_of_a_real_cgroup_counts():
    group = Path("/sys/fs/cgroup/memory" if Path("/sys/fs/cgroup/memory").is_dir() else "/sys/fs/cgroup")
    group = group / f"scrapbag-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error.strerror}")
    try:
        limit = next(
            (group / name for name in ("memory.max", "memory.limit_in_bytes") if (group / name).exists()), None
        )
        if limit is None:
            pytest.skip("its parent hands no memory controller down")
        limit.write_text(str(600 * MB))
        join = f"open('{group}/cgroup.procs', 'w').write('0'); {SAY}"
        done = subprocess.run([sys.executable, "-c", join], capture_output=True, text=True, check=True)
        assert 400 < int(done.stdout.split()[0]) / MB <= 600
        assert "cgroup" in done.stdout
    finally:
        group.rmdir()


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 3"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("can't start new thread"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), False),  # that has its own sentence
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError(28, "No space left on device"), False),
        (KeyboardInterrupt(), False),
    ],
)  # fmt: skip
def test_a_full_memory_is_known_by_what_each_library_says(error, full):
    assert out_of_memory(error) == full


TOO_MUCH = {
    "torch": "torch.empty(2**46)",
    "numpy": "numpy.ones(2**46)",
    "opencv": "cv2.copyMakeBorder(numpy.ones((1, 1)), 2**14, 2**14, 2**20, 2**20, cv2.BORDER_CONSTANT)",
    "python": "bytearray(2**50)",
    "arrow": "pyarrow.allocate_buffer(2**50)",
}


def test_what_libraries_really_raise_ends_in_one_sentence():
    code = """
import cv2, numpy, pyarrow, sys, torch, resource
from scrapbag.errors import exits
resource.setrlimit(resource.RLIMIT_AS, (2**35, 2**35))
for one in sys.argv[1:]:
    try:
        with exits():
            eval(one)
    except SystemExit as end:
        print(end.code)
"""
    done = subprocess.run([sys.executable, "-c", code, *TOO_MUCH.values()], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["74"] * len(TOO_MUCH), done.stderr
    assert done.stderr.splitlines() == [
        "error: the memory is full; nothing is lost, close other programs or raise the limit, and run it again"
    ] * len(TOO_MUCH)
