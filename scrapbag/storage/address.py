"""An address of a store, opened: a folder by its path or file://, a bucket as s3://, gs:// or az://."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scrapbag.errors import UsageError
from scrapbag.storage.bucket import SCHEMES, BucketStore, Patience
from scrapbag.storage.folder import FolderStore

if TYPE_CHECKING:
    from scrapbag.storage.store import Store

_HOW = "write s3://bucket/prefix, gs:// or az:// likewise, or a folder"


def opened(url: str, patience: Patience | None = None) -> Store:
    """The store at `url`; nothing is asked of it yet.

    Raises UsageError for an address that is none, and for one that has a key in it, without repeating it;
    MissingExtraError where obstore is not installed.
    """
    scheme, is_url, _ = url.partition("://")
    if not url:
        raise UsageError(f"there is no STORE; {_HOW}")
    if not is_url:
        return FolderStore(Path(url))
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError(f"STORE is no address; {_HOW}") from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError("STORE has more than a bucket and a prefix in it; keys are read from the environment alone")
    if scheme == "file" and not parts.netloc and parts.path:
        return FolderStore(Path(unquote(parts.path)))
    if scheme not in SCHEMES or not parts.netloc:
        raise UsageError(f"STORE is {url!r}; {_HOW}")
    return BucketStore(url.rstrip("/"), patience or Patience())
