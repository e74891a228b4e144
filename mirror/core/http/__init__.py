"""HTTP as values: responses and headers, caching, ranges, content codings, credentials and cookie files.

This room may import `core.url`. To begin, open `messages.py`, which defines `Response`.
"""
