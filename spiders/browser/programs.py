"""Where Chromium and its driver are on this computer."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from scrapbag.errors import MissingError

INSTALL = "sudo apt install chromium chromium-driver"


@dataclass(frozen=True)
class Programs:
    """The paths of both."""

    chromium: str
    driver: str


def find() -> Programs | None:
    """Chromium and its driver, None when either is not installed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver") or shutil.which("chromium.chromedriver")
    return Programs(chromium, driver) if chromium and driver else None


def require() -> Programs:
    """`find`, or MissingError with the line that installs them."""
    if (programs := find()) is None:
        raise MissingError(f"Chromium with its driver is not installed, and a source needs it; run: {INSTALL}")
    return programs
