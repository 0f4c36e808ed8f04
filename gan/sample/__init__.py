"""Pictures from a generator that is there: sheets, films, textures of any size."""
