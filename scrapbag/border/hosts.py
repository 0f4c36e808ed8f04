"""A host as an address, a recipe's allow_hosts and the catalog name it: one spelling for each, and one parser."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit, urlunsplit

PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_LOOSE = re.compile(r"[.\u3002\uff0e\uff61]")  # what IDNA takes for a dot
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


@lru_cache(4096)
def canonical(host: str) -> str:
    """`host` in the spelling that is compared: small, IPv4 as four numbers, IPv6 short, names by IDNA 2008.

    The last dot and brackets are left out, a zone (fe80::1%eth0) stays. Raises ValueError for what is no host.
    """
    text = host.strip().lower()
    if text.startswith("[") != text.endswith("]"):
        raise ValueError(f"{host!r} is no host")
    if ":" in text or text.startswith("["):
        return str(_ipv6(text.removeprefix("[").removesuffix("]")))
    text = ascii_name(text).removesuffix(".")
    if not _NAME.fullmatch(text):
        raise ValueError(f"{host!r} is no host")
    return str(ipv4(text) or text)


def ascii_name(name: str) -> str:
    """A name as it is asked for: faß.de is xn--fa-hia.de (IDNA 2008 after the mapping of UTS 46). Raises ValueError."""
    if name.isascii():
        return name
    import idna  # noqa: PLC0415  (most names are plain)

    try:
        return idna.encode(name, uts46=True, transitional=False).decode()
    except idna.IDNAError:
        # What IDNA 2008 refuses and browsers ask all the same, such as an emoji (UTS 46, without its validity checks)
        labels = _LOOSE.split(idna.uts46_remap(name, std3_rules=False))
        return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)


def ipv4(host: str) -> IPv4Address | None:
    """An IPv4 address in any spelling that a browser takes, such as 127.1, 0x7f.1 and 2130706433; None for a name.

    Raises ValueError for what ends in a number and is no address (WHATWG URL, 3.5).
    """
    parts = host.split(".")
    if not (_NUMBER.fullmatch(parts[-1]) or parts[-1].isdigit()):
        return None
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError(f"{host!r} is no address")
    numbers = [_number(part) for part in parts]
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        raise ValueError(f"{host!r} is no address")
    return IPv4Address(numbers[-1] + sum(number << 8 * (3 - place) for place, number in enumerate(numbers[:-1])))


def split(entry: str) -> tuple[str, int | None]:
    """An entry of allow_hosts, `host` or `host:port`, as both; an IPv6 address with a port stands in brackets.

    Raises ValueError for anything else, such as a whole address.
    """
    text = entry.strip()
    host, colon, port = text, "", ""
    if text.startswith("["):
        host, _, rest = text.partition("]")
        host, colon, port = f"{host}]", rest[:1], rest[1:]
    elif text.count(":") == 1:
        host, colon, port = text.partition(":")
    if not colon and not port:
        return canonical(host), None
    if colon != ":" or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError(f"{entry!r} is no host and no host:port")
    return canonical(host), int(port)


def allows(allow_hosts: tuple[str, ...], host: str, port: int) -> bool:
    """Whether a recipe names `host` or `host:port`, in whatever spelling, and so lets a private address be asked."""
    try:
        name = canonical(host)
    except ValueError:
        return False
    return any(one == name and given in (None, port) for one, given in map(_entry, allow_hosts))


def allows_url(allow_hosts: tuple[str, ...], url: str) -> bool:
    """`allows` for the host and port of an address; False for what is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return False
    return port is not None and allows(allow_hosts, parts.hostname or "", port)


def askable(url: str) -> str:
    """`url` with its host by IDNA 2008; as it is where that cannot be had. Python's own codec is of IDNA 2003."""
    if url.isascii():
        return url
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host.isascii() or parts.scheme not in PORTS:
            return url
        user, at, rest = parts.netloc.rpartition("@")
        port = rest.rpartition(":")[2] if ":" in rest else ""
        netloc = f"{user}{at}{ascii_name(host)}{f':{port}' if port else ''}"
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=netloc))


@lru_cache(256)
def _entry(entry: str) -> tuple[str, int | None]:
    try:
        return split(entry)
    except ValueError:
        return "", None  # a recipe with such an entry is refused before any work


def _ipv6(text: str) -> IPv6Address:
    try:
        return IPv6Address(text)
    except AddressValueError as error:
        raise ValueError(f"{text!r} is no IPv6 address") from error


def _number(text: str) -> int:
    """As inet_aton has it: 0x is hexadecimal, a leading 0 octal."""
    if text.lower().startswith("0x"):
        return int(text[2:] or "0", 16)
    if text.startswith("0") and re.search("[89]", text):
        raise ValueError(f"{text!r} is no number")
    return int(text, 8 if text.startswith("0") else 10)
