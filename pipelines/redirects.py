"""Redirects as Scrapy follows them, without a Referer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.downloadermiddlewares.redirect import RedirectMiddleware

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response


class Redirects(RedirectMiddleware):
    """Each hop is a request that goes through every guard; a scheme other than http and https is not followed."""

    def handle_referer(self, request: Request, response: Response) -> None:  # noqa: ARG002
        request.headers.pop("Referer", None)
