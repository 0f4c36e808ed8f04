"""Formats by their bytes, and damage that lies beside the pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from curate.look import decode
from pipelines.sniff import look
from scrapbag.formats import jpeg, png
from scrapbag.formats.signatures import format_of

NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8))


def saved(kind, image=NOISE, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def text(kind, data, broken=False):
    checksum = zlib.crc32(kind + data) ^ (0xFF if broken else 0)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def beside(*chunks):
    """The noise as a PNG with more chunks before its pixels."""
    body = saved("PNG")
    return body[:33] + b"".join(chunks) + body[33:]


LONG = zlib.compress(b"x" * 3_000_000)
DAMAGED = {
    "texts of 3 MB": beside(text(b"zTXt", b"Note\0\0" + LONG)),
    "XMP of 3 MB": beside(text(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + LONG)),
    "profile of 3 MB": beside(text(b"iCCP", b"wide\0\0" + LONG)),
    "profile in an unknown compression": beside(text(b"iCCP", b"wide\0\7abc")),
    "checksum of a text": beside(text(b"tEXt", b"Note\0hello", broken=True)),
    "checksum of a text at the end": saved("PNG")[:-12] + text(b"tEXt", b"a\0b", broken=True) + saved("PNG")[-12:],
    "no IEND": saved("PNG")[:-12],
    "half of IEND": saved("PNG")[:-6],
    "no checksum of the last IDAT": saved("PNG")[:-16],
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_beside_the_pixels_of_a_png_is_none(tmp_path, body):
    seen = look(body, 10**6)
    assert (seen.extension, seen.width, seen.height, seen.problem) == ("png", 120, 90, "")
    path = tmp_path / "damaged.png"
    path.write_bytes(body)
    decode.strict()
    assert decode.load(path).image.tobytes() == NOISE.tobytes()


@pytest.mark.parametrize(
    "body",
    [saved("PNG")[:-40], saved("PNG")[:200], saved("PNG")[:33]],
    ids=["without its last pixels", "a few rows", "header alone"],
)
def test_damage_of_the_pixels_of_a_png_remains_one(tmp_path, body):
    assert look(body, 10**6).problem in {"truncated", "unreadable"}
    path = tmp_path / "damaged.png"
    path.write_bytes(body)
    with pytest.raises(decode.UnusableError, match="unreadable"):
        decode.load(path)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}], ids=str
)
def test_a_jpeg_that_lacks_its_end_marker_alone_is_whole(tmp_path, options):
    body = saved("JPEG", **options)
    decode.strict()
    pixels = Image.open(io.BytesIO(body)).tobytes()
    for lost in (1, 2):
        assert look(body[:-lost], 10**6).problem == ""
        path = tmp_path / "cut.jpg"
        path.write_bytes(body[:-lost])
        assert decode.load(path).image.tobytes() == pixels


@pytest.mark.parametrize("lost", [20, 200, 2000])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_jpeg_that_lacks_pixels_is_not(options, lost):
    body = saved("JPEG", **options)
    assert jpeg.ended(body[:-lost]) == b""
    assert look(body[:-lost], 10**6).problem == "truncated"


def _brands(major, *others):
    data = major + b"\0\0\0\0" + b"".join(others)
    return struct.pack(">I", 8 + len(data)) + b"ftyp" + data + b"\0" * 40


@pytest.mark.parametrize(
    ("body", "extension"),
    [
        (_brands(b"avif", b"mif1", b"miaf"), "avif"),
        (_brands(b"mif1", b"mif1", b"avif", b"miaf"), "avif"),
        (_brands(b"msf1", b"msf1", b"avis"), "avif"),
        (_brands(b"mif1", b"mif1", b"heic"), "heic"),
        (_brands(b"heic", b"mif1"), "heic"),
        (_brands(b"isom", b"mp42"), None),
        (b"II+\0\x08\0\0\0" + b"\0" * 16, "tif"),
        (b"MM\0+\0\x08\0\0" + b"\0" * 16, "tif"),
        (b"\0\0\0\x04ftyp", None),
    ],
    ids=["avif", "mif1", "msf1", "mif1 of HEIC", "heic", "film", "BigTIFF", "BigTIFF in Motorola's order", "stub"],
)
def test_a_format_is_known_by_what_its_file_says_of_itself(body, extension):
    found = format_of(body)
    assert (found and found.extension) == extension


@pytest.mark.parametrize("brand", [b"mif1", b"msf1"])
def test_an_avif_under_its_containers_brand_is_one(tmp_path, brand):
    body = saved("AVIF")
    renamed = body[:8] + brand + body[12:]
    assert look(renamed, 10**6).problem == ""
    path = tmp_path / "still.avif"
    path.write_bytes(renamed)
    decode.strict()
    assert decode.load(path).format == "AVIF"


def test_a_big_tiff_is_read(tmp_path):
    path = tmp_path / "big.tif"
    NOISE.save(path, "TIFF", big_tiff=True)
    assert path.read_bytes()[2] == 43
    assert look(path.read_bytes(), 10**6).problem == ""
    decode.strict()
    assert decode.load(path).image.tobytes() == NOISE.tobytes()


def test_a_libtiff_that_finds_fault_says_nothing_on_the_terminal(tmp_path, capfd):
    body = saved("TIFF", compression="tiff_lzw")
    path = tmp_path / "cut.tif"
    path.write_bytes(body.replace(body[200:260], b"\xff" * 60))
    decode.strict()
    with pytest.raises(decode.UnusableError):
        decode.load(path)
    assert capfd.readouterr().err == ""


def test_texts_are_taken_out_and_colours_stay():
    info = PngImagePlugin.PngInfo()
    info.add_text("Note", "hello")
    kept = png.essential(saved("PNG", pnginfo=info, icc_profile=b"\0" * 200, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0"))
    assert b"tEXt" not in kept
    assert b"iCCP" in kept
    assert b"eXIf" in kept
    assert png.essential(b"GIF89a") == b""
