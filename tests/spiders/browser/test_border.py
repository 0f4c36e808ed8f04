"""The browser's border: a page that tries every way at once reaches the allowed host, and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy import Request
from scrapy.settings import Settings
from servers import Answer, Site, serving

from scrapbag import programs
from spiders.browser.handler import Browsers

pytestmark = [pytest.mark.browser, pytest.mark.skipif(programs.find() is None, reason="Chromium is not installed")]
HOSTS = "127.0.0.1 localhost a.localhost 127.1 0x7f.1 2130706433 [::1] [::ffff:127.0.0.1] 0.0.0.0 127.0.0.1.nip.invalid"
SERVICE_WORKER = """for (const host of HOSTS)
  fetch(`http://${host}/reach/service-worker`, {mode: 'no-cors'}).catch(() => 0);
self.oninstall = () => self.skipWaiting();
self.onactivate = (event) => event.waitUntil(clients.claim());
self.onfetch = (event) => {
  if (event.request.url.endsWith('/reserved'))
    event.respondWith(new Response('<p>forged', {headers: {'Content-Type': 'text/html'}}));
};"""
# of those with GET, those that work on the page's own host
WAYS = ["fetch", "xhr", "websocket", "events", "worker", "shared", "service-worker", "iframe", "script", "video"]
WAYS += ["object", "embed", "style", "prefetch", "preload", "module", "font", "svg"]


class Listener:
    """Counts what comes to one port of loopback, by TCP (IPv4 and IPv6) and by UDP."""

    def __init__(self):
        self.heard = []
        for _ in range(20):
            tcp = socket.create_server(("127.0.0.1", 0))
            self.port = tcp.getsockname()[1]
            self.sockets = [tcp]
            try:
                for family, kind, host in (
                    (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
                    (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
                    (socket.AF_INET6, socket.SOCK_DGRAM, "::1"),
                ):
                    if socket.has_dualstack_ipv6() or family == socket.AF_INET:
                        self.sockets.append(socket.socket(family, kind))
                        self.sockets[-1].bind((host, self.port))
                        if kind == socket.SOCK_STREAM:
                            self.sockets[-1].listen()
            except OSError:
                self.close()
                continue
            break
        for one in self.sockets:
            one.settimeout(0.1)
            threading.Thread(target=self._listen, args=(one,), daemon=True).start()

    def _listen(self, one):
        while one.fileno() >= 0:
            try:
                if one.type == socket.SOCK_DGRAM:
                    self.heard.append(("udp", one.recvfrom(2000)[0][:20]))
                else:
                    with one.accept()[0] as connection:
                        connection.settimeout(0.5)
                        self.heard.append(("tcp", connection.recv(200)))
            except TimeoutError:
                pass
            except OSError:
                return

    def close(self):
        for one in self.sockets:
            one.close()


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """One page, one browser, every way; what came of it."""
    home = tmp_path_factory.mktemp("home")
    with closing(Listener()) as inner, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("SECRET_KEY", "in-the-environment")
        site = Site({})
        site.routes["/attachment"] = Answer(
            b"words of the page", kind="application/x-thing", headers={"Content-Disposition": "attachment"}
        )
        with serving(site), asyncio.Runner() as runner:
            ways = {"own": site.host, "to": [f"{host}:{inner.port}" for host in HOSTS.split()], "udp": inner.port}
            worker = SERVICE_WORKER.replace("HOSTS", json.dumps([ways["own"], *ways["to"]]))
            site.routes["/sw.js"] = Answer(worker.encode(), kind="text/javascript")
            script = Path(__file__).with_name("ways.js").read_text()
            page = f"<!doctype html><body><script data-ways='{json.dumps(ways)}'>{script}</script>"
            site.routes["/"] = Answer(page.encode())
            site.routes["/reserved"] = Answer(b"<p>mine", headers={"tdm-reservation": "1"})
            pool = Browsers(Settings({"BROWSER_SESSIONS": 1, "BROWSER_ALLOW_HOSTS": [site.host], "USER_AGENT": "x"}))
            meta = {"browser": {"actions": [["wait", ".done"]]}, "download_timeout": 40}
            response = runner.run(pool.fetch(Request(f"http://{site.host}/", meta=meta)))
            reserved = runner.run(pool.fetch(Request(f"http://{site.host}/reserved", meta={"browser": {}})))
            session = pool._workers[0]._session
            profile, service = session._profile, session._service
            environment = Path(f"/proc/{service.process.pid}/environ")
            found = SimpleNamespace(
                response=response,
                reserved=reserved,
                heard=list(inner.heard),
                asked={hit.path.removeprefix("/reach/") for hit in site.hits},
                home=[path for path in home.rglob("*") if path.is_file()],
                brought=[
                    path
                    for path in profile.rglob("*")
                    if path.suffix == ".crdownload" or path.name == "page.txt" or path.parent.name == "downloads"
                ],
                windows=len(session._chrome.window_handles),
                environment=environment.read_bytes() if environment.exists() else b"",
            )
            runner.run(pool.close())
        yield found


def test_the_page_was_read(tried):
    assert tried.response.status == 200
    assert tried.response.css(".done")


@pytest.mark.parametrize("way", WAYS)
def test_a_way_works_on_the_pages_own_host(tried, way):
    assert way in tried.asked


def test_nothing_reaches_loopback_by_tcp_or_udp_under_any_name(tried):
    assert tried.heard == []


def test_nothing_is_downloaded_and_nothing_lies_in_the_users_home(tried):
    assert tried.home == []
    assert tried.brought == []


def test_a_service_worker_that_one_page_left_answers_for_no_other(tried):
    assert tried.reserved.headers["tdm-reservation"] == b"1"
    assert "mine" in tried.reserved.text


def test_pop_ups_are_closed_and_the_environment_holds_nothing_of_the_users(tried):
    assert tried.windows == 1
    assert b"in-the-environment" not in tried.environment
