"""Which processor this is, and which matrix formats (bf16, int8) its hardware multiplies; without importing torch."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

MATRICES = ("avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "bf16", "i8mm")  # the kernel's flags: x86, then ARM


@cache
def _said() -> dict[str, str]:
    """The first core's lines of /proc/cpuinfo; {} where there is none."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = (line.split(":", 1) for line in text.partition("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in lines}


def able() -> list[str]:
    """Those of MATRICES that the processor has."""
    words = f"{_said().get('flags', '')} {_said().get('Features', '')}".split()
    return [one for one in MATRICES if one in words]


def has_bf16() -> bool:
    """Whether bf16 is multiplied in hardware; where it is emulated, a training step takes thirty times as long."""
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(able())


def describe() -> str:
    """Its name and its matrix formats, for benchmarks: ratios of speeds differ between processors."""
    name = _said().get("model name") or platform.processor() or platform.machine()
    return f"{name} ({', '.join(able()) or 'no matrices in bf16 or int8'})"
