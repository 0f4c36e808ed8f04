"""Addresses without what says who is asking, and from where: session ids, and the marks of advertisements.

A server that writes a session id into every link has a new address for every page at every visit. What is left out
here decides nothing of what is shown: the address without it is the one that is asked, compared and kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable

# Names that are nothing else, in a query or after a semicolon in a path
_SESSION = re.compile(
    r"j?(?:serv)?sessionid\w*|php_?sess(?:ion)?(?:_?id)?|session[_-]?id|sess_?id|sess[_-]id|aspsessionid\w*"
    r"|asp\.net_sessionid|cfid|cftoken|cfsessionid|oscsid|oscadminid|zenid|zencartid|xtcsid|ecsid|___sid|bv_?sessionid"
    r"|bv_?engineid|wosid|phpbb\w*_sid|fe_typo_user|_sid|_ss|_pos",
    re.IGNORECASE,
)
# Names that may also be a story's or a style's number; their value tells
_PERHAPS = re.compile(r"w?sid|usid|ssid|psid|session|sess|s", re.IGNORECASE)
_RANDOM = re.compile(  # letters and digits by chance, or more digits than any number of a thing has
    r"(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])[\w,~.-]{8,}|[0-9a-f]{16,}|[a-z]{24,}|[0-9]{10,}", re.IGNORECASE
)
_MARK = re.compile(
    r"utm_\w+|[gy]clid|gclsrc|[gw]braid|dclid|fbclid|msclkid|ttclid|twclid|li_fat_id|igshid|igsh|mc_[ce]id|_ga|_gl"
    r"|srsltid|_hs(?:enc|mi)|(?:pk|mtm|piwik|matomo)_(?:campaign|kwd|keyword|source|medium|content|cid)|vero_(?:conv|id)",
    re.IGNORECASE,
)
# What a signature is over cannot be touched, nor what a link is good for only with
_SIGNED = re.compile(
    r"[?&;](?:x-(?:amz|goog)-\w+|signature|sig|hmac|hdn\w+|__gda__|policy|key-pair-id|expires?|exp|token|auth\w*|hash|st|s)=",
    re.IGNORECASE,
)
# Changes at every visit and shows the same; too common a name to leave out of what is asked
_PASSING = re.compile(
    r"x-(?:amz|goog)-\w+|signature|sig|hmac|hdn\w+|__gda__|policy|key-pair-id|expires?|exp|token|_|t|ts|time(?:stamp)?|rnd"
    r"|rand(?:om)?|cb|nocache|cache(?:bust(?:er)?)?|nonce",
    re.IGNORECASE,
)
_PATH = re.compile(rf"(?:;|%3B)(?:{_SESSION.pattern}|sid)(?:=|%3D)[^;/?#]*", re.IGNORECASE)
_ASP = re.compile(r"/(?:\(|%28)(?:[A-Z](?:\(|%28)[\w~-]+(?:\)|%29))+(?:\)|%29)(?=/|$)", re.IGNORECASE)
# One of these is in every address that any of the patterns matches; looked for first, because it is quick
_SUSPECT = (
    *("sess", "sid", "cfid", "cftoken", "zen", "typo_user", "_ss=", "_pos=", "osca", "engineid", "?s=", "&s=", ";s="),
    *("(", "%28", "utm_", "clid", "clsrc", "clkid", "braid", "fat_id", "igsh", "mc_", "_ga", "_gl", "_hs", "pk_"),
    *("mtm_", "piwik_", "matomo_", "vero_"),
)


def plain(url: str, *, picture: bool = False) -> str:
    """`url` without session ids and marks; a `picture` that is signed, or good for a time only, stays as it is."""
    if not ("?" in url or ";" in url or "(" in url or "%" in url):
        return url
    small = url.lower()
    if not any(part in small for part in _SUSPECT) or (picture and _SIGNED.search(url)):
        return url
    address, hash_, fragment = url.partition("#")
    path, mark, query = address.partition("?")
    path = _ASP.sub("", _PATH.sub("", path))
    if path.count("/") < 3 and "://" in path:
        path += "/"
    return _joined(path, mark, query, _is_session) + hash_ + fragment


def same(url: str) -> str:
    """What two addresses have in common that show the same at two visits; to compare by, not to ask."""
    path, mark, query = plain(url).partition("#")[0].partition("?")
    return _joined(path, mark, query, lambda name, _value: bool(_PASSING.fullmatch(name))) if mark else path


def _joined(path: str, mark: str, query: str, unwanted: Callable[[str, str], bool]) -> str:
    """The address again without what is `unwanted` of its query, all else to the letter as it was."""
    parts = re.split(r"([&;])", query)
    kept = ""
    for part, before in zip(parts[::2], ["", *parts[1::2]], strict=True):
        name, _, value = part.partition("=")
        if not unwanted(unquote(name), unquote(value)):
            kept += (before if kept else "") + part
    return f"{path}{mark}{kept}" if kept or not query else path


def _is_session(name: str, value: str) -> bool:
    if _SESSION.fullmatch(name) or _MARK.fullmatch(name):
        return True
    if not _PERHAPS.fullmatch(name):
        return False
    return bool(re.fullmatch(r"[0-9a-f]{32,}", value) if name.lower() == "s" else _RANDOM.fullmatch(value))
