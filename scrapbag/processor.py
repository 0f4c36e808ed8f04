"""Which processor this is and what it multiplies itself; asked of the system, because torch takes seconds to import."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

MATRICES = ("avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "bf16", "i8mm")  # of x86, then of ARM


@cache
def _said() -> dict[str, str]:
    """The first core's lines of /proc/cpuinfo; {} where there is none."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = (line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in lines}


def able() -> list[str]:
    """What of matrices in bf16 and int8 the processor does itself, by the kernel's names."""
    words = f"{_said().get('flags', '')} {_said().get('Features', '')}".split()
    return [one for one in MATRICES if one in words]


def has_bf16() -> bool:
    """Whether it multiplies in bf16 itself; where it only imitates it, a step takes thirty times as long."""
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(able())


def describe() -> str:
    """Its name and what it does itself: ratios of speeds differ between processors."""
    name = _said().get("model name") or platform.processor() or platform.machine()
    return f"{name} ({', '.join(able()) or 'no matrices in bf16 or int8'})"
