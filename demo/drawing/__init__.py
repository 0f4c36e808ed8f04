"""The pictures: quilts of known blocks, bags, other products, scenes, graphics, and the flaws that a scrape brings."""
