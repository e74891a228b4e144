"""The engine: Scrapy's own, with a shorter way from a request to its item. Open `engine.py` first.

Scrapy's engine hands each request from part to part, and each part waits for the event loop: about ten turns and four tasks a
page. Here one task takes a request through the downloader middlewares, the transfer, the spider's callback and the pipelines.
Everything that users know stays: the settings, the order of middlewares, the signals, the slots, the exceptions. A component
that the short way does not know, such as a spider middleware, makes a request take Scrapy's way.
"""
