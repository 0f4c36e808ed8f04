"""What servers may send, and what is expected of a crawl: one crawl of many hostile hosts, then a claim each."""

import datetime as dt
import gzip
import hashlib
import io
import itertools
import struct
import zlib
from email.utils import format_datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import ExifTags, Image
from servers import Answer, Site, crawl, gallery, picture, recipe, serving, urls
from w3lib.url import safe_url_string

pytestmark = pytest.mark.timeout(120)

JPEG = picture()
AFTERWARDS = picture(5)
CAP = 3_000_000  # max_bytes of this crawl


def jpeg(body=JPEG, **values):
    return Answer(body, kind="image/jpeg", **values)


def moved(where):
    return Answer(status=302, headers={"Location": where})


def busy_once(status, after):
    """Asks for a pause the first time; `after` gives the Retry-After."""

    def answer(_headers, number):
        return jpeg(AFTERWARDS) if number > 1 else Answer(b"", status=status, headers={"Retry-After": after()})

    return answer


def date_in(seconds):
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return format_datetime(when, usegmt=True)


def png_of(side):
    """A PNG that says it has side x side pixels, in a few bytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def self_signed(path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(here, critical=False)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    path.write_bytes(key.private_bytes(*form) + certificate)
    return path


def turned():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif


NOISE = Image.effect_noise((64, 64), 50)
ODD = {
    "/transparent.png": encoded(Image.merge("RGBA", [NOISE] * 4), "PNG"),
    "/sixteen_bit.png": encoded(NOISE.convert("I;16"), "PNG"),
    "/ink.jpg": encoded(Image.merge("CMYK", [NOISE] * 4), "JPEG"),
    "/turned.jpg": encoded(
        NOISE, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    ),
    "/moving.gif": encoded(NOISE, "GIF", save_all=True, append_images=[NOISE.rotate(90)]),
    "/lossy.webp": encoded(NOISE, "WEBP"),
    "/old.bmp": encoded(NOISE, "BMP"),
    "/scan.tif": encoded(NOISE, "TIFF"),
    "/new.avif": encoded(NOISE, "AVIF"),
}
MAIN = {
    "/ok.jpg": jpeg(),
    "/again.jpg": jpeg(),
    "/html.jpg": jpeg(b"<html><body>not here</body></html>"),
    "/wrong.png": Answer(picture(1), kind="image/png"),
    "/short.jpg": jpeg(JPEG[:900], length=len(JPEG)),
    "/half.jpg": jpeg(JPEG[:900]),
    "/open_ended.jpg": jpeg(picture(2), length=-1),
    "/noai.jpg": jpeg(JPEG * 9000, headers={"X-Robots-Tag": "noai, noimageai"}),
    "/noindex.jpg": jpeg(headers={"X-Robots-Tag": "max-image-preview: none, noindex"}),
    "/for_others.jpg": jpeg(picture(4), headers={"X-Robots-Tag": "googlebot: noindex, noai"}),
    "/for_us.jpg": jpeg(headers={"X-Robots-Tag": "scrapbag: noimageai"}),
    "/tdm.jpg": jpeg(headers={"tdm-reservation": "1"}),
    "/announced.jpg": jpeg(b"\xff\xd8\xff", length=CAP * 10),
    "/endless.jpg": jpeg(b"\xff\xd8\xff" + b"A" * CAP * 8, length=-1),
    "/inflates.jpg": jpeg(gzip.compress(b"\0" * CAP * 20), headers={"Content-Encoding": "gzip"}),
    "/pixels.png": jpeg(png_of(13_000)),
    "/loop.jpg": moved("/loop.jpg"),
    "/twice.jpg": moved("/once.jpg"),
    "/once.jpg": moved("/ok.jpg"),
    "/to_file.jpg": moved("file:///etc/hostname"),
    "/gone.jpg": Answer(status=404),
    "/broken.jpg": Answer(status=500),
    "/recovers.jpg": lambda _headers, number: jpeg(AFTERWARDS) if number > 1 else Answer(status=502),
    "/drips.jpg": jpeg(JPEG[:200], drip=0.2),
    "/hangs.jpg": jpeg(wait=30),
    "/%2e%2e%2f%2e%2e%2fetc%2fpasswd": jpeg(picture(6)),
    **{path: Answer(body, kind="image/x") for path, body in ODD.items()},
}
CHALLENGE = Answer(b"<title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/x'></script>", status=403)
HOSTS = {
    "main": MAIN,
    "private": {},
    "signed_by_nobody": {},
    "robots_down": {"/robots.txt": Answer(status=503)},
    "robots_busy": {"/robots.txt": Answer(status=429)},
    "robots_none": {"/robots.txt": Answer(status=403)},
    "robots_rules": {"/robots.txt": Answer(b"User-agent: *\nDisallow: /\n\nUser-agent: scrapbag\nDisallow: /b\n")},
    "robots_slow": {"/robots.txt": Answer(b"User-agent: *\nCrawl-delay: 1.5\n")},
    "seconds": {"/a.jpg": busy_once(429, lambda: "2")},
    "date": {"/a.jpg": busy_once(503, lambda: date_in(3))},
    "shopify": {"/a.jpg": busy_once(430, lambda: "1")},
    "always": {f"/{x}.jpg": Answer(status=429, headers={"Retry-After": "1"}) for x in "abc"},
    "challenge": {"/a.jpg": CHALLENGE, "/b.jpg": jpeg(wait=1), "/c.jpg": jpeg(wait=1)},
    "meta": {"/": Answer(b'<meta name="Robots" content="NoAI"><img src="/a.jpg">')},
    "tdm_page": {"/": Answer(b'<img src="/a.jpg">', headers={"tdm-reservation": "1"})},
    "noindex_page": {"/": Answer(b'<meta name="robots" content="noindex"><img src="/a.jpg">')},
}
PAGES = ("meta", "tdm_page", "noindex_page")
SPELLINGS = ("localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]")


class World:
    """The crawl, and the sites that it met."""

    def __init__(self, folder):
        self.sites = {
            name: Site({f"/{x}.jpg": jpeg(picture(9 * number + ord(x))) for x in "abc"} | routes)
            for number, (name, routes) in enumerate(HOSTS.items())
        }
        self.sites["signed_by_nobody"].pem = self_signed(folder / "server.pem")
        with serving(*self.sites.values()):
            main, private = self.sites["main"], self.sites["private"]
            main.routes["/to_private.jpg"] = moved(f"{private.url}/a.jpg")
            port = private.host.rpartition(":")[2]
            self.spelled = [f"http://{name}:{port}/a.jpg" for name in SPELLINGS]
            self.odd = ["file:///etc/hostname", "ftp://127.0.0.1/a.jpg", "no address", "folder:///list/etc/passwd"]
            addresses = [main.url + path for path in main.routes if path[1:2] not in ("a.", "b.", "c.")]
            for name, site in self.sites.items():
                if name not in ("main", *PAGES):
                    addresses += [f"{site.url}/{x}.jpg" for x in "abc"]
            text = recipe(
                urls(folder / "list.txt", *addresses, *self.spelled, *self.odd, "http://nowhere.invalid/a.jpg"),
                *(gallery(self.sites[name], name=name) for name in PAGES),
                allow_hosts=[site.host for name, site in self.sites.items() if name != "private"],
                contact="tests@example.org",
                attempts=2,
                max_bytes=CAP,
                timeout_s=4.0,
                per_host=4,
                concurrency=48,
            )
            self.done = crawl(folder / "data", text, timeout=100)
        self.records = self.done.records()

    def record(self, path, site="main"):
        return self.records[self.sites[site].url + path]

    def asked(self, site, path=""):
        return self.sites[site].asked(path)

    def file(self, record):
        return self.done.data / "images" / record.sha256[:2] / f"{record.sha256}.{record.extension}"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("guards"))


def test_the_crawl_comes_to_its_end_and_tells_what_it_did_not_fetch(world):
    assert world.done.code == 0, world.done.out
    assert "Traceback" not in world.done.out
    assert "opt_out" in world.done.out


@pytest.mark.parametrize("path", ["/ok.jpg", "/open_ended.jpg", "/recovers.jpg", *ODD])
def test_a_picture_is_stored_byte_for_byte_as_it_was_served(world, path):
    record = world.record(path)
    route = MAIN[path]
    served = route({}, 2).body if callable(route) else route.body
    assert (record.state, record.problem) == ("done", "")
    assert world.file(record).read_bytes() == served
    assert record.sha256 == hashlib.sha256(served).hexdigest()


def test_the_same_bytes_under_two_addresses_are_one_file_and_two_rows(world):
    assert world.record("/again.jpg").number == world.record("/ok.jpg").number


def test_the_extension_comes_from_the_signature(world):
    assert world.record("/wrong.png").extension == "jpg"


@pytest.mark.parametrize(
    ("path", "problem"), [("/html.jpg", "not_image"), ("/half.jpg", "truncated")], ids=["a page", "half a picture"]
)
def test_what_came_whole_but_is_no_whole_picture_is_stored_with_its_problem(world, path, problem):
    record = world.record(path)
    assert (record.state, record.problem) == ("done", problem)
    assert world.file(record).read_bytes() == MAIN[path].body


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/short.jpg", "truncated"),
        ("/announced.jpg", "too_many_bytes"),
        ("/endless.jpg", "too_many_bytes"),
        ("/inflates.jpg", "too_many_bytes"),
        ("/pixels.png", "too_many_pixels"),
        ("/loop.jpg", "redirect"),
        ("/to_file.jpg", "redirect"),
        ("/to_private.jpg", "address"),
        ("/gone.jpg", "http_4xx"),
        ("/broken.jpg", "http_5xx"),
        ("/drips.jpg", "timeout"),
        ("/hangs.jpg", "timeout"),
    ],
)
def test_a_failure_is_one_row_with_its_reason(world, path, reason):
    record = world.record(path)
    assert (record.state, record.fetch_reason, record.sha256) == ("failed", reason, "")


def test_what_may_pass_is_tried_again_and_what_will_not_is_not(world):
    tries = {
        path: len(world.asked("main", path)) for path in ("/gone.jpg", "/broken.jpg", "/recovers.jpg", "/noai.jpg")
    }
    assert tries == {"/gone.jpg": 1, "/broken.jpg": 2, "/recovers.jpg": 2, "/noai.jpg": 1}


def test_a_redirect_is_followed_and_the_address_that_was_named_keeps_the_picture(world):
    assert world.record("/twice.jpg").number == world.record("/ok.jpg").number


@pytest.mark.parametrize("path", ["/noai.jpg", "/noindex.jpg", "/for_us.jpg", "/tdm.jpg"])
def test_an_opt_out_by_header_is_kept(world, path):
    record = world.record(path)
    assert (record.state, record.fetch_reason) == ("skipped", "opt_out")


def test_an_opt_out_is_decided_before_the_body_is_paid_for(world):
    assert "/noai.jpg" not in world.sites["main"].finished
    assert "/ok.jpg" in world.sites["main"].finished


def test_an_opt_out_for_another_crawler_is_not_ours(world):
    assert world.record("/for_others.jpg").state == "done"


@pytest.mark.parametrize("site", ["meta", "tdm_page"])
def test_a_page_that_opts_out_gives_no_pictures(world, site):
    assert [hit.path for hit in world.asked(site)] == ["/"]


def test_a_page_that_only_wants_no_place_in_a_search_engine_is_read(world):
    assert world.record("/a.jpg", "noindex_page").state == "done"


@pytest.mark.parametrize("number", range(len(SPELLINGS)), ids=SPELLINGS)
def test_a_private_address_is_refused_however_it_is_spelled(world, number):
    assert world.records[world.spelled[number]].fetch_reason == "address"
    assert world.sites["private"].hits == []


@pytest.mark.parametrize("number", range(4), ids=["file", "ftp", "none", "folder"])
def test_only_http_and_https_are_asked(world, number):
    assert world.records[safe_url_string(world.odd[number])].fetch_reason == "address"


def test_a_name_that_nobody_knows_is_one_row(world):
    assert world.records["http://nowhere.invalid/a.jpg"].fetch_reason == "dns"


def test_a_certificate_that_nobody_signed_is_refused(world):
    assert world.record("/a.jpg", "signed_by_nobody").fetch_reason == "tls"
    assert world.sites["signed_by_nobody"].hits == []


@pytest.mark.parametrize("site", ["robots_down", "robots_busy"])
def test_without_a_readable_robots_txt_nothing_of_the_host_is_asked(world, site):
    assert world.asked(site) == []
    assert {world.record(f"/{x}.jpg", site).fetch_reason for x in "abc"} == {"robots"}


def test_where_there_is_no_robots_txt_everything_may_be_asked(world):
    assert world.record("/a.jpg", "robots_none").state == "done"


def test_the_rules_for_us_win_over_those_for_everyone(world):
    assert world.record("/a.jpg", "robots_rules").state == "done"
    record = world.record("/b.jpg", "robots_rules")
    assert (record.state, record.fetch_reason) == ("skipped", "robots")
    assert not world.asked("robots_rules", "/b.jpg")


def test_robots_txt_is_asked_first_and_once(world):
    paths = [hit.path for hit in world.sites["main"].hits]
    assert paths[0] == "/robots.txt"
    assert paths.count("/robots.txt") == 1


def test_a_crawl_delay_is_kept_from_the_first_request_on(world):
    times = [hit.at for hit in world.sites["robots_slow"].hits]
    assert min(later - earlier for earlier, later in itertools.pairwise(times[1:])) > 1.4


@pytest.mark.parametrize(("site", "pause"), [("seconds", 2), ("date", 2), ("shopify", 1)])
def test_a_host_that_asks_for_a_pause_gets_it_and_then_one_probe(world, site, pause):
    busy = world.asked(site, "/a.jpg")[0]
    before = [hit for hit in world.asked(site) if hit.at <= busy.at + 0.3]
    after = [hit for hit in world.asked(site) if hit.at > busy.at + 0.3]
    assert len(before) <= 4  # those that were under way already
    assert after[0].at - busy.at >= pause - 0.1
    assert {world.record(f"/{x}.jpg", site).state for x in "abc"} == {"done"}


def test_a_host_that_never_stops_asking_for_pauses_is_given_up(world):
    assert {world.record(f"/{x}.jpg", "always").fetch_reason for x in "abc"} == {"http_4xx"}
    assert len(world.asked("always")) <= 8


def test_a_challenge_stops_the_host_with_a_reason(world):
    assert world.record("/a.jpg", "challenge").fetch_reason == "challenge"
    assert len(world.asked("challenge", "/a.jpg")) == 1


def test_nothing_from_an_address_becomes_a_path(world):
    record = world.record("/%2e%2e%2f%2e%2e%2fetc%2fpasswd")
    assert record.state == "done"
    names = {path.name for path in world.done.data.rglob("*") if path.is_file() and path.parent.parent.name == "images"}
    assert all(len(name.partition(".")[0]) == 64 for name in names)
    assert not list((world.done.data / "images").glob("*/.*"))


def test_we_say_who_we_are_and_what_we_came_for(world):
    hit = world.asked("main", "/ok.jpg")[0]
    assert hit.headers["user-agent"].startswith("scrapbag/")
    assert "tests@example.org" in hit.headers["user-agent"]
    assert hit.headers["accept-encoding"] == "identity"
    assert "referer" not in hit.headers
    assert "cookie" not in hit.headers


def test_no_host_is_asked_for_more_at_once_than_the_recipe_allows(world):
    assert world.sites["main"].most <= 4
