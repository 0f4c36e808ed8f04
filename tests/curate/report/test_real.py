"""The report over files that nobody vouches for: none of them stops it, and each is shown or said to be no picture."""

import hashlib
import os
from pathlib import Path

import pytest
from report_rows import outcome, row, write

from curate.look import decode
from curate.report import thumbs
from scrapbag.layout import Data


@pytest.mark.real
def test_no_hostile_file_stops_the_report(tmp_path):
    folder = Path(os.environ.get("REAL", ""), "hostile")
    if "REAL" not in os.environ or not folder.is_dir():
        pytest.skip("set REAL to a folder of real photographs that has hostile/ in it")
    data, rows = Data(tmp_path), []
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        place = data.image(sha256, "bin")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(file)
        rows.append(row(number=number, title=file.name, sha256=sha256, extension="bin"))
    decode.strict()  # as the stage does before it opens anything
    shown = [bool(thumbs.thumb(data, one)) for one in rows]
    assert 0.3 < sum(shown) / len(shown) < 0.9
    write(outcome(rows), data)
    assert (data.report / "report.html").stat().st_size < 5_000_000
