"""A site on loopback whose pages need JavaScript, for the tests of the browser."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TILE = '`<div class=tile><a href=/item/${i}><img src=/p/${i}.jpg alt="quilt ${i}"></a></div>`'
STYLE = "<style>.tile{height:120px;border:1px solid}</style>"

ENDLESS = f"""<!doctype html>{STYLE}<div id=list></div><script>
let n = 0, busy = false;
async function more() {{
  if (busy || n >= 240) return; busy = true;
  await fetch('/wait'); for (let i = n; i < n + 12; i++) list.insertAdjacentHTML('beforeend', {TILE});
  n += 12; busy = false;
  if (list.lastChild.getBoundingClientRect().top < innerHeight) more();
}}
addEventListener('scroll', () => {{ if (scrollY + innerHeight > document.body.scrollHeight - 400) more(); }}); more();
</script>"""

MORE = f"""<!doctype html>{STYLE}<div id=list></div><button class=more>more</button><script>
let n = 0; const button = document.querySelector('button');
function more() {{ for (let i = n; i < n + 10; i++) list.insertAdjacentHTML('beforeend', {TILE}); n += 10;
  if (n >= 50) button.remove(); }}
more(); button.onclick = () => setTimeout(more, 100);
</script>"""

VIRTUAL = f"""<!doctype html>{STYLE}<style>%s .tile{{position:absolute;height:300px}}</style>
<div id=box><div id=list style="position:relative;height:60000px"></div></div><script>
const box = document.getElementById('box'), inner = getComputedStyle(box).overflowY === 'auto';
function draw() {{
  const top = inner ? box.scrollTop : scrollY, from = Math.max(0, Math.floor(top / 300) - 1);
  list.innerHTML = '';
  for (let i = from; i < Math.min(200, from + 10); i++) {{
    list.insertAdjacentHTML('beforeend', {TILE}); list.lastChild.style.top = i * 300 + 'px'; }}
}}
(inner ? box : window).addEventListener('scroll', draw); draw();
</script>"""

PAGES = {
    "/": "<!doctype html><p id=who></p><script>who.textContent = navigator.userAgent</script>",
    "/endless": ENDLESS,
    "/more": MORE,
    "/virtual": VIRTUAL % "#none{}",
    "/virtual-box": VIRTUAL % "#box{height:1800px;overflow-y:auto}",
    "/late": "<!doctype html><script>setTimeout(() => document.body.append(Object.assign("
    "document.createElement('b'), {className: 'late', textContent: 'here'})), 700)</script>",
    "/hang": "<!doctype html><p>x<script>while (true) {}</script>",
    "/hang-later": "<!doctype html><p>x<script>setTimeout(() => { while (true) {} }, 200)</script>",
    "/hog": "<!doctype html><p>x<script>const held = []; setInterval(() =>"
    " held.push(new Uint8Array(40e6).fill(7)), 50)</script>",
    "/picture": "<!doctype html><img src=/p/1.jpg><img src=/p/2.jpg>",
    "/inside": "<!doctype html><iframe src='http://127.0.0.2:4009/x'></iframe><img class=ok src=/p/1.jpg>",
    "/push": "<!doctype html><button onclick=\"history.pushState({}, '', '/push/2')\">more</button>",
    "/away": "<!doctype html><a href=''>away</a>"
    "<script>document.querySelector('a').href = `http://localhost:${location.port}/`</script>",
    "/noai": "<!doctype html><p class=x>mine</p>",
}
REDIRECTS = {"/to-private": "http://127.0.0.2:4009/x", "/to-private-tls": "https://127.0.0.3:4009/x", "/moved": "/"}


class Site(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.agents: set[str] = set()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, *_args: object) -> None: ...

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.agents.add(self.headers["User-Agent"])
        self.path = self.path.partition("?")[0]
        if self.path in REDIRECTS:
            return self._send(302, "", Location=REDIRECTS[self.path])
        if self.path == "/wait":
            threading.Event().wait(0.05)
            return self._send(200, "")
        if self.path == "/robots.txt":
            return self._send(200, "User-agent: *\nDisallow: /hidden\n")
        if self.path == "/noai":
            return self._send(200, PAGES[self.path], **{"X-Robots-Tag": "noai"})
        return self._send(200, PAGES[self.path]) if self.path in PAGES else self._send(404, "<p>no such page")

    def _send(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


@contextmanager
def serve() -> Iterator[Site]:
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()
