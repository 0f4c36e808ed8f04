"""Many hostile hosts, and one crawl of them all."""

import datetime as dt
import gzip
import io
import struct
import zlib
from email.utils import format_datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import ExifTags, Image
from servers import Answer, Site, crawl, gallery, picture, recipe, serving, urls

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
    "/to_ftp.jpg": moved("ftp://127.0.0.1/a.jpg"),
    "/to_ten.jpg": moved("http://10.0.0.1/a.jpg"),
    "/to_metadata.jpg": moved("http://169.254.169.254/latest/meta-data/"),
    "/resets.jpg": Answer(hang_up=True),
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
    "robots_gone": {"/robots.txt": Answer(hang_up=True)},
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
            main.routes["/to_down.jpg"] = moved(f"{self.sites['robots_down'].url}/a.jpg")
            port = private.host.rpartition(":")[2]
            self.spelled = [f"http://{name}:{port}/a.jpg" for name in SPELLINGS]
            self.odd = ["file:///etc/hostname", "ftp://127.0.0.1/a.jpg", "no address", "folder:///list/etc/passwd"]
            self.odd += ["http://[", "javascript:alert(1)", f"http://user:secret@{main.host}/ok.jpg"]
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
