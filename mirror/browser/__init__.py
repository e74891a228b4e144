"""A headless Chromium that opens pages during a crawl, to find what their scripts load.

The browser has no network. The crawl fetches everything that a page requests, and `renderer` connects the two. `chromium`
starts and stops the program; `mirror.compare` uses it for a browser of its own, with a network.

May import core, store, workers and terminal; never replay, compare, the command line or a Scrapy component. Only functions
that start a browser import playwright, which is an optional dependency. Start with `offline_browser`.
"""
