"""Which row of the shards has which sha256, without a dictionary of them."""

import numpy as np
import pytest

from curate.scores.shards import RowsBySha256


@pytest.fixture
def digests():
    made = np.random.default_rng(0).integers(0, 256, (300, 32), dtype=np.uint8)
    made[100:140, :8] = made[7, :8]  # whose first eight bytes are the same
    return made


def test_every_row_is_found_by_its_sha256_also_where_their_first_bytes_are_the_same(digests):
    rows = RowsBySha256(digests)
    assert [rows[digest.tobytes().hex()] for digest in digests] == list(range(300))
    assert rows.find(digests).tolist() == list(range(300))


def test_what_is_not_there_has_no_row(digests):
    rows = RowsBySha256(digests[:200])
    other = digests[7].copy()
    other[-1] ^= 1
    assert rows.find(np.vstack([digests[250:], other])).tolist() == [-1] * 51
    assert not any(one in rows for one in (other.tobytes().hex(), "", "no hex", "ab"))
    assert RowsBySha256(digests[:0]).find(digests).tolist() == [-1] * 300
