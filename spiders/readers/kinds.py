"""Which class reads which kind of source. Named, not imported: a crawl loads only what its recipe uses."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from scrapbag.recipe import Scrape
    from scrapbag.sources import Source
    from spiders.readers.base import Reader

READERS = {
    "urls": "spiders.readers.urls:UrlsReader",
    "folder": "spiders.readers.folder:FolderReader",
    "gallery": "spiders.readers.gallery:GalleryReader",
    "product": "spiders.readers.product:ProductReader",
    "shopify": "spiders.readers.shopify:ShopifyReader",
    "woocommerce": "spiders.readers.woocommerce:WoocommerceReader",
    "commons": "spiders.readers.commons:CommonsReader",
    "met": "spiders.readers.met:MetReader",
    "artic": "spiders.readers.artic:ArticReader",
    "smithsonian": "spiders.readers.smithsonian:SmithsonianReader",
}


def reader(source: Source, settings: Scrape) -> Reader[Any]:
    """The reader of `source`."""
    return cast("Reader[Any]", resolve_name(READERS[source.kind])(source, settings))
