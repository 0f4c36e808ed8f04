"""A crawl under SIGKILL: every page and picture must be there once, and little asked for twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.support.site import build, served, settings
from scrapbag.catalog import connect
from scrapbag.layout import Data

CONCURRENCY = 16


def measure(kills: int, pages: int, seed: int) -> tuple[dict[str, int], dict[str, bool]]:
    """Crawl a site of so many items, with a picture each, under SIGKILLs; the figures, and which promises they keep."""
    folder = Path(tempfile.mkdtemp(prefix="scrapbag-crash-"))
    try:
        made = build(folder / "site", pages, side=96, per_item=1, per_list=50)
        with served(folder / "site", folder / "nginx") as url:
            data = Data(folder / "data")
            settings(data, url, CONCURRENCY)
            killed = _crawl_and_kill(data, kills, made + pages, random.Random(seed))
            asked = _asked(folder / "nginx" / "access.log")
        figures = _count(data) | {"kills": killed, "pages": made, "pictures": pages, "requests": asked}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures["requests_over"] = asked - made - pages
    return figures, {
        "every page and picture is kept": figures["kept"] == made + pages,
        "none is lost": figures["lost"] == 0,
        "none is doubled": figures["doubled"] == 0 and figures["distinct"] == pages,
        "every row has its file": figures["missing_files"] == 0,
        "repeated at most kills x concurrency": figures["requests_over"] <= killed * CONCURRENCY,
    }


def _crawl_and_kill(data: Data, kills: int, requests: int, rng: random.Random) -> int:
    """Run the crawl to its end, killing it at random points of its progress; returns how often it was killed."""
    points = sorted(rng.sample(range(1, requests), kills))
    killed = 0
    while True:
        crawl = subprocess.Popen([sys.executable, "-m", "spiders", "scrape", "--data", str(data.root)])
        while crawl.poll() is None:
            if killed < kills and _done(data) >= points[killed]:
                time.sleep(rng.random() * 0.05)  # anywhere within what is under way
                crawl.send_signal(signal.SIGKILL)
                crawl.wait()
                killed += 1
                while killed < kills and points[killed] <= _done(data):
                    points[killed] += 1
                break
            time.sleep(0.02)
        else:
            if crawl.returncode:
                raise SystemExit(f"the crawl ended with {crawl.returncode}")
            return killed


def _done(data: Data) -> int:
    if not data.catalog.exists():
        return 0
    with closing(connect(data.catalog)) as catalog:
        return int(catalog.execute("select count(*) from request where state = 'done'").fetchone()[0])


def _asked(log: Path) -> int:
    return sum('"GET /robots.txt' not in line for line in log.read_text().splitlines())


def _count(data: Data) -> dict[str, int]:
    with closing(connect(data.catalog)) as catalog:

        def one(sql: str) -> int:
            return int(catalog.execute(sql).fetchone()[0])

        pictures = catalog.execute("select sha256, extension from picture").fetchall()
        return {
            "kept": one("select count(*) from request where state = 'done'"),
            "lost": one("select count(*) from request where state <> 'done'"),
            "doubled": one("select count(*) - count(distinct url) from request"),
            "distinct": len(pictures),
            "missing_files": sum(not data.image(*picture).exists() for picture in pictures),
            "orphan_parts": sum(1 for _ in data.images.glob("*/.*.part")),
        }
