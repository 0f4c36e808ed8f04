"""What a request must pass on its way out and back: addresses, robots.txt, pauses, opt-outs, statuses.

Ours and not Scrapy's middlewares: those check no address, ask a host whose robots.txt fails (RFC 9309 forbids it), and
retry a 429 at once.
"""
