"""The programs that no package brings: Chromium and its driver, for pages that need JavaScript."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from scrapbag.errors import MissingError

CHROMIUM = "Chromium with its driver; run: sudo apt install chromium chromium-driver"


@dataclass(frozen=True)
class Programs:
    """The paths of both on this computer."""

    chromium: str
    driver: str


def find() -> Programs | None:
    """Chromium and its driver, None when either is not installed."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver") or shutil.which("chromium.chromedriver")
    return Programs(chromium, driver) if chromium and driver else None


def require() -> Programs:
    """`find`, or MissingError with the command that installs them."""
    if (programs := find()) is None:
        raise MissingError(f"a source needs {CHROMIUM}")
    return programs
