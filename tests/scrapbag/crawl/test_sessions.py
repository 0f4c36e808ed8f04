"""Addresses without session ids and marks, and those that have to stay as they are."""

import pytest

from scrapbag.crawl.sessions import plain, same

HEX = "9f3c1a2b7d4e5f60718293a4b5c6d7e8"


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("/list;jsessionid=0A1B.node1?page=2", "/list?page=2"),
        ("/list;JSESSIONID=0A1B/more", "/list/more"),
        ("/list%3Bjsessionid%3D0A1B", "/list"),
        ("/list?jsessionid=0A1B&page=2", "/list?page=2"),
        ("/list?page=2&PHPSESSID=abc#top", "/list?page=2#top"),
        ("/list?phpsessid=1", "/list"),
        ("/a?b=1;session_id=7;c=2", "/a?b=1;c=2"),
        (f"/forum?t=4&sid={HEX}", "/forum?t=4"),
        (f"/forum?s={HEX}&t=4", "/forum?t=4"),
        ("/shop?sid=k2j4h5g6f7", "/shop"),
        ("/(S(lit3py55t21z5v55vlm25s55))/bags.aspx?p=1", "/bags.aspx?p=1"),
        ("/(A(x1)S(lit3py55)F(y_-2))/bags.aspx", "/bags.aspx"),
        ("/shop/(s(lit3py55))/", "/shop/"),
        ("/x.cfm?CFID=12&CFTOKEN=34&id=5", "/x.cfm?id=5"),
        ("/x?osCsid=ab12&zenid=9&___SID=U&id=5", "/x?id=5"),
        ("/bag?utm_source=a&utm_medium=b&size=4&gclid=x&fbclid=y", "/bag?size=4"),
        ("/bag?color=red%20&utm_source=x&q=a+b", "/bag?color=red%20&q=a+b"),
    ],
)
def test_a_session_and_a_mark_are_left_out_and_all_else_stays_to_the_letter(address, asked):
    url = f"https://shop.example{address}"
    assert plain(url) == f"https://shop.example{asked}"
    assert plain(plain(url)) == plain(url)


@pytest.mark.parametrize(
    "address",
    [
        "/story.php?sid=42",
        "/style?sid=A12",
        "/search?s=handbags",
        "/session?page=2",
        "/class/(S(",
        "/sizes(S)/m",
        "/b?side=left&inside=1&assid=3&residue=4",
        "/b?gclass=1&rutm_x=2",
        "/b?",
        "/b?a=1&&b=2",
    ],
)
def test_what_is_no_session_stays(address):
    assert plain(f"https://shop.example{address}") == f"https://shop.example{address}"


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=A&X-Amz-Signature=0f&PHPSESSID=1",
        "Policy=x&Signature=y&Key-Pair-Id=z&utm_source=q",
        f"w=900&s={HEX}",
        "hdnts=exp~1&sessionid=3",
        "token=abc&gclid=4",
    ],
)
def test_the_address_of_a_picture_that_is_signed_stays_and_two_of_its_visits_are_compared_without(query):
    url = f"https://cdn.example/a.jpg?{query}"
    assert plain(url, picture=True) == url


def test_two_visits_of_one_picture_are_the_same():
    visits = [f"https://x.example/a.jpg?v=3&t={n}&X-Amz-Signature=0{n}&Expires={n}" for n in range(2)]
    assert same(visits[0]) == same(visits[1]) == "https://x.example/a.jpg?v=3"
    assert same("https://x.example/a.jpg?v=4") != same(visits[0])
