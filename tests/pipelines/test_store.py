"""What bytes are, and how they come to lie on the disk."""

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipelines.guards.failures import RefusedError
from pipelines.sniff import TooManyPixelsError, extension, look
from pipelines.store import store
from scrapbag.formats.jpeg import is_whole
from scrapbag.layout import Data

NOISE = Image.effect_noise((120, 80), 60)


def encoded(kind, image=NOISE, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


FORMATS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF", "avif": "AVIF"}


@pytest.mark.parametrize(("name", "kind"), FORMATS.items())
def test_a_format_is_known_by_its_signature_and_its_size_by_its_header(name, kind):
    seen = look(encoded(kind), 10**6)
    assert (seen.extension, seen.width, seen.height, seen.problem) == (name, 120, 80, "")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF"])
def test_half_a_picture_has_a_problem(kind):
    body = encoded(kind)
    assert look(body[: len(body) // 2], 10**6).problem in ("truncated", "unreadable")


def test_a_progressive_jpeg_that_ends_early_is_truncated():
    body = encoded("JPEG", progressive=True)
    assert look(body[: len(body) * 2 // 3], 10**6).problem == "truncated"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}], ids=str)
def test_a_jpeg_is_whole_with_its_last_byte_and_no_sooner(options):
    body = encoded("JPEG", **options)
    assert is_whole(body)
    assert not any(is_whole(body[:length]) for length in range(len(body)))


def test_the_end_of_a_thumbnail_is_not_the_end_of_its_jpeg():
    body = encoded("JPEG", exif=b"Exif\0\0" + encoded("JPEG", NOISE.resize((16, 16))))
    assert is_whole(body)
    assert not is_whole(body[:-2])


@pytest.mark.parametrize("tail", [b"\0" * 40, b"\r\n", encoded("JPEG")], ids=["padding", "newline", "second picture"])
def test_what_follows_a_jpeg_does_not_matter(tail):
    assert look(encoded("JPEG") + tail, 10**6).problem == ""


def test_fill_bytes_and_garbage_between_segments_are_passed_over():
    body = encoded("JPEG")
    assert is_whole(body[:-2] + b"\xff\xff" + body[-2:])
    assert is_whole(body[:2] + b"\0\0" + body[2:])
    assert not is_whole(body[:2] + b"\0\0")


def test_a_png_with_a_wrong_checksum_is_unreadable():
    body = bytearray(encoded("PNG"))
    body[len(body) // 2] ^= 0xFF
    assert look(bytes(body), 10**6).problem == "unreadable"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"<svg xmlns='x'/>", b"%!PS-Adobe-3.0 EPSF", b"\0" * 100, b"%PDF-1.7"]
)
def test_what_is_no_picture_is_not_looked_into(body):
    assert (extension(body), look(body, 10**6).problem) == ("bin", "not_image")


def test_pixels_are_counted_before_anything_is_decoded():
    with pytest.raises(TooManyPixelsError):
        look(encoded("PNG", Image.new("1", (5000, 5000))), 1_000_000)


def test_bytes_are_stored_as_they_are_under_their_own_hash(tmp_path):
    body = encoded("JPEG")
    data = Data(tmp_path)
    done = store(data, body, 10**6)
    path = data.image(done.sha256, "jpg")
    assert path.read_bytes() == body
    assert done.sha256 == hashlib.sha256(body).hexdigest()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_there_already_is_left_alone(tmp_path):
    body = encoded("JPEG")
    path = Data(tmp_path).image(store(Data(tmp_path), body, 10**6).sha256, "jpg")
    os.utime(path, (1, 1))
    store(Data(tmp_path), body, 10**6)
    assert path.stat().st_mtime == 1


def test_a_half_file_that_a_power_cut_left_is_written_anew(tmp_path):
    body = encoded("JPEG")
    path = Data(tmp_path).image(hashlib.sha256(body).hexdigest(), "jpg")
    path.parent.mkdir(parents=True)
    path.write_bytes(body[:10])
    store(Data(tmp_path), body, 10**6)
    assert path.read_bytes() == body


def test_bytes_that_are_not_those_expected_are_refused(tmp_path):
    with pytest.raises(RefusedError) as refused:
        store(Data(tmp_path), encoded("JPEG"), 10**6, "0" * 64)
    assert refused.value.reason == "mismatch"
    assert not Data(tmp_path).images.exists()


def test_a_disk_that_refuses_leaves_no_part_behind(tmp_path):
    """/dev/full is a disk with no room; a limit on the size of files is one too, and kinder to a test."""
    program = (
        "import resource, signal, sys; from pathlib import Path; from pipelines.store import store;"
        " from scrapbag.layout import Data; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); store(Data(Path(sys.argv[1])), b'x' * 5000, 10**6)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.real
def test_pillow_agrees_which_jpegs_in_the_wild_are_whole():
    folder = Path(os.environ.get("REAL", "")) / "photos"
    if not os.environ.get("REAL") or not folder.is_dir():
        pytest.skip("set REAL to the folder of real photographs")
    bodies = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))[::5]]
    assert len(bodies) > 100
    for body in bodies:
        for some in (body, body[: len(body) * 3 // 4], body[: len(body) // 9]):
            try:
                image = Image.open(io.BytesIO(some))
                image.draft("L", (1, 1))
                image.load()
            except OSError:
                assert not is_whole(some)
            else:
                assert is_whole(some)


@pytest.mark.real
def test_no_broken_picture_in_the_wild_ends_a_look():
    folder = Path(os.environ.get("REAL", "")) / "hostile"
    if not os.environ.get("REAL") or not folder.is_dir():
        pytest.skip("set REAL to the folder of real photographs")
    problems = set()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SOURCES.csv"):
        try:
            problems.add(look(path.read_bytes(), 40_000_000).problem)
        except TooManyPixelsError:
            problems.add("too_many_pixels")
    assert problems == {"", "not_image", "unreadable", "truncated", "too_many_pixels"}
