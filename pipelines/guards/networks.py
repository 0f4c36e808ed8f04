"""Which IP addresses belong to the public internet, by a table of our own.

The standard library's `is_global` depends on Python's patch version. Sources: the IANA IPv4 and IPv6 Special-Purpose
Address Registries (RFC 6890 and what followed it) and the IANA IPv6 address space, both as of 2026-11.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from scrapbag.border.hosts import canonical

# Not globally reachable. 192.0.0.0/24 whole: its two public ones are anycast, answered by one's own router
_NOT_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # shared by a provider's customers (RFC 6598)
            "127.0.0.0/8",  # loopback (RFC 1122)
            "169.254.0.0/16",  # link-local, and clouds' metadata (RFC 3927)
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast (RFC 5771)
            "240.0.0.0/4",  # reserved, and broadcast (RFC 1112)
        ),
    )
)
# Of IPv6 only this is assigned to hosts of the internet; the rest is loopback, local, multicast, mapped or reserved
_GLOBAL_V6 = IPv6Network("2000::/3")
_NOT_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments (RFC 2928), but for those below
            "2001:db8::/32",  # documentation (RFC 3849)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
# PCP, TURN and SRP anycast (2001:1::1 to ::3) are public too, and one's own router answers: they are left out
_BUT_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001:3::/32",  # AMT (RFC 7450)
            "2001:4:112::/48",  # AS112 (RFC 7535)
            "2001:20::/28",  # ORCHIDv2 (RFC 7343)
            "2001:30::/28",  # drones' remote ids (RFC 9374)
        ),
    )
)
# An IPv4 address that is reached through an IPv6 one, which counts in its place
_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; its local-use brother 64:ff9b:1::/48 (RFC 8215) leads anywhere
_6TO4 = IPv6Network("2002::/16")  # RFC 3056
_TEREDO = IPv6Network("2001::/32")  # RFC 4380
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214, 6.1: the upper half of an interface identifier


def is_public(address: str) -> bool:
    """Whether `address` belongs to the public internet, and so does every IPv4 address inside it.

    False for one with a zone (fe80::1%eth0) and for what is no address. IPv4 may be spelt as a host may be (0x7f.1).
    """
    try:
        text = canonical(address)
        ip = IPv6Address(text) if ":" in text else IPv4Address(text)
    except (ValueError, AddressValueError):
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_V4)
    inside = embedded(ip)
    if ip.scope_id is not None or not all(is_public(str(one)) for one in inside):
        return False
    if any(ip in network for network in (_MAPPED, _NAT64, _6TO4, _TEREDO)):
        return True
    taken = any(ip in network for network in _NOT_V6) and not any(ip in network for network in _BUT_V6)
    return ip in _GLOBAL_V6 and not taken


def embedded(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a packet to `ip` may be sent on to; of Teredo the server's and the client's."""
    number = int(ip)
    last = IPv4Address(number & 0xFFFFFFFF)
    if ip in _MAPPED or ip in _NAT64:
        return (last,)
    if ip in _6TO4:
        return (IPv4Address(number >> 80 & 0xFFFFFFFF), *_isatap(number, last))
    if ip in _TEREDO:
        return (IPv4Address(number >> 64 & 0xFFFFFFFF), IPv4Address(~number & 0xFFFFFFFF))
    return _isatap(number, last)


def _isatap(number: int, last: IPv4Address) -> tuple[IPv4Address, ...]:
    return (last,) if number >> 32 & 0xFFFFFFFF in _ISATAP else ()
