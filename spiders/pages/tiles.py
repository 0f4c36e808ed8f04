"""Which words of a list page belong to which of its items, in time linear in the page.

An item's tile is the innermost block around it that has siblings of its kind with items of their own: <li> beside <li>,
div.card beside div.card. What stands in another item's tile is not its own, nor is what stands around them all.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from spiders.pages.css import Found

_ROWS = {"li", "tr", "td", "article", "figure"}  # of one kind whatever their classes say
_ALONE = {"li", "tr", "article"}  # a tile even without siblings
_WORDS = {"card", "item", "tile", "product"}
_MANY = object()


class Tiles:
    """The items of a page, elements of lxml, and the blocks around them."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = set(items)
        self._blocks: dict[Any, object] = {}  # every element around an item: whose alone it is, or _MANY
        for item in items:
            self._claim(item, _key(item))
        kinds = {block: _kinds(block) for block in self._blocks}
        kin: dict[Any, set[object]] = defaultdict(set)  # whose blocks of a kind are side by side
        for block, its in kinds.items():
            whose = self._blocks[block]
            for kind in its:
                kin[block.getparent(), kind].add(block if whose is _MANY else whose)
        self._tiles = {
            block for block, its in kinds.items() if any(len(kin[block.getparent(), one]) > 1 for one in its)
        }

    def index(self, found: Iterable[Found]) -> dict[Any, list[Found]]:
        """`found` by the blocks that have it inside, up to the tile that it stands in; for `own`."""
        inside: dict[Any, list[Found]] = defaultdict(list)
        for one in found:
            block = one.root
            while block is not None:
                if block in self._blocks:
                    inside[block].append(one)
                    if block not in self._items and block in self._tiles:
                        break
                block = block.getparent()
        return inside

    def own(self, item: Any, index: dict[Any, list[Found]]) -> list[Found]:
        """What the innermost block around `item` has that has any: [] where that may be another item's."""
        block = item
        while block is not None and block not in index:
            if block is not item and block in self._tiles:
                return []
            block = block.getparent()
        if block is None:
            return []
        found = index[block]
        if self._blocks[block] is not _MANY:
            return found
        while block is not None:  # a badge, or a second picture, stands in the same tile
            if block is not item and (block in self._tiles or _is_alone(block)):
                return found
            block = block.getparent()
        return []

    def _claim(self, item: Any, key: object) -> None:
        block = item
        while block is not None:
            known = self._blocks.get(block)
            if known is _MANY or known == key:
                return
            self._blocks[block] = key if known is None else _MANY
            block = block.getparent()


def _key(item: Any) -> object:
    """Items that lead to one address are one."""
    link = next((one.get("href") for one in (item, *item.iterancestors("a")) if one.get("href")), "")
    try:
        parts = urlsplit(link.strip())
        return parts.netloc + parts.path or item
    except ValueError:
        return item


def _kinds(block: Any) -> set[tuple[str, str]]:
    """What a block has in common with its like: its tag with each of its classes, numbers and parity aside."""
    if block.tag in _ROWS:
        return {(block.tag, "")}
    words = {word.strip("0123456789-_") for word in (block.get("class") or "").lower().split()}
    words -= {"", "odd", "even", "first", "last", "active", "left", "right"}
    return {(block.tag, word) for word in words} or {(block.tag, "")}


def _is_alone(block: Any) -> bool:
    return block.tag in _ALONE or bool(_WORDS & set((block.get("class") or "").lower().split()))
