"""The drawn shop: blocks, palettes, pages, their server, and the pictures that the bundled ResNet learnt from."""
