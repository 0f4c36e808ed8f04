"""What the processor is said to do itself is what torch says of it."""

from __future__ import annotations

import torch

from scrapbag import processor


def test_bf16_is_said_to_be_there_where_torch_finds_it():
    found = torch.cpu.get_capabilities()
    assert processor.has_bf16() == bool(found.get("avx512_bf16") or found.get("amx_bf16") or found.get("bf16"))


def test_each_matrix_unit_that_torch_knows_of_is_named():
    found = torch.cpu.get_capabilities()
    known = [one for one in processor.MATRICES if one in found]
    assert known, "torch calls them otherwise now"
    assert [one for one in processor.able() if one in known] == [one for one in known if found[one]]
    assert all(one in processor.describe() for one in processor.able())
