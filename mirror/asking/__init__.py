"""Asks servers whether single URLs are there, without keeping what they send. `links --external` and `check` use it.

Start with spider.py.
"""
