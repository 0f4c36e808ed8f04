"""The public suffixes: what no cookie may span, and which hosts are one site."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tldextract import TLDExtract


@cache
def suffixes() -> TLDExtract:
    """The list that comes with the library; nothing is asked of the network, and nothing is written to the disk."""
    from tldextract import TLDExtract  # noqa: PLC0415  (a tenth of a second, for those who need it)

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@cache
def site_of(host: str) -> str:
    """The site that a host, with its port or without, belongs to: its registrable domain, or an IP address."""
    name = urlsplit(f"//{host}").hostname or host
    found = suffixes()(name)
    return f"{found.domain}.{found.suffix}" if found.domain and found.suffix else name
