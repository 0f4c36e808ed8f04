"""Times that others tell us, and times that an earlier run wrote down: each is read here, and bounded.

A server may say anything, and a clock may have been wrong: no time keeps a crawl waiting longer than an hour.
"""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_S = 3600.0  # the longest pause that a host is granted, and the farthest that a time of our own lies ahead
_CRAWL_DELAY_S = 600.0  # the longest Crawl-delay that is kept; a longer one is met by this
_UNIX_S = 1_000_000_000  # a number of seconds this large is meant as a time since 1970 (September 2001)

# The SQL of `kept`: when a request may be made, with now as its parameter
KEPT = f"case when not_before - ? > {LONGEST_S} then 0 else not_before end"


def retry_after(value: str, now: float | None = None) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110, 10.2.3): a number, or a date, which some write as Unix time.

    LONGEST_S stands for that and for all that is longer; None for what cannot be read. `now`, in seconds since 1970, is
    the present where it is left out.
    """
    text, now = value.strip(), time.time() if now is None else now
    try:
        if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
            seconds = float(text)  # more digits than a float has are infinity
            seconds -= now if seconds >= _UNIX_S else 0.0
        else:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ArithmeticError, LookupError, OSError, TypeError, ValueError):
        return None
    return min(max(seconds, 0.0), LONGEST_S)


def crawl_delay(seconds: float) -> float:
    """What is kept of a Crawl-delay: at most ten minutes; 0 where it is no number or a negative one."""
    return min(seconds, _CRAWL_DELAY_S) if seconds > 0 else 0.0  # NaN is greater than nothing


def kept(moment: float, now: float) -> float:
    """A moment (seconds since 1970) that an earlier run wrote down; 0 when so far ahead that its clock was wrong."""
    return 0.0 if moment - now > LONGEST_S else moment
