"""The syntaxes of documents: decoding text, parsing markup, and finding URLs in values, styles and scripts.

This room may import `core.url`. To begin, open `embedded_urls.py`, which finds the URLs in values.
"""
