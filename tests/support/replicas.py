"""Small replicas on loopback of the interfaces that sources read, in the shapes that their owners document."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from servers import Answer, Hit, Site, picture

if TYPE_CHECKING:
    from collections.abc import Callable

Query = dict[str, str]


class Replica(Site):
    """Every interface at a path of its own: /w/api.php, /met, /artic, /si, and three shops at the root."""

    def __init__(self) -> None:
        super().__init__({})
        self.lagged = 0

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        answer = self._answer(parts.path, query, headers)
        self.hits.append(Hit(time.time(), path, headers, answer.status))
        return answer

    def _answer(self, path: str, query: Query, headers: dict[str, str]) -> Answer:
        if path.startswith("/pic/"):
            return Answer(picture(sum(path.encode()) % 200), kind="image/jpeg")
        for prefix, route in self._routes().items():
            if path.startswith(prefix):
                return route(path, query, headers)
        return Answer(status=404)

    def _routes(self) -> dict[str, Callable[[str, Query, dict[str, str]], Answer]]:
        return {
            "/w/api.php": self.commons,
            "/met/": self.met,
            "/artic/": self.artic,
            "/si/": self.smithsonian,
            "/products.json": self.shopify,
            "/wp-json/": self.woocommerce,
            "/robots.txt": self.robots,
            "/maps/": self.sitemap,
            "/item/": self.item,
        }

    # Wikimedia Commons: a category with a subcategory that leads back, a batch over two answers, a lag at first

    def commons(self, _path: str, query: Query, _headers: dict[str, str]) -> Answer:
        if not self.lagged:
            self.lagged = 1
            error = {"error": {"code": "maxlag", "info": "Waiting for a database server: 6 seconds lagged"}}
            return _json(error, **{"MediaWiki-API-Error": "maxlag", "Retry-After": "1"})
        if query.get("cmtype") == "subcat":
            other = "Category:Amish quilts" if query["cmtitle"] == "Category:Quilts" else "Category:Quilts"
            members = [{"pageid": 7, "ns": 14, "title": other}]
            return _json({"batchcomplete": True, "query": {"categorymembers": members}})
        if query["gcmtitle"] == "Category:Amish quilts":
            return _json({"batchcomplete": True, "query": {"pages": [self._file(30, "Amish.jpg", width=800)]}})
        if "gcmcontinue" not in query:
            further = {"gcmcontinue": "file|51|2", "continue": "gcmcontinue||imageinfo"}
            return _json({"continue": further, "query": {"pages": [self._file(10, "Star.jpg")]}})
        if query["continue"] == "gcmcontinue||imageinfo" and "iistart" not in query:
            further = {"iistart": "x", "gcmcontinue": "file|51|2", "continue": "||"}
            pages = [self._file(20, "Log.png"), {"pageid": 21, "ns": 6, "title": "File:Later.jpg"}]
            return _json({"continue": further, "query": {"pages": pages}})
        pages = [
            {"pageid": 20, "ns": 6, "title": "File:Log.png"},
            self._file(21, "Later.jpg", licence=""),
            self._film(),
        ]
        return _json({"batchcomplete": True, "query": {"pages": pages}})

    def _file(self, number: int, name: str, width: int = 4000, licence: str = "CC BY-SA 4.0") -> dict[str, Any]:
        said = {
            "LicenseShortName": {"value": licence, "source": "commons-desc-page", "hidden": ""},
            "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0", "source": "commons-desc-page"},
            "Artist": {
                "value": '<a href="//commons.example/User:Ann" title="User:Ann">Ann &amp; Bo</a>',
                "source": "x",
            },
            "Credit": {"value": '<span class="int-own-work">Own work</span>', "source": "commons-desc-page"},
            "Categories": {"value": "Quilts|Stars in art", "source": "commons-categories"},
        }
        info = {
            "size": 5_000_000,
            "width": width,
            "height": 3000,
            "thumburl": f"{self.url}/pic/1024px-{name}",
            "thumbwidth": 1024,
            "url": f"{self.url}/pic/{name}",
            "descriptionurl": f"{self.url}/wiki/File:{name}",
            "mime": "image/png" if name.endswith("png") else "image/jpeg",
            "extmetadata": said if licence else {},
        }
        return {"pageid": number, "ns": 6, "title": f"File:{name}", "imagerepository": "local", "imageinfo": [info]}

    def _film(self) -> dict[str, Any]:
        film = self._file(40, "Sewing.webm")
        film["imageinfo"][0]["mime"] = "video/webm"
        return film

    # The Met

    def met(self, path: str, _query: Query, _headers: dict[str, str]) -> Answer:
        if path == "/met/v1/search":
            return _json({"total": 3, "objectIDs": [11, 12, 13]})
        number = int(path.rpartition("/")[2])
        if number == 13:
            return Answer(b'{"message":"Not a valid object"}', status=404, kind="application/json")
        free = number == 11
        return _json({
            "objectID": number,
            "isPublicDomain": free,
            "primaryImage": f"{self.url}/pic/met{number}.jpg" if free else "",
            "primaryImageSmall": f"{self.url}/pic/small{number}.jpg" if free else "",
            "additionalImages": [f"{self.url}/pic/met{number}b.jpg"] if free else [],
            "title": "Star of Bethlehem Quilt",
            "objectName": "Quilt",
            "culture": "American",
            "classification": "Textiles",
            "artistDisplayName": "",
            "creditLine": "Gift of Ann, 1936",
            "objectURL": f"{self.url}/art/{number}",
            "tags": [{"term": "Stars", "AAT_URL": "http://vocab.example/1", "Wikidata_URL": ""}] if free else None,
        })  # fmt: skip

    # Art Institute of Chicago: two pages, a work without a picture

    def artic(self, _path: str, query: Query, headers: dict[str, str]) -> Answer:
        if "me@example.org" not in headers.get("aic-user-agent", ""):
            return Answer(status=403)
        page = int(query["page"])
        works: list[dict[str, Any]] = [
            {
                "id": 100 + page,
                "title": f"Bedcover {page}",
                "image_id": f"aaaa-{page}",
                "alt_image_ids": [f"bbbb-{page}"],
                "is_public_domain": True,
                "artist_title": "Unknown maker",
                "classification_titles": ["quilt", "textile"],
                "material_titles": ["cotton (textile)"],
                "term_titles": None,
                "copyright_notice": None,
                "credit_line": "Gift of Bo",
            },
            {"id": 200 + page, "title": "No picture", "image_id": None, "alt_image_ids": [], "is_public_domain": True},
        ]
        pagination = {"total": 102, "limit": 100, "offset": 0, "total_pages": 2, "current_page": page}
        return _json({"pagination": pagination, "data": works, "config": {"iiif_url": f"{self.url}/pic/iiif"}})

    # Smithsonian: types that vary, one medium without CC0

    def smithsonian(self, _path: str, query: Query, headers: dict[str, str]) -> Answer:
        if headers.get("x-api-key") != "KEY":
            return Answer(b'{"error":{"code":"API_KEY_MISSING"}}', status=403, kind="application/json")
        first = query["start"] == "0"
        resources = [
            {"label": "High-resolution TIFF", "url": f"{self.url}/pic/si.tif", "width": 9000},
            {"label": "Screen Image", "url": f"{self.url}/pic/si-screen.jpg"},
        ]
        free = {"type": "Images", "usage": {"access": "CC0"}, "content": f"{self.url}/pic/si-full.jpg"}
        media: Any = (
            [free | {"resources": resources}, {**free, "usage": {"access": "Usage conditions apply"}}]
            if first
            else free  # one thing alone is not always in a list
        )
        row = {
            "id": "edanmdm-1",
            "title": "Log Cabin Quilt",
            "content": {
                "descriptiveNonRepeating": {
                    "record_ID": f"nmah_{query['start']}",
                    "record_link": f"{self.url}/object/{query['start']}",
                    "data_source": "National Museum of American History",
                    "online_media": {"mediaCount": 2, "media": media},
                },
                "indexedStructured": {
                    "object_type": "Quilts" if first else ["Quilts", "Bedcovers"],
                    "topic": [{"content": "Quilting"}],
                    "name": [{"type": "personal_main", "content": "Ann Maker"}] if first else "Bo Maker",
                },
            },
        }
        return _json({"status": 200, "response": {"rows": [row], "rowCount": 1001, "message": "content found"}})

    # Shops

    def shopify(self, _path: str, query: Query, _headers: dict[str, str]) -> Answer:
        products = {
            "1": {
                "id": 1, "title": "Tote &amp; Purse", "handle": "tote", "vendor": "Ann", "product_type": "Bags",
                "tags": ["leather", "red"], "images": [{"id": 5, "src": f"{self.url}/pic/tote.jpg?v=1", "width": 900}],
            },
            "2": {"id": 2, "title": "Clutch", "handle": "clutch", "vendor": "", "product_type": "", "tags": "new, sale",
                  "images": [{"id": 6, "src": f"//{self.host}/pic/clutch.jpg"}, {"id": 7, "src": None}]},
        }  # fmt: skip
        return _json({"products": [products[query["page"]]] if query["page"] in products else []})

    def woocommerce(self, _path: str, query: Query, _headers: dict[str, str]) -> Answer:
        def product(number: int, rating: str, count: int) -> dict[str, Any]:
            return {
                "id": number, "name": f"Blouse &#8211; {number}", "permalink": f"{self.url}/blouse/{number}/",
                "average_rating": rating, "review_count": count, "prices": {"price": "2999", "currency_minor_unit": 2},
                "images": [{"id": number, "src": f"{self.url}/pic/blouse{number}.jpg", "srcset": "", "alt": ""}],
                "categories": [{"id": 3, "name": "Blouses", "slug": "blouses"}], "tags": [],
            }  # fmt: skip

        pages = {"1": [product(1, "4.50", 8), product(2, "3.90", 5)], "2": [product(3, "0", 0), product(4, "5.00", 1)]}
        return _json(pages.get(query["page"], []))

    # A shop with sitemaps: an index, one gzipped, image:license, schema.org on the page

    def robots(self, _path: str, _query: Query, _headers: dict[str, str]) -> Answer:
        return Answer(
            f"User-agent: *\nDisallow: /cart\nSitemap: {self.url}/maps/index.xml\n".encode(), kind="text/plain"
        )

    def sitemap(self, path: str, _query: Query, _headers: dict[str, str]) -> Answer:
        if path.endswith("index.xml"):
            names = "".join(f"<sitemap><loc>{self.url}/maps/{name}</loc></sitemap>" for name in ("a.xml", "b.xml.gz"))
            return _xml(f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{names}</sitemapindex>')
        numbers = (1, 2) if path.endswith("a.xml") else (3,)
        urls = "".join(
            f"<url><loc>{self.url}/item/{n}</loc><image:image><image:loc>{self.url}/pic/item{n}.jpg</image:loc>"
            "<image:license>https://creativecommons.org/licenses/by/4.0/</image:license></image:image></url>"
            for n in numbers
        )
        body = (
            '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
            'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
            f"{urls}<url><loc>{self.url}/about</loc></url></urlset>"
        )
        return _xml(body, zipped=path.endswith(".gz"))

    def item(self, path: str, _query: Query, _headers: dict[str, str]) -> Answer:
        number = path.rpartition("/")[2]
        if number == "3":
            return Answer(b"<title>Item 3</title><h1>Item 3</h1>")
        data = {
            "@context": "https://schema.org",
            "@graph": [
                {"@type": "WebSite", "name": "A shop", "image": f"{self.url}/pic/logo.png"},
                {"@type": ["Product", "Thing"], "name": f"Item {number}", "sku": f"S{number}", "brand": {"name": "Ann"},
                 "image": [{"@type": "ImageObject", "contentUrl": f"/pic/item{number}.jpg"}],
                 "aggregateRating": {"ratingValue": "8,5", "bestRating": 10}},
            ],
        }  # fmt: skip
        broken = '<script type="application/ld+json">{"@type": "Product", "name": "broken",}</script>'
        return Answer(f'<h1>Item</h1>{broken}<script type="application/ld+json">{json.dumps(data)}</script>'.encode())


def _json(value: Any, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), headers=headers, kind="application/json; charset=utf-8")


def _xml(text: str, *, zipped: bool = False) -> Answer:
    body = text.encode()
    return Answer(gzip.compress(body) if zipped else body, kind="application/gzip" if zipped else "application/xml")
