"""A file becomes an upright RGB picture, or a reason."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from curate.look import decode, measure


@pytest.fixture(autouse=True)
def _strict():
    decode.strict()


def saved(folder, image, name, **options):
    path = folder / name
    image.save(path, **options)
    return path


def pixel(path, at=(0, 0), **options):
    return decode.load(path, **options).image.getpixel(at)


def test_an_exif_turn_is_undone_and_the_size_is_the_upright_one(tmp_path):
    image = Image.new("RGB", (40, 20), "white")
    image.paste("red", (0, 0, 20, 20))  # left half
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by 90 degrees
    opened = decode.load(saved(tmp_path, image, "turned.png", exif=exif))
    assert (opened.width, opened.height) == opened.image.size == (20, 40)
    assert opened.image.getpixel((10, 5)) == (255, 0, 0)  # what was left is on top


def test_transparency_lies_on_white_and_its_alpha_is_told(tmp_path):
    opened = decode.load(saved(tmp_path, Image.new("RGBA", (8, 8), (10, 20, 30, 0)), "clear.png"))
    assert opened.image.getpixel((3, 3)) == (255, 255, 255)
    assert opened.alpha is not None
    assert opened.alpha.getextrema() == (0, 0)


def test_a_transparent_palette_colour_lies_on_white(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([200, 0, 0] + [0, 0, 0] * 255)
    assert pixel(saved(tmp_path, image, "p.gif", transparency=0)) == (255, 255, 255)


def test_sixteen_bit_greys_are_scaled_not_clipped(tmp_path):
    image = Image.fromarray(np.full((8, 8), 32_768, dtype=np.uint16))
    assert pixel(saved(tmp_path, image, "deep.png")) == (128, 128, 128)


def test_cmyk_comes_out_in_its_own_colours(tmp_path):
    image = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    red, green, blue = pixel(saved(tmp_path, image, "ink.jpg", quality=95), (16, 16))
    assert red > 200
    assert max(green, blue) < 60


def test_of_an_animation_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = saved(tmp_path, frames[0], "two.gif", save_all=True, append_images=frames[1:])
    assert pixel(path) == (254, 0, 0) or pixel(path) == (255, 0, 0)


def test_a_large_jpeg_comes_scaled_down_but_no_smaller_than_asked(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (1600, 1200), "green"), "large.jpg")
    opened = decode.load(path, at_least=256)
    assert (opened.width, opened.height) == (1600, 1200)
    assert 256 <= min(opened.image.size) < 512


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("page.jpg", b"<!doctype html><title>no</title>", "not_image"),
        ("empty.jpg", b"", "not_image"),
        ("stub.png", b"\x89PNG\r\n\x1a\n", "unreadable"),
        ("vector.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not_image"),
    ],
)
def test_what_is_no_picture_has_a_reason(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(decode.UnusableError, match=reason):
        decode.load(path)


def test_a_file_that_lacks_its_end_is_unreadable_even_when_scaled(tmp_path):
    body = io.BytesIO()
    Image.effect_noise((600, 600), 90).save(body, "JPEG")
    path = tmp_path / "half.jpg"
    path.write_bytes(body.getvalue()[: len(body.getvalue()) // 2])
    with pytest.raises(decode.UnusableError, match="unreadable"):
        decode.load(path, at_least=64)


def test_more_than_forty_megapixels_are_refused_from_the_header(tmp_path):
    path = saved(tmp_path, Image.new("1", (8000, 8000)), "huge.png")
    with pytest.raises(decode.UnusableError, match="too_large"):
        decode.load(path)


def test_a_large_transparent_picture_is_laid_on_paper_in_little_memory():
    image, alpha = Image.new("RGB", (2000, 2000), "white"), Image.new("L", (2000, 2000), 64)
    tracemalloc.start()
    try:
        laid = measure._on((100.0, 110.0, 120.0), image, alpha)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60_000_000  # the picture itself is 12 MB; all at once it took 300
    assert laid.getpixel((1999, 1999)) == (139, 146, 154)  # 255 less three quarters of what paper lacks
