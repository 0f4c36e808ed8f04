"""Why a request brought nothing: the exceptions of a fetch, and the reason that each gives (scrapbag/reasons.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    StopDownload,
    UnsupportedURLSchemeError,
)

from pipelines.guards.addresses import AddressError

if TYPE_CHECKING:
    from scrapbag.reasons import FetchReason

SILENT: set[FetchReason] = {"timeout", "dns", "connection"}  # the host did not answer at all
_TRANSIENT: set[FetchReason] = {*SILENT, "truncated"}
_TRANSIENT_STATUS = {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524}


class RefusedError(IgnoreRequest):
    """A guard refuses a request or its response. `skipped`: the site forbids it, so its row is skipped, not failed."""

    def __init__(self, reason: FetchReason, message: str = "", *, skipped: bool = False) -> None:
        super().__init__(message or reason)
        self.reason = reason
        self.skipped = skipped


class HostStoppedError(RefusedError):
    """`host` is to be left alone for the rest of the run, for `reason`."""

    def __init__(self, reason: FetchReason, host: str, message: str) -> None:
        super().__init__(reason, message)
        self.host = host


class StatusError(IgnoreRequest):
    """A response whose status is no success, and the reason that it gives."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.reason: FetchReason = "redirect" if status < 400 else "http_4xx" if status < 500 else "http_5xx"


class BusyError(IgnoreRequest):
    """429, 430 or 503: the host asks for a pause of `seconds`; None where it does not say how long."""

    def __init__(self, status: int, seconds: float | None) -> None:
        super().__init__(f"{status}, for {seconds} s")
        self.status = status
        self.seconds = seconds


class NotYetError(IgnoreRequest):
    """A request was held until robots.txt came; it is queued again, so that the delay between both is kept."""


class ElsewhereError(IgnoreRequest):
    """The host is another process's of this crawl, which alone may ask it: nothing was asked."""


class OptedOutError(StopDownload):
    """The headers opt out (X-Robots-Tag, tdm-reservation): the body is not downloaded, the status is looked at."""


def is_transient(error: BaseException, reason: FetchReason) -> bool:
    """Whether a failure is transient: the same request may succeed a little later."""
    return error.status in _TRANSIENT_STATUS if isinstance(error, StatusError) else reason in _TRANSIENT


def says_nothing(error: BaseException, reason: FetchReason) -> bool:
    """Whether a failure says nothing of what was asked for: what an earlier answer brought still holds."""
    unanswered = reason in _TRANSIENT or reason in {"tls", "http_5xx", "challenge", "address"}
    return unanswered or is_transient(error, reason) or isinstance(error, HostStoppedError)


def reason_of(error: BaseException) -> FetchReason:
    """The reason for what a download raised."""
    match error:
        case RefusedError() | StatusError():
            return error.reason
        case OptedOutError():
            return "opt_out"
        case AddressError() | UnsupportedURLSchemeError():
            return "address"
        case DownloadTimeoutError():
            return "timeout"
        case CannotResolveHostError():
            return "dns"
        case ResponseDataLossError():
            return "truncated"
        case DownloadCancelledError():
            return "too_many_bytes"
        case IgnoreRequest():  # Scrapy's own: too many redirects, or a body that inflates beyond the cap
            return "redirect" if "redirections" in str(error) else "too_many_bytes"
    return "tls" if _is_tls(error) else "connection"


def _is_tls(error: BaseException) -> bool:
    causes = [error, error.__cause__, *(getattr(one, "value", None) for one in _nested(error))]
    return any("SSL" in type(one).__module__ or "service_identity" in type(one).__module__ for one in causes if one)


def _nested(error: BaseException) -> list[object]:
    """The failures that Twisted wraps into one."""
    return [*getattr(error, "reasons", ()), *getattr(error.__cause__, "reasons", ())]
