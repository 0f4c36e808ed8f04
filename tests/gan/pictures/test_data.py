"""Pictures are checked before step 1, packed once, and some of them are held out."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from gan_data import squares, texture
from PIL import Image

from gan.nets import presets
from gan.pictures import batches, data, packing
from scrapbag.errors import LockedError, UsageError


def _load(dataset, crop=0):
    return data.load(dataset.curated, dataset.packed, crop)


def test_the_pack_holds_every_pixel(tmp_path):
    dataset = squares(tmp_path, 100)
    pictures = _load(dataset)
    for name, pixels in zip(pictures.names, [*pictures.train, *pictures.held], strict=True):
        assert np.array_equal(pixels, np.asarray(Image.open(dataset.curated / name)))


def test_what_is_held_out_is_never_drawn(tmp_path):
    pictures = _load(squares(tmp_path, 100))
    assert (len(pictures.train), len(pictures.held)) == (75, 25)
    values = presets.resolve("auto-cpu")
    held = {pixels.tobytes() for pixels in pictures.held}
    drawn = {one.tobytes() for step in range(20) for one in batches.reals(pictures, values, 0, step, 75)}
    assert len(drawn) > 60
    assert not drawn & held


@pytest.mark.parametrize(
    ("count", "held"), [(80, 20), (108, 27), (255, 63), (256, 64), (300, 64), (641, 65), (900, 90)]
)
def test_a_tenth_is_held_out_or_64_and_at_most_a_quarter(count, held):
    assert data.held_of(count) == held


def test_of_few_pictures_three_quarters_are_learnt_from(tmp_path):
    pictures = _load(squares(tmp_path, 108))
    assert (len(pictures.train), len(pictures.held)) == (81, 27)


def test_the_pack_is_written_once_and_again_when_a_picture_changes(tmp_path):
    dataset = squares(tmp_path)
    first = _load(dataset)
    packed = dataset.packed / first.key / "pixels.u8"
    written = packed.stat().st_mtime_ns
    assert _load(dataset).key == first.key
    assert packed.stat().st_mtime_ns == written
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(dataset.curated / "00007.png")
    assert _load(dataset).key != first.key


def test_of_older_curations_no_pack_is_left_and_who_learns_from_one_keeps_it(tmp_path):
    dataset = squares(tmp_path)
    first = _load(dataset)
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(dataset.curated / first.names[0])
    second = _load(dataset)
    assert [path.name for path in (dataset.root / "packed").iterdir() if path.is_dir()] == [second.key]
    assert first.train[0].any()
    assert not second.train[0].any()
    assert np.array_equal(first.train[1], np.asarray(Image.open(dataset.curated / first.names[1])))


def test_a_pack_that_was_cut_short_is_written_anew(tmp_path):
    dataset = squares(tmp_path)
    first = _load(dataset)
    (dataset.root / "packed" / first.key / "index.json").unlink()
    (dataset.root / "packed" / first.key / "pixels.u8").write_bytes(b"half")
    assert np.array_equal(_load(dataset).train[0], np.asarray(Image.open(dataset.curated / first.names[0])))


@pytest.mark.parametrize(("mode", "says"), [("L", "is grey"), ("RGBA", "has transparency"), ("P", "has a palette")])
def test_another_kind_of_picture_is_named_in_a_sentence(tmp_path, mode, says):
    dataset = squares(tmp_path)
    Image.new(mode, (32, 32)).save(dataset.curated / "00042.png")
    with pytest.raises(UsageError, match=rf"00042.png {says}"):
        _load(dataset)


def test_a_broken_picture_is_named_before_training(tmp_path):
    dataset = squares(tmp_path)
    whole = (dataset.curated / "00042.png").read_bytes()
    (dataset.curated / "00042.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=r"00042.png is broken"):
        _load(dataset)


def test_a_missing_picture_is_named(tmp_path):
    dataset = squares(tmp_path)
    (dataset.curated / "00042.png").unlink()
    with pytest.raises(UsageError, match=r"00042.png.*run make curate again"):
        _load(dataset)


def test_too_few_say_how_many_are_needed(tmp_path):
    with pytest.raises(UsageError, match=r"79 squares are too few: a run needs 80 or more"):
        _load(squares(tmp_path, 79))


def test_no_squares_say_what_to_run(tmp_path):
    with pytest.raises(UsageError, match="run make curate first"):
        data.load(tmp_path / "curated", tmp_path / "packed")


def test_originals_of_many_sizes_are_sent_to_a_texture_preset(tmp_path):
    dataset = squares(tmp_path)
    Image.new("RGB", (40, 30)).save(dataset.curated / "00042.png")
    with pytest.raises(UsageError, match=r"00042.png is 40x30 .*PRESET=texture"):
        _load(dataset)


def test_levels_are_nested_and_widen_with_images(tmp_path):
    pictures = _load(squares(tmp_path, 400))
    assert pictures.upto[3] == len(pictures.train)
    assert sorted(pictures.upto) == list(pictures.upto)
    values = presets.resolve("auto-cpu", ["widen_kimg=10"])
    pools = [batches.pool(pictures, values, 3, seen) for seen in (0, 9_999, 10_000, 25_000, 10**9)]
    assert pools == [pictures.upto[k] for k in (0, 0, 1, 2, 3)]
    assert batches.pool(pictures, values, 1, 10**9) == pictures.upto[1]
    assert batches.pool(pictures, presets.resolve("auto-cpu"), 2, 0) == pictures.upto[2]


def test_of_one_texture_a_strip_is_held_out(tmp_path):
    dataset = texture(tmp_path, 128, 96)
    pictures = _load(dataset, 32)
    whole = np.asarray(Image.open(dataset.curated / "00001.png"))
    assert np.array_equal(pictures.train[0], whole[:, :96])
    assert np.array_equal(pictures.held[0], whole[:, 96:])


def test_a_texture_too_small_for_its_crops_says_so(tmp_path):
    with pytest.raises(UsageError, match="at least 256 wide and 128 high"):
        _load(texture(tmp_path, 200, 200), 128)


def test_what_a_step_sees_depends_on_seed_and_step_alone(tmp_path):
    pictures, values = _load(texture(tmp_path), 32), presets.resolve("texture", ["crop=32"])
    one, two, other = (batches.reals(pictures, values, 5, step, 1) for step in (7, 7, 8))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_bytes_come_back_as_they_went():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    assert np.array_equal(batches.to_bytes(batches.to_floats(pixels, "cpu")), pixels)


def test_what_is_packed_is_what_was_hashed_though_curated_changes_meanwhile(tmp_path):
    """Another curation is put in curated/'s place every few milliseconds, under the same names, as make curate does."""
    one, other = squares(tmp_path / "one", 100, seed=1), squares(tmp_path / "other", 100, seed=2)
    wholes = [{path.name: np.asarray(Image.open(path)) for path in d.curated.glob("*.png")} for d in (one, other)]
    curated, packed, over = tmp_path / "curated", tmp_path / "packed", threading.Event()
    curated.symlink_to(one.curated)

    def change():
        for turn in itertools.count():
            if over.is_set():
                return
            (tmp_path / "next").symlink_to((other, one)[turn % 2].curated)
            (tmp_path / "next").replace(curated)
            over.wait((0.01, 0.03, 0.5)[turn % 3])

    changing = threading.Thread(target=change)
    changing.start()
    loaded = 0
    try:
        for _ in range(12):
            try:
                pictures = data.load(curated, packed)
            except LockedError:  # nothing was packed
                continue
            loaded += 1
            got = dict(zip(pictures.names, [*pictures.train, *pictures.held], strict=True))
            assert any(all(np.array_equal(got[name], whole[name]) for name in got) for whole in wholes)
    finally:
        over.set()
        changing.join()
    assert loaded
    assert packing.packed(curated, packed).index.exists()  # and nothing is left that would stand in the way


def test_a_file_that_macos_leaves_beside_a_picture_is_none(tmp_path):
    dataset = squares(tmp_path, 100)
    (dataset.curated / "metadata.csv").unlink()
    (dataset.curated / "._00001.png").write_bytes(b"\0\5\x16\7")
    assert len(_load(dataset).names) == 100
