"""Which addresses a crawl may connect to: public ones, and those that the recipe allows by name."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


class AddressError(Exception):
    """A host is, or resolves to, an address that is not public and that the recipe does not allow."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, IPv4 inside IPv6 (mapped, 6to4, Teredo, NAT64) included."""
    ip = ip_address(address)
    return all(one.is_global and not one.is_multicast for one in (ip, *_embedded(ip)) if not _wrapped(one))


def is_allowed(host: str, port: int, allow_hosts: tuple[str, ...]) -> bool:
    """Whether the recipe names `host` or `host:port` in allow_hosts, and so lets a private address be asked."""
    return host in allow_hosts or f"{host}:{port}" in allow_hosts


def check(host: str, address: str, port: int, allow_hosts: tuple[str, ...]) -> None:
    """Raise AddressError unless `address`, which `host` resolved to, may be connected to."""
    if not is_allowed(host, port, allow_hosts) and not is_public(address):
        raise AddressError(f"{host} is at {address}, which is not a public address")


async def resolve(host: str, port: int, allow_hosts: tuple[str, ...]) -> list[str]:
    """Every address of `host`, each checked; connect to one of these and nowhere else.

    Raises AddressError when any of them may not be asked, OSError (socket.gaierror) when there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check(host, address, port, allow_hosts)
    return addresses


def _embedded(ip: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    if isinstance(ip, IPv4Address):
        return ()
    nat64 = IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
    teredo = ip.teredo or ()
    return tuple(one for one in (ip.ipv4_mapped, ip.sixtofour, nat64, *teredo) if one is not None)


def _wrapped(ip: IPv4Address | IPv6Address) -> bool:
    """Whether only the IPv4 address inside counts: ::ffff:0:0/96 and NAT64 are not global by themselves."""
    return isinstance(ip, IPv6Address) and (ip.ipv4_mapped is not None or ip in _NAT64)
