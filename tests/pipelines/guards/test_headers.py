"""Headers as a hostile or broken server may write them: they are read or passed over, and end nothing."""

from email.utils import formatdate

from hypothesis import example, given, settings
from hypothesis import strategies as st
from scrapy.http import Headers, Response

from pipelines.guards.challenges import is_bare_check, is_block
from pipelines.guards.opt_outs import opted_out
from scrapbag.crawl.times import LONGEST_S, crawl_delay, retry_after

settings.register_profile("headers", derandomize=True, deadline=None, max_examples=200, database=None)
quick = settings(settings.get_profile("headers"))

dates = st.builds(formatdate, st.integers(-(10**10), 10**11), usegmt=st.booleans())
odd = st.text(st.characters(max_codepoint=255), max_size=60)
numbers = st.integers(-(10**30), 10**30).map(str)
parts = ("Wed, ", "21 ", "Oct ", "99999 ", "07:28:00 ", "GMT", "+99999", "-", "0", "²")
pieces = st.lists(st.sampled_from(parts)).map("".join)
rules = ("noai", "NOINDEX", "none", "all", "*", ":", ",", "scrapbag", "googlebot: ", "unavailable_after: ", " ")
words = st.sampled_from(rules)
tags = st.lists(st.one_of(odd, st.lists(words, max_size=8).map("".join)), max_size=4)


@quick
@given(st.one_of(odd, dates, numbers, pieces))
@example("9" * 5000)
@example("Wed, 21 Oct 2015 07:28:00 -99999999999999999999")
def test_a_retry_after_is_none_or_a_wait_of_at_most_an_hour(value):
    seconds = retry_after(value)
    assert seconds is None or 0 <= seconds <= LONGEST_S


@quick
@given(st.floats())
def test_a_crawl_delay_is_a_wait_of_at_most_ten_minutes(seconds):
    assert 0 <= crawl_delay(seconds) <= 600


@quick
@given(st.integers(0, int(LONGEST_S)), st.sampled_from(["", " ", "\t"]))
def test_a_retry_after_in_seconds_is_kept_to_the_second(seconds, blank):
    assert retry_after(f"{blank}{seconds}{blank}") == seconds


@quick
@given(tags, st.sampled_from(["page", "picture"]))
def test_robots_tags_are_read_whatever_they_are_and_noai_is_seen_among_them(values, kind):
    headers = Headers({"X-Robots-Tag": values})
    assert opted_out(headers, kind) in (True, False)
    assert opted_out(Headers({"X-Robots-Tag": [*values, "noai"]}), kind)


days = st.builds(formatdate, st.integers(0, 10**10), usegmt=st.booleans())
iso = st.datetimes().map(lambda moment: moment.isoformat(" "))
harmless = ("nofollow", "max-snippet: -1", "max-image-preview: large", "max-video-preview: 3")


@quick
@given(
    st.one_of(days, iso), st.lists(st.sampled_from(harmless), max_size=3), st.sampled_from(["", "scrapbag: ", "*: "])
)
def test_the_comma_of_a_date_hides_no_rule(date, others, agent):
    value = f"{agent}{', '.join([*others, f'unavailable_after: {date}', *others, 'noai'])}"
    assert opted_out(Headers({"X-Robots-Tag": value}), "page")
    assert not opted_out(Headers({"X-Robots-Tag": f"otherbot: {value.removeprefix(agent)}"}), "page")
    assert not opted_out(Headers({"X-Robots-Tag": value.removesuffix(", noai")}), "picture")


@quick
@given(tags)
def test_what_a_page_is_refused_a_picture_is_refused(values):
    headers = Headers({"X-Robots-Tag": values})
    assert opted_out(headers, "page") <= opted_out(headers, "picture")


@quick
@given(st.one_of(odd, st.sampled_from(["text/html", "TEXT/HTML; charset=\xff", "image/jpeg"])), st.binary(max_size=80))
def test_a_content_type_decides_alone_whether_a_challenge_is_looked_for(kind, body):
    page = Response(
        "https://x.example/", headers={"Content-Type": kind}, body=body + b"<title>Just a moment...</title>"
    )
    assert is_bare_check(page) == ("html" in kind.lower())
    assert not is_block(page)
