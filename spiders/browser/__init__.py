"""Pages that need JavaScript: Chromium behind a download handler, its processes and its proxy."""
