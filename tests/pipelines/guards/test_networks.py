"""Which addresses are public: the registries' list once more, and any private IPv4 in any wrapping."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.guards.networks import is_public

QUICK = settings(derandomize=True, deadline=None, database=None, max_examples=300)

# IANA IPv4 Special-Purpose Address Registry: all that is not globally reachable; and multicast
NOT_V4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
# IANA IPv6 Special-Purpose Address Registry, likewise; site-local (RFC 3879), IPv4-compatible (RFC 4291) and
# IPv4-translated (RFC 2765) addresses; and what the IPv6 address space keeps in reserve
NOT_V6 = [
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001:2::/48",
    "2001:10::/28",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "200::/7",
    "400::/6",
    "800::/5",
    "4000::/3",
    "6000::/3",
    "8000::/3",
    "a000::/3",
    "c000::/3",
    "e000::/4",
    "f000::/5",
    "f800::/6",
    "fe00::/9",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "192.31.196.1",
    "192.175.48.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:20::1",
    "2001:4:112::1",
    "2620:4f:8000::1",
    "2c0f::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2001:0:808:808:0:0:f7f7:f7f7",
    "2a00::5efe:808:808",
]
WRAPPED = {
    "mapped": lambda v4: int(IPv6Address("::ffff:0:0")) + v4,
    "compatible": lambda v4: v4,
    "translated": lambda v4: int(IPv6Address("::ffff:0:0:0")) + v4,
    "nat64": lambda v4: int(IPv6Address("64:ff9b::")) + v4,
    "local nat64": lambda v4: int(IPv6Address("64:ff9b:1::")) + v4,
    "local nat64, elsewhere": lambda v4: int(IPv6Address("64:ff9b:1:ab:cd::")) + v4,
    "6to4": lambda v4: int(IPv6Address("2002::1")) + (v4 << 80),
    "isatap": lambda v4: int(IPv6Address("2a00:1::5efe:0:0")) + v4,
    "isatap, universal": lambda v4: int(IPv6Address("2a00:1::200:5efe:0:0")) + v4,
    "isatap in 6to4": lambda v4: int(IPv6Address("2002:808:808::5efe:0:0")) + v4,
    "teredo's server": lambda v4: int(IPv6Address("2001::f7f7:f7f7")) + (v4 << 64),
    "teredo's client": lambda v4: int(IPv6Address("2001:0:808:808::")) + (v4 ^ 0xFFFFFFFF),
}


def members(networks):
    return st.one_of([st.integers(int(one.network_address), int(one.broadcast_address)) for one in networks])


@pytest.mark.parametrize("network", NOT_V4 + NOT_V6)
def test_the_ends_of_a_special_network_are_not_public(network):
    one = IPv6Network(network) if ":" in network else IPv4Network(network)
    assert not is_public(str(one.network_address))
    assert not is_public(str(one.broadcast_address))


@pytest.mark.parametrize("address", PUBLIC)
def test_its_neighbours_and_all_others_are(address):
    assert is_public(address)


@given(st.integers(0, 2**32 - 1))
@QUICK
def test_an_ipv4_address_is_public_where_the_registry_has_it_so(number):
    address = IPv4Address(number)
    assert is_public(str(address)) is not any(address in IPv4Network(one) for one in NOT_V4)


@given(members([IPv6Network(one) for one in NOT_V6]))
@QUICK
def test_no_special_ipv6_address_is_public(number):
    assert not is_public(str(IPv6Address(number)))


@given(members([IPv4Network(one) for one in NOT_V4]), st.sampled_from(sorted(WRAPPED)))
@QUICK
def test_no_wrapping_makes_a_private_address_public(v4, how):
    address = IPv6Address(WRAPPED[how](v4))
    assert not is_public(str(address))
    assert not is_public(address.exploded)
    assert not is_public(f"[{address}]")


@pytest.mark.parametrize(
    "spelt",
    ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "10.1", "fe80::1%eth0", "2606:4700::1111%eth0",
     "::ffff:127.0.0.1", "64:ff9b:1::a9fe:a9fe", "64:ff9b::169.254.169.254", "localhost", "x.example", "", "1.2.3.4.5"],
)  # fmt: skip
def test_no_spelling_helps_and_what_is_no_address_is_not_public(spelt):
    assert not is_public(spelt)
