"""A recipe's [scrape] as Scrapy's settings, with every default of Scrapy's that would lose data or manners changed."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scrapbag.recipe import Scrape

_MIDDLEWARE = "scrapy.downloadermiddlewares."
_UNUSED = (  # each costs CPU on every response
    "offsite.OffsiteMiddleware",
    "robotstxt.RobotsTxtMiddleware",
    "httpauth.HttpAuthMiddleware",
    "retry.RetryMiddleware",
    "redirect.MetaRefreshMiddleware",
    "cookies.CookiesMiddleware",
    "httpproxy.HttpProxyMiddleware",
    "stats.DownloaderStats",
    "httpcache.HttpCacheMiddleware",
)
_SPIDER_MIDDLEWARE = "scrapy.spidermiddlewares."


def scrapy_settings(scrape: Scrape, *, browser: bool) -> dict[str, Any]:
    """Everything that a crawl of ours sets. `browser`: some page of it needs Chromium."""
    settings: dict[str, Any] = {
        "USER_AGENT": user_agent(scrape.contact),
        "SCHEDULER": "spiders.scheduler.Scheduler",
        "TWISTED_DNS_RESOLVER": "pipelines.address_guard.CheckedResolver",
        "SPIDER_MIDDLEWARES": {
            "spiders.commit.CommitPages": 100,
            _SPIDER_MIDDLEWARE + "httperror.HttpErrorMiddleware": None,
            _SPIDER_MIDDLEWARE + "urllength.UrlLengthMiddleware": None,
            _SPIDER_MIDDLEWARE + "depth.DepthMiddleware": None,
            _SPIDER_MIDDLEWARE + "metacopy.MetaCopyDetectionMiddleware": None,
            _SPIDER_MIDDLEWARE + "start.StartSpiderMiddleware": None,
        },
        "DOWNLOADER_MIDDLEWARES": {
            "pipelines.status.Status": 10,
            "pipelines.manners.OptOut": 20,
            "pipelines.manners.Challenge": 580,
            "pipelines.address_guard.AddressGuard": 90,
            "pipelines.robots.RobotsGuard": 100,
            "pipelines.manners.Busy": 620,
            **dict.fromkeys((_MIDDLEWARE + name for name in _UNUSED), None),
        },
        "ITEM_PIPELINES": {"pipelines.store.StorePicture": 100, "pipelines.store.RecordPicture": 900},
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("data", "file", "ftp", "s3"), None),
            "folder": "spiders.folder.FolderHandler",
        },
        "CONCURRENT_REQUESTS": 2 * scrape.concurrency,  # the scheduler holds to `concurrency`; robots.txt is beside it
        "CONCURRENT_REQUESTS_PER_DOMAIN": scrape.per_host,
        "DOWNLOAD_DELAY": scrape.delay_s,
        "DOWNLOAD_DELAY_JITTER": 0,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": scrape.delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": scrape.per_host,
        "DOWNLOAD_TIMEOUT": scrape.timeout_s,
        "DOWNLOAD_MAXSIZE": scrape.max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "ATTEMPTS": scrape.attempts,
        "MAX_PIXELS": scrape.max_pixels,
        "ALLOW_HOSTS": scrape.allow_hosts,
        "REDIRECT_MAX_TIMES": 5,
        "REDIRECT_PRIORITY_ADJUST": 0,
        "REFERRER_POLICY": "no-referrer",
        "REMOTE_CONTROL_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "MEMUSAGE_ENABLED": False,
        "LOGSTATS_INTERVAL": 0,
        "STATS_DUMP": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "DEFAULT_DROPITEM_LOG_LEVEL": "DEBUG",
        "WARN_ON_GENERATOR_RETURN_VALUE": False,
    }
    if browser:
        settings["DOWNLOAD_HANDLERS"] |= dict.fromkeys(("http", "https"), "spiders.browser.BrowserHandler")
        settings |= {"BROWSER_SESSIONS": scrape.sessions, "BROWSER_ALLOW_HOSTS": scrape.allow_hosts}
    return settings


def user_agent(contact: str) -> str:
    """Who we are, honestly: a crawler's name, its version, and where its owner is reached."""
    return f"scrapbag/{version('scrapbag')}" + (f" (+{contact})" if contact else "")
