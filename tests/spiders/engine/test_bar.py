"""How far a crawl is, told where there is no terminal too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spiders.engine.bar import EVERY_S, CrawlBar

if TYPE_CHECKING:
    import pytest


def test_off_a_terminal_a_line_a_minute_counts_pages_and_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with CrawlBar(100, 10, lambda: now) as bar:
        for _ in range(5):
            bar.page()
        for _ in range(3):
            bar.picture()
        assert capsys.readouterr().err == ""
        now = EVERY_S
        bar.page()
        assert capsys.readouterr().err == "6 pages read, 3 pictures stored so far\n"
        bar.picture()
        assert capsys.readouterr().err == ""
