"""What a browser remembers of its pages: cookies, which the pictures need as well; and how it forgets all of it.

`chrome` is Selenium's, which one file alone imports.
"""

from __future__ import annotations

from typing import Any


def said(chrome: Any) -> list[str]:
    """The cookies of the page that is open, each as a Set-Cookie header says it, for as long as the crawl runs."""
    lines = []
    for one in chrome.get_cookies():
        domain = f"; Domain={one['domain']}" if one["domain"].startswith(".") else ""
        secure = "; Secure" if one.get("secure") else ""
        lines.append(f"{one['name']}={one['value']}; Path={one.get('path', '/')}{domain}{secure}")
    return lines


def forget(chrome: Any) -> None:
    """Cookies and storage of every site: the next page is of another source."""
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chrome.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
