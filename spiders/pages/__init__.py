"""What a page or an API answer says: markup, schema.org, sitemaps, sizes, licences."""
