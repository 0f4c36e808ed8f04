"""Which class reads which kind of source. Named, not imported: a crawl loads only what its recipe uses."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from scrapbag.recipe import Scrape
    from scrapbag.sources import Source
    from spiders.base import Reader

READERS = {
    "urls": "spiders.urls:UrlsReader",
    "folder": "spiders.folder:FolderReader",
    "gallery": "spiders.gallery:GalleryReader",
    "product": "spiders.product:ProductReader",
    "shopify": "spiders.shopify:ShopifyReader",
    "woocommerce": "spiders.woocommerce:WoocommerceReader",
    "commons": "spiders.commons:CommonsReader",
    "met": "spiders.met:MetReader",
    "artic": "spiders.artic:ArticReader",
    "smithsonian": "spiders.smithsonian:SmithsonianReader",
}


def reader(source: Source, settings: Scrape) -> Reader[Any]:
    """The reader of `source`."""
    return cast("Reader[Any]", resolve_name(READERS[source.kind])(source, settings))
