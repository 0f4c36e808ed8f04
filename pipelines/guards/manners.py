"""Pauses: 429, 430 and 503 with their Retry-After, and a wiki's maxlag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.guards.failures import BusyError
from scrapbag.crawl.times import retry_after

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response

BUSY = {429, 430, 503}


class Busy:
    """Turns 429, 430 and 503 into a pause of the host, as long as its Retry-After says."""

    def process_response(self, request: Request, response: Response) -> Response:
        lagging = response.headers.get("MediaWiki-API-Error") == b"maxlag"  # with status 200, and a Retry-After
        if (lagging or response.status in BUSY) and "lease" in request.meta:
            after = response.headers.get("Retry-After")
            if after or response.status != 503:
                raise BusyError(503 if lagging else response.status, retry_after((after or b"").decode("latin-1")))
        return response
