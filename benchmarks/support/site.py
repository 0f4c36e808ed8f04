"""A site of plain files to crawl, and nginx in front of it: lists, items, pictures of about 93 kB."""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from scrapbag.disk import write_text
from scrapbag.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scrapbag.layout import Data


RECIPE = """
name = "bench"
[scrape]
allow_hosts = ["{host}"]
delay_s = 0.0
concurrency = {concurrency}
per_host = {concurrency}
[[source]]
name = "site"
kind = "gallery"
start = ["http://{host}/list-0.html"]
item = "a.item"
next = "a.next"
image = ".gallery img"
"""


def settings(data: Data, url: str, concurrency: int) -> None:
    """What `python -m spiders scrape` runs with for the site at `url`, as fast as it can be asked."""
    recipe = RECIPE.format(host=url.removeprefix("http://"), concurrency=concurrency)
    write_text(data.settings_of("scrape"), recipe)


def build(
    folder: Path, pictures: int, *, side: int = 616, per_item: int = 10, per_list: int = 10, distinct: int = 0
) -> int:
    """Write a site with so many different pictures, unless it is there; returns how many pages it has.

    With `distinct` only so many are drawn, and the others differ from them in bytes behind their end.
    """
    items = -(-pictures // per_item)
    lists = -(-items // per_list)
    done = folder / f"done-{pictures}-{side}-{per_item}-{per_list}"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "img").mkdir(parents=True)
        drawn = [_picture(number, side) for number in range(distinct or pictures)]
        for number in range(pictures):
            body = drawn[number % len(drawn)] + (number.to_bytes(4) if distinct else b"")
            (folder / "img" / f"{number:05d}.jpg").write_bytes(body)
        for item in range(items):
            numbers = range(item * per_item, min(pictures, (item + 1) * per_item))
            images = "".join(f'<img src="/img/{n:05d}.jpg" alt="picture {n}">' for n in numbers)
            (folder / f"item-{item}.html").write_text(f'<h1>item {item}</h1><div class="gallery">{images}</div>')
        for number in range(lists):
            range_ = range(number * per_list, min(items, (number + 1) * per_list))
            links = "".join(f'<a class="item" href="/item-{i}.html">item {i}</a>' for i in range_)
            more = f'<a class="next" href="/list-{number + 1}.html">next</a>' if number + 1 < lists else ""
            (folder / f"list-{number}.html").write_text(f"<h1>list {number}</h1>{links}{more}")
        done.touch()
    return items + lists


def need() -> None:
    """Raise MissingError where nginx is not installed, before anything is built for it."""
    if shutil.which("nginx") is None:
        raise MissingError("this benchmark needs nginx; Debian and Ubuntu: sudo apt install nginx-light")


@contextmanager
def served(folder: Path, work: Path) -> Iterator[str]:
    """`folder` behind nginx on a free port of 127.0.0.1 until the block ends."""
    port = free_port()
    work.mkdir(parents=True, exist_ok=True)
    config = work / "nginx.conf"
    config.write_text(f"""
daemon off; master_process off; pid {work}/nginx.pid; error_log {work}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log {work}/access.log; keepalive_requests 100000; sendfile on;
    types {{ text/html html; image/jpeg jpg; }}
    client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
    uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
    server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}""")
    nginx = subprocess.Popen(["nginx", "-c", str(config), "-e", str(work / "nginx.log")])
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        nginx.terminate()
        nginx.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def _picture(number: int, side: int) -> bytes:
    """Noise that compresses like a photograph: 616 x 616 comes to about 93 kB."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 255, (side // 9, side // 9, 3), dtype=np.uint8))
    file = io.BytesIO()
    coarse.resize((side, side), Image.Resampling.BILINEAR).save(file, "JPEG", quality=88)
    return file.getvalue()
