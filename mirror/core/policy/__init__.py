"""Policy: what a crawl may fetch, how fast, and what it keeps.

Each module states a law in its docstring and implements it as functions and small state machines without a network, a disk or a
clock. This room may import the rooms of core below it (url, http, syntax, document). Open `scope.py` first: it decides which
resources belong to a mirror.

- Whether a URL is fetched: `scope.py`, `robots_txt.py`, `private_addresses.py`, `crawler_traps.py` (with `url_families.py` and
  `page_fingerprint.py`).
- The request rate of a host: `request_rate.py`.
- What an answer is: `soft_errors.py` (an error or a login page in disguise), `dynamic_pages.py` (a page that needs a browser).
- Which snapshots are kept: `retention.py`. Which times can't be true: `clock.py`.
"""
