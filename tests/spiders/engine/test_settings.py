"""Scrapy as we run it: what its defaults would lose, leak or leave open is changed, and stays changed."""

import pytest
from scrapy.settings import Settings
from scrapy.utils.misc import load_object

from scrapbag.recipe import Scrape
from spiders.engine.settings import scrapy_settings, user_agent


@pytest.fixture
def settings():
    scrape = Scrape(contact="me@example.org", delay_s=2.0, per_host=3, max_bytes=5_000, max_pixels=6_000, timeout_s=7)
    return Settings(scrapy_settings(scrape, browser=False))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMOTE_CONTROL_ENABLED", False),
        ("TELNETCONSOLE_ENABLED", False),
        ("DOWNLOAD_VERIFY_CERTIFICATES", True),
        ("AUTOTHROTTLE_ENABLED", True),
        ("REFERRER_POLICY", "no-referrer"),
        ("DOWNLOAD_DELAY", 2.0),
        ("CONCURRENT_REQUESTS_PER_DOMAIN", 3),
        ("DOWNLOAD_MAXSIZE", 5_000),
        ("MAX_PIXELS", 6_000),
        ("DOWNLOAD_TIMEOUT", 7),
    ],
)
def test_a_setting_is_what_manners_and_safety_want(settings, name, value):
    assert settings[name] == value


@pytest.mark.parametrize("part", ["EXTENSIONS", "SPIDER_MIDDLEWARES", "DOWNLOADER_MIDDLEWARES"])
def test_of_scrapys_own_parts_only_those_are_loaded_that_are_named(settings, part):
    names = settings.get_component_priority_dict_with_base(part)
    assert all(load_object(name) for name in names)
    for stranger in ("offsite", "cookies", "httpproxy", "retry", "telnet", "remote_control", "httperror", "httpauth"):
        assert not any(name.startswith("scrapy.") and stranger in name for name in names)


def test_only_http_https_and_our_own_folders_have_a_handler(settings):
    assert set(settings.getwithbase("DOWNLOAD_HANDLERS")) == {"http", "https", "folder"}


def test_selenium_is_loaded_only_for_a_source_that_needs_it():
    plain, scripted = (
        scrapy_settings(Scrape(), browser=browser)["DOWNLOAD_HANDLERS"]["https"] for browser in (False, True)
    )
    assert "browser" not in plain
    assert scripted == "spiders.browser.handler.BrowserHandler"


def test_we_say_who_we_are():
    assert user_agent("me@example.org").startswith("scrapbag/")
    assert user_agent("me@example.org").endswith(" (+me@example.org)")
    assert "(" not in user_agent("")
