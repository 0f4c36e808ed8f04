"""A response whose status is no success is raised as an error, so that the errback sees every failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.guards.failures import StatusError

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response


class Status:
    """The downloader middleware nearest to the engine: what passes is a success, or a 304 that was asked for."""

    def process_response(self, request: Request, response: Response) -> Response:
        unchanged = response.status == 304 and (
            "If-None-Match" in request.headers or "If-Modified-Since" in request.headers
        )
        if "lease" in request.meta and response.status >= 300 and not unchanged:
            raise StatusError(response.status)
        return response
