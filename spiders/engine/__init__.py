"""The crawl as a Scrapy engine runs it: scheduler, commits, settings, summary."""
