"""The tables of catalog.db, in SQL."""
