"""A spider as Scrapy's tutorial has it, run in a venv without anything of ours: START OUT PIPELINE CONCURRENCY."""

import sys
from collections.abc import Iterator

import scrapy
from scrapy import Request
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response, TextResponse

START, OUT, PIPELINE, CONCURRENCY = sys.argv[1:]
FIELD = "image_urls" if "images" in PIPELINE else "file_urls"


class Site(scrapy.Spider):
    name = "site"
    start_urls = [START]  # noqa: RUF012  as the tutorial has it

    def parse(self, response: Response) -> Iterator[Request]:
        assert isinstance(response, TextResponse)
        yield from response.follow_all(css="a.item", callback=self.item)
        yield from response.follow_all(css="a.next")

    def item(self, response: Response) -> Iterator[dict[str, list[str]]]:
        yield {FIELD: [response.urljoin(url) for url in response.css(".gallery img::attr(src)").getall()]}


if __name__ == "__main__":
    process = CrawlerProcess(
        {
            "ITEM_PIPELINES": {PIPELINE: 1},
            "IMAGES_STORE": OUT,
            "FILES_STORE": OUT,
            "LOG_LEVEL": "WARNING",
            "CONCURRENT_REQUESTS": int(CONCURRENCY),
            "CONCURRENT_REQUESTS_PER_DOMAIN": int(CONCURRENCY),
            "DOWNLOAD_DELAY": 0,
        }
    )
    process.crawl(Site)
    process.start()
