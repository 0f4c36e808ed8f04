"""What a server deals: the same question, the same bytes; squares as they are, or mild variations of them."""

from __future__ import annotations

import hashlib
import io
import tarfile

import numpy as np
import pytest
from dealing import deck
from gan_data import squares
from PIL import Image

from gan.pictures import batches, data, wire
from gan.serve.deal import variation


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return squares(tmp_path_factory.mktemp("dealt") / "data", 100, 32)


@pytest.fixture(scope="module")
def dealt(dataset):
    return deck(dataset)


def _read(body):
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        members = archive.getmembers()
        opened = [Image.open(archive.extractfile(one), formats=("PPM",)) for one in members]
        return [one.name for one in members], np.stack([np.asarray(one) for one in opened])


def test_any_reader_of_tar_and_pictures_opens_a_batch(dealt):
    body = dealt.batch(dealt.asked({"n": "3", "seed": "7"}))
    names, pixels = _read(body)
    assert names == ["000000.ppm", "000001.ppm", "000002.ppm"]
    assert pixels.shape == (3, 32, 32, 3)
    assert np.array_equal(pixels, wire.unpack(body, 3, 32))


@pytest.mark.parametrize("augment", ["none", "mild"])
def test_the_same_question_has_the_same_bytes_and_another_one_others(dataset, dealt, augment):
    def digests(one, **query):
        question = one.asked({"n": "4", "seed": "7", "augment": augment, **query})
        return one.tag(question), hashlib.sha256(one.batch(question)).hexdigest()

    once = digests(dealt)
    assert digests(deck(dataset)) == once, "another server, another time"
    others = [digests(dealt, **query) for query in ({"seed": "8"}, {"n": "5"}, {"size": "16"}, {"of": "10"})]
    assert len({once, *others}) == 5
    assert len({tag for tag, _ in (once, *others)}) == 5


def test_the_bytes_of_squares_as_they_are_hold_for_all_versions(dealt):
    body = dealt.batch(dealt.asked({"n": "4", "seed": "7", "augment": "none"}))
    assert hashlib.sha256(body).hexdigest()[:16] == "738c09344cb9f426"


def test_a_picture_of_a_seed_is_the_same_however_many_are_dealt(dealt):
    few, many = (wire.unpack(dealt.batch(dealt.asked({"n": str(n), "seed": "3", "size": "16"})), n, 16) for n in (2, 9))
    assert np.array_equal(few, many[:2])


def test_squares_as_they_are_are_those_that_a_run_on_the_folder_draws(dataset, dealt):
    pictures = data.load(dataset.curated, dataset.packed)
    body = dealt.batch(dealt.asked({"n": "8", "seed": "11", "augment": "none", "of": "30"}))
    rng = np.random.default_rng(11)
    own = batches.squares(pictures.squares, pictures.chosen, 8, 30, rng)
    assert np.array_equal(wire.unpack(body, 8, 32), own)


def test_what_is_held_out_is_in_no_batch(dataset, dealt):
    held = {one.tobytes() for one in data.load(dataset.curated, dataset.packed).held}
    dealt_ones = wire.unpack(dealt.batch(dealt.asked({"n": "4000", "augment": "none"})), 4000, 32)
    seen = {one.tobytes() for one in dealt_ones}
    assert len(seen) == 75
    assert not seen & held


def test_a_variation_is_mild_and_half_of_them_are_mirrored():
    left = np.zeros((32, 32, 3), np.uint8)
    left[:, :16], left[:, 16:] = (200, 100, 50), (20, 30, 60)
    several = np.stack([variation(left, 32, np.random.default_rng(i)) for i in range(200)]).astype(float)
    mirrored = (several[:, 16, 2, 0] < several[:, 16, -3, 0]).mean()
    assert 0.35 < mirrored < 0.65
    bright, dark = several.max(axis=(1, 2))[:, 0], several.min(axis=(1, 2))[:, 0]
    assert bright.min() > 150
    assert dark.max() < 60
    assert bright.std() > 3, "and yet no two are alike"
    edge = (several[:, 16, :, 0] > 110).sum(axis=1)
    assert edge.min() >= 13, "a crop has at least 80 % of the area"
    assert edge.max() <= 19
    assert len(set(edge.tolist())) > 2


def test_a_tar_that_is_not_whole_or_of_other_pictures_is_refused():
    body = wire.pack(np.zeros((2, 8, 8, 3), np.uint8))
    for wrong in (body[:-1], b"x" + body[1:], body.replace(b"8 8\n255", b"8 8\n254")):
        with pytest.raises(ValueError, match=r"bytes and not|no tar of"):
            wire.unpack(wrong, 2, 8)
