"""Documents: which resources they refer to, and how to rewrite these references for a copy.

This room may import `core.url`, `core.http` and `core.syntax`. To begin, open `documents.py`, through which other rooms read
and copy documents; `link_attributes.py` has the tables of attributes with URLs, and `link_rewriter.py` states the law of
rewriting.
"""
