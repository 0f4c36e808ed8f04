"""A recipe's [scrape] as Scrapy's settings; Scrapy's defaults that would lose data or be rude are changed."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from scrapy.logformatter import LogFormatter

if TYPE_CHECKING:
    from scrapy.logformatter import LogFormatterResult

    from scrapbag.recipe import Scrape

_SCRAPY = "scrapy.downloadermiddlewares."
_HTTP = "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"


def scrapy_settings(scrape: Scrape, *, browser: bool) -> dict[str, Any]:
    """Everything that a crawl of ours sets. `browser`: some page of it needs Chromium."""
    return {
        "USER_AGENT": user_agent(scrape.contact),
        "SCHEDULER": "spiders.engine.scheduler.Scheduler",
        "TWISTED_DNS_RESOLVER": "pipelines.guards.address_guard.CheckedResolver",
        # Scrapy's own parts by name: what is only switched off is still imported, and costs 0.6 s and 40 MB
        "EXTENSIONS_BASE": {"scrapy.extensions.throttle.AutoThrottle": 0},
        "SPIDER_MIDDLEWARES_BASE": {},
        "SPIDER_MIDDLEWARES": {"spiders.engine.commit.CommitPages": 100},
        "DOWNLOADER_MIDDLEWARES_BASE": {
            _SCRAPY + "downloadtimeout.DownloadTimeoutMiddleware": 350,
            _SCRAPY + "defaultheaders.DefaultHeadersMiddleware": 400,
            _SCRAPY + "useragent.UserAgentMiddleware": 500,
            _SCRAPY + "httpcompression.HttpCompressionMiddleware": 605,  # stock is 590: a page's refresh is text
        },
        "DOWNLOADER_MIDDLEWARES": {  # from the engine to the network
            "pipelines.guards.http_status.Status": 10,
            "pipelines.guards.opt_outs.OptOut": 20,
            "pipelines.guards.address_guard.AddressGuard": 90,
            "pipelines.guards.robots.RobotsGuard": 100,
            "pipelines.guards.challenges.Challenge": 580,
            "pipelines.guards.redirects.Redirects": 600,
            "pipelines.guards.own_headers.OwnHeaders": 610,  # nearer than redirects, which it reads first
            "pipelines.guards.manners.Busy": 620,
            "pipelines.guards.cookies.Cookies": 700,
        },
        "DOWNLOAD_HANDLERS_BASE": {},
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("http", "https"), "spiders.browser.handler.BrowserHandler" if browser else _HTTP),
            "folder": "spiders.readers.folder.FolderHandler",
        },
        "ITEM_PIPELINES": {"pipelines.store.StorePicture": 100, "pipelines.store.RecordPicture": 900},
        "CONCURRENT_ITEMS": 1,  # a response of ours has one item; the stock 100 starts as many tasks for each
        "BROWSER_SESSIONS": scrape.sessions,
        "BROWSER_ALLOW_HOSTS": scrape.allow_hosts,
        "CONCURRENT_REQUESTS": 2 * scrape.concurrency,  # the scheduler holds to `concurrency`; robots.txt is beside it
        "CONCURRENT_REQUESTS_PER_DOMAIN": scrape.per_host,
        "DOWNLOAD_DELAY": scrape.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": scrape.delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,  # a host that is slow is asked one at a time, whatever per_host allows
        "DOWNLOAD_TIMEOUT": scrape.timeout_s,
        "DOWNLOAD_MAXSIZE": scrape.max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "ATTEMPTS": scrape.attempts,
        "MAX_PIXELS": scrape.max_pixels,
        "ALLOW_HOSTS": scrape.allow_hosts,
        "REDIRECT_MAX_TIMES": 5,
        "REDIRECT_PRIORITY_ADJUST": 0,
        "REFERRER_POLICY": "no-referrer",  # of Scrapy's own middleware; ours is pipelines/guards/referrer.py
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "STATS_DUMP": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOG_FORMATTER": "spiders.engine.settings.Quiet",
        "DEFAULT_DROPITEM_LOG_LEVEL": "DEBUG",
        "WARN_ON_GENERATOR_RETURN_VALUE": False,
    }


def user_agent(contact: str) -> str:
    """Who we are, honestly: a crawler's name, its version, and where its owner is reached."""
    return f"scrapbag/{version('scrapbag')}" + (f" (+{contact})" if contact else "")


class Quiet(LogFormatter):
    """Writes no line about a response or an item, each is a row; an exception that ends the crawl is the command's."""

    def crawled(self, *_args: Any) -> None:  # type: ignore[override]  # Scrapy takes None for "no line"
        return None

    def item_error(self, *_args: Any) -> LogFormatterResult:
        return {"level": logging.DEBUG, "msg": "the crawl ends with this", "args": {}}

    scraped = dropped = crawled  # type: ignore[assignment]
    spider_error = item_error  # type: ignore[assignment]
