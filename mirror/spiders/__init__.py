"""The spider. Scrapy looks for spiders in this package (`SPIDER_MODULES`).

Like the rest of the root of `mirror`, it may import every room except `commands`. Its one module is `mirror`.
"""
