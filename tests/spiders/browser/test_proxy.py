"""The proxy between a browser and the world: it connects to public addresses, and to what the recipe allows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.guards.addresses import is_public
from spiders.browser.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def say(proxy: Proxy, text: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(text.replace("\n", "\r\n").encode())
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def with_proxy(body: Callable[[Proxy, int, list[bytes]], Awaitable[None]], answer: bytes, **values: Any) -> None:
    """Run `body` with a proxy and the port of a server that gives every connection the same answer and stays open."""

    async def run() -> None:
        heard: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(65536))
            writer.write(answer)
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        proxy = Proxy((f"127.0.0.1:{port}",), **values)
        await proxy.start()
        await body(proxy, port, heard)
        await proxy.close()
        server.close()

    asyncio.run(run())


PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "CONNECT"])
def test_no_spelling_of_a_private_address_is_connected_to(host: str, method: str) -> None:
    async def body(proxy: Proxy, _port: int, heard: list[bytes]) -> None:
        target = f"http://{host}:81/x" if method == "GET" else f"{host}:81"
        said = await say(proxy, f"{method} {target} HTTP/1.1\nHost: {host}\n\n")
        assert said.startswith(b"HTTP/1.1 403")
        assert proxy.refused[host.strip("[]")] == "address"
        assert heard == []

    with_proxy(body, PAGE)


def test_what_the_recipe_allows_is_asked_in_the_form_of_a_server_and_once() -> None:
    async def body(proxy: Proxy, port: int, heard: list[bytes]) -> None:
        host = f"127.0.0.1:{port}"
        request = f"GET http://{host}/a?b=1 HTTP/1.1\nHost: {host}\nProxy-Connection: keep-alive\nX: y\n\n"
        said = await say(proxy, request + request.replace(host, "192.168.0.1"))
        assert said.endswith(b"\r\n\r\nhello")
        assert said.count(b"Connection: close") == 1
        assert b"keep-alive" not in said
        assert heard == [f"GET /a?b=1 HTTP/1.1\r\nConnection: close\r\nHost: {host}\r\nX: y\r\n\r\n".encode()]

    with_proxy(body, PAGE)


def test_a_tunnel_passes_bytes_both_ways() -> None:
    async def body(proxy: Proxy, port: int, heard: list[bytes]) -> None:
        said = await say(proxy, f"CONNECT 127.0.0.1:{port} HTTP/1.1\n\nsecret")
        assert said == b"HTTP/1.1 200 Connection established\r\n\r\nbytes"
        assert heard == [b"secret"]

    with_proxy(body, b"bytes")


def test_a_connection_brings_no_more_than_the_cap() -> None:
    async def body(proxy: Proxy, port: int, _heard: list[bytes]) -> None:
        said = await say(proxy, f"GET http://127.0.0.1:{port}/ HTTP/1.1\n\n")
        assert len(said) < 200_000
        assert proxy.refused == {"127.0.0.1": "too_many_bytes"}

    with_proxy(body, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000_000, max_bytes=100_000)


@pytest.mark.parametrize(
    "line", ["GET /x HTTP/1.1", "GET ftp://a/ HTTP/1.1", "GET http://[ HTTP/1.1", "CONNECT :1 HTTP/1.1"]
)
def test_what_is_no_request_for_a_proxy_is_a_bad_request(line: str) -> None:
    async def body(proxy: Proxy, _port: int, _heard: list[bytes]) -> None:
        assert (await say(proxy, f"{line}\n\n")).startswith(b"HTTP/1.1 400")

    with_proxy(body, PAGE)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example"])
def test_a_host_without_an_address_is_a_bad_gateway(host: str) -> None:
    async def body(proxy: Proxy, _port: int, _heard: list[bytes]) -> None:
        assert (await say(proxy, f"CONNECT {host}:443 HTTP/1.1\n\n")).startswith(b"HTTP/1.1 502")
        assert proxy.refused == {host: "dns"}

    with_proxy(body, PAGE)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.1.1",
        "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_any_other_address_is_not(address: str) -> None:
    assert not is_public(address)
