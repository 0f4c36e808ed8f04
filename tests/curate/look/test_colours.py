"""Upright, eight bits, sRGB: what a person would see is what a model and a square get."""

import itertools
import struct
import zlib

import icc
import numpy as np
import pytest
from PIL import Image, ImageCms

from curate.look import decode

RED_TOP = np.zeros((20, 40, 3), dtype=np.uint8)  # red left, green right, of which the upper half is darker
RED_TOP[:, :20, 0], RED_TOP[:, 20:, 1], RED_TOP[:10] = 240, 240, RED_TOP[:10] // 2
UNDONE = {  # orientation -> the array's turn that puts it upright (Exif 2.32, 4.6.4)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.fixture(autouse=True)
def _strict():
    decode.strict()


def mean_error(opened, pixels):
    return np.abs(np.asarray(opened.image, dtype=float) - pixels).mean()


@pytest.mark.parametrize("kind", ["tiff", "jpeg", "png", "webp"])
@pytest.mark.parametrize("turn", UNDONE)
def test_every_orientation_is_undone_once_in_every_format(tmp_path, kind, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / f"turned.{kind}"
    Image.fromarray(RED_TOP).save(path, kind, exif=exif, **({"quality": 95} if kind in {"jpeg", "webp"} else {}))
    opened, upright = decode.load(path), UNDONE[turn](RED_TOP)
    assert (opened.height, opened.width, 3) == upright.shape
    assert mean_error(opened, upright) < 6


@pytest.mark.parametrize("turn", [0, 9, 13, 255])
def test_an_orientation_that_means_nothing_turns_nothing(tmp_path, turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(RED_TOP).save(tmp_path / "odd.jpg", exif=exif)
    opened = decode.load(tmp_path / "odd.jpg")
    assert (opened.width, opened.height) == opened.image.size == (40, 20)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
@pytest.mark.parametrize("colour", [(200, 40, 40), (90, 150, 60), (128, 128, 128)], ids=str)
def test_a_profile_is_applied(tmp_path, kind, colour):
    path = tmp_path / f"wide.{kind}"
    Image.new("RGB", (32, 32), colour).save(path, kind, icc_profile=icc.profile(), quality=100, subsampling=0)
    found = np.asarray(decode.load(path).image)[16, 16]
    assert np.abs(found - icc.in_srgb(colour)).max() <= 3


def test_a_profile_is_applied_under_transparency_and_to_a_palette(tmp_path):
    clear = Image.new("RGBA", (8, 8), (200, 40, 40, 255))
    clear.putpixel((0, 0), (200, 40, 40, 0))
    clear.save(tmp_path / "clear.png", icc_profile=icc.profile())
    opened = decode.load(tmp_path / "clear.png")
    assert opened.image.getpixel((0, 0)) == (255, 255, 255)
    assert np.abs(np.array(opened.image.getpixel((4, 4))) - icc.in_srgb((200, 40, 40))).max() <= 3
    indexed = Image.new("P", (8, 8), 1)
    indexed.putpalette([0, 0, 0, 200, 40, 40])
    indexed.save(tmp_path / "indexed.png", icc_profile=icc.profile())
    found = decode.load(tmp_path / "indexed.png").image.getpixel((4, 4))
    assert np.abs(np.array(found) - icc.in_srgb((200, 40, 40))).max() <= 3


@pytest.mark.parametrize("profile", [b"no profile", icc.profile()[:60], b"\0" * 400], ids=["words", "cut", "zeros"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_profile_that_cannot_be_used_leaves_the_pixels(tmp_path, profile, mode):
    path = tmp_path / "odd.tiff"
    image = Image.new("RGB", (8, 8), (200, 40, 40)).convert(mode)
    image.save(path, icc_profile=profile)
    assert decode.load(path).image.getpixel((4, 4)) == image.convert("RGB").getpixel((4, 4))


def test_the_profile_of_other_channels_leaves_the_pixels(tmp_path):
    Image.new("L", (8, 8), 99).save(tmp_path / "grey.png", icc_profile=icc.profile())
    assert decode.load(tmp_path / "grey.png").image.getpixel((4, 4)) == (99, 99, 99)


def test_a_profile_that_is_srgb_changes_no_bit(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    noise.save(tmp_path / "plain.png", icc_profile=srgb)
    assert decode.load(tmp_path / "plain.png").image.tobytes() == noise.tobytes()


def png(width, depth, kind, rows, clear):
    """A PNG of samples as they are (W3C PNG, third edition), which Pillow itself cannot write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    lines = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (b"IHDR", header), (b"tRNS", clear), (b"IDAT", lines), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(itertools.starmap(chunk, parts))


@pytest.mark.parametrize(
    ("depth", "kind", "rows", "clear"),
    [
        (16, 0, [struct.pack(">2H", 0x1234, 0x8000)], struct.pack(">H", 0x1234)),
        (8, 0, [bytes([7, 128])], struct.pack(">H", 7)),
        (4, 0, [bytes([0x38])], struct.pack(">H", 3)),
        (2, 0, [bytes([0b01_10_0000])], struct.pack(">H", 1)),
        (8, 2, [bytes([9, 8, 7, 128, 128, 128])], struct.pack(">3H", 9, 8, 7)),
        (16, 2, [struct.pack(">6H", 0x900, 0x800, 0x700, *[0x8000] * 3)], struct.pack(">3H", 0x900, 0x800, 0x700)),
    ],
    ids=["grey16", "grey8", "grey4", "grey2", "rgb8", "rgb16"],
)
def test_a_transparent_colour_is_found_at_every_depth(tmp_path, depth, kind, rows, clear):
    path = tmp_path / "clear.png"
    path.write_bytes(png(2, depth, kind, rows, clear))
    opened = decode.load(path)
    assert opened.image.getpixel((0, 0)) == (255, 255, 255)
    assert np.asarray(opened.image)[0, 1].max() < 200
    assert list(opened.alpha.get_flattened_data()) == [0, 255]
