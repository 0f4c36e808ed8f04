"""Every page of ours carries its style and script, and its policy admits them and nothing else."""

import base64
import hashlib
import re

import pytest

from scrapbag.web import page

PAGES: dict[str, tuple[str, page.Files, page.Files]] = {  # package: template, style, script
    "curate.review": ("review.html.j2", "review.css", "review.js"),
    "gan.evaluate": ("run.html.j2", ("base.css", "chart.css", "run.css"), ""),
}
HOSTILE = "<script>alert(1)</script>\"'"


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def review(**changes):
    return page.render(
        "curate.review",
        *PAGES["curate.review"],
        **{"name": "x", "targets": "", "token": "t", "again": "make review", "curate": "make curate"} | changes,
    )


@pytest.mark.parametrize("served", [False, True], ids=["a file", "served"])
def test_a_policy_names_its_own_style_and_script_and_begins_with_nothing(served):
    rules = dict(rule.split(" ", 1) for rule in page.policy("a{}", "b()", served=served).split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert (rules["style-src"], rules["script-src"]) == (digest("a{}"), digest("b()"))
    assert rules["img-src"] == ("'self'" if served else "data:")
    assert (rules.get("connect-src"), rules.get("frame-ancestors")) == (
        ("'self'", "'none'") if served else (None, None)
    )


def test_a_page_without_a_script_admits_none():
    assert "script-src" not in page.policy("a{}")


@pytest.mark.parametrize("package", PAGES)
def test_the_files_of_a_page_are_found_beside_its_package(package):
    assert all(page.source(package, name) for name in PAGES[package] if name)


def test_the_policy_of_a_page_is_in_it_unless_it_is_served():
    text = review()
    told = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1].replace("&#39;", "'")
    style, script = (re.search(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)[1] for kind in ("style", "script"))
    assert told == page.policy(style, script)
    assert "Content-Security-Policy" not in review(served=True)


def test_text_stays_text():
    assert HOSTILE not in review(name=HOSTILE, targets=HOSTILE, token=HOSTILE)


def test_a_word_that_a_page_lacks_is_an_error_and_no_gap():
    with pytest.raises(Exception, match="'token' is undefined"):
        page.render("curate.review", *PAGES["curate.review"], name="x", targets="")
