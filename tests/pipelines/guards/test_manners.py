"""What a host says in headers and pages, read word by word."""

import time
from email.utils import formatdate

import pytest
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest, ResponseDataLossError

from pipelines.guards.addresses import AddressError
from pipelines.guards.failures import OptedOutError, RefusedError, StatusError, is_transient, reason_of
from scrapbag.crawl.times import retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("1.5", 1.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("1445412480", 0),
        ("1800000030", 30),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Fri, 15 Jan 2027 08:00:30 -0000", 30),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, now=1_800_000_000) == seconds


@pytest.mark.parametrize(
    "value",
    ["3600", "3601", "604800", "99999999999999", "9" * 400, "9" * 5000, "1800003601", "1800000030000",
     "Wed, 21 Oct 2095 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"],
)  # fmt: skip
def test_a_retry_after_of_more_than_an_hour_is_an_hour(value):
    assert retry_after(value, now=1_800_000_000) == 3600


def test_a_retry_after_may_be_a_date_to_come():
    assert retry_after(formatdate(time.time() + 90, usegmt=True)) == pytest.approx(90, abs=3)


@pytest.mark.parametrize(
    ("error", "reason", "passing"),
    [
        (StatusError(404), "http_4xx", False),
        (StatusError(408), "http_4xx", True),
        (StatusError(501), "http_5xx", False),
        (StatusError(503), "http_5xx", True),
        (StatusError(302), "redirect", False),
        (RefusedError("robots"), "robots", False),
        (OptedOutError(), "opt_out", False),
        (AddressError("x"), "address", False),
        (DownloadTimeoutError(), "timeout", True),
        (ResponseDataLossError(), "truncated", True),
        (DownloadCancelledError(), "too_many_bytes", False),
        (IgnoreRequest("max redirections reached"), "redirect", False),
        (IgnoreRequest("exceeded during decompression"), "too_many_bytes", False),
        (RuntimeError(), "connection", True),
    ],
)
def test_every_failure_has_one_reason(error, reason, passing):
    assert reason_of(error) == reason
    assert is_transient(error, reason) is passing
