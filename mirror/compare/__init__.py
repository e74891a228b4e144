"""Compare a copy of a site with the original, page by page, in a Chromium that has a network.

May import core, store, reports, browser and replay; never the command line or a Scrapy component. Pillow and playwright are
optional dependencies, so the command imports `comparison` only when it needs it. `mirror.core.comparison.fidelity`
decides which differences count. Start with `comparison`.
"""
