"""Compare a copy of a site with the original, page by page, in a Chromium that has a network.

May import core, store, reports, browser and replay; never the command line or a Scrapy component. Pillow and playwright are
optional dependencies, so the command imports `comparison` only when it needs it. Which differences count is decided in
`mirror.core.comparison.fidelity`. Start with `comparison`.
"""
