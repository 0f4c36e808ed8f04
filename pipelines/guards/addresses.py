"""Which addresses a crawl may connect to: public ones, and those that the recipe allows by name."""

from __future__ import annotations

import asyncio
import socket

from pipelines.guards.networks import is_public
from scrapbag.border.hosts import allows

__all__ = ["AddressError", "check", "is_public", "resolve"]


class AddressError(Exception):
    """A host is, or resolves to, an address that is not public and that the recipe does not allow."""


def check(host: str, address: str, port: int, allow_hosts: tuple[str, ...]) -> None:
    """Raise AddressError unless `address`, which `host` resolved to, may be connected to."""
    if not allows(allow_hosts, host, port) and not is_public(address):
        raise AddressError(f"{host} is at {address}, which is not a public address")


async def resolve(host: str, port: int, allow_hosts: tuple[str, ...]) -> list[str]:
    """Every address of `host`, each checked; connect to one of these and nowhere else.

    Raises AddressError when any of them may not be asked, OSError (socket.gaierror) when there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(_zoned(entry[4]) for entry in found))
    for address in addresses:
        check(host, address, port, allow_hosts)
    return addresses


def _zoned(place: tuple[object, ...]) -> str:
    """The address of a socket, with its zone where it has one: getaddrinfo leaves that to a number beside it."""
    address = str(place[0])
    return f"{address}%{place[3]}" if len(place) == 4 and place[3] and "%" not in address else address
