"""What a host says in headers and pages, read word by word."""

import time
from email.utils import formatdate

import pytest
from scrapy.exceptions import DownloadCancelledError, DownloadTimeoutError, IgnoreRequest, ResponseDataLossError

from pipelines.guards.addresses import AddressError
from pipelines.guards.failures import OptedOutError, RefusedError, StatusError, is_transient, reason_of
from pipelines.guards.manners import retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value) == seconds


@pytest.mark.parametrize("value", ["99999999999999", "Wed, 21 Oct 2095 07:28:00 GMT", str(7 * 86_400 + 1)])
def test_a_retry_after_of_more_than_a_week_is_a_week(value):
    assert retry_after(value) == 7 * 86_400


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
