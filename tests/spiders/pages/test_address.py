"""Addresses as pages write them, and as they are asked."""

import pytest

from spiders.pages.address import absolute, is_picture

BASE = "https://x.example/a/b"


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        (" c.jpg ", "https://x.example/a/c.jpg"),
        ("//y.example/c.jpg#top", "https://y.example/c.jpg"),
        ("?w=1&amp;h=2", "https://x.example/a/b?w=1&h=2"),
        ("/a quilt.jpg", "https://x.example/a%20quilt.jpg"),
        ("https://fa\u00df.example/\u00df.jpg", "https://xn--fa-hia.example/%C3%9F.jpg"),
        *(
            (address, "")
            for address in (None, "", "data:image/gif;base64,R0", "http:///c.jpg", "http://[", "mailto:a@b")
        ),
    ],
    ids=str,
)
def test_an_address_is_whole_escaped_and_without_its_fragment_or_it_is_none(address, asked):
    assert absolute(BASE, address) == asked


@pytest.mark.parametrize(
    ("address", "picture"),
    [("a.JPG", True), ("a.jpeg?w=3", True), ("a.tiff", True), ("a.jpg.html", False), ("jpg", False), ("a.svg", False)],
)
def test_an_address_looks_like_a_picture_by_the_end_of_its_path(address, picture):
    assert is_picture(address) is picture
