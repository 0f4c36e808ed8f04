"""A crawl by several processes, on this computer or others: each asks sites of its own, and one writes the catalog."""
