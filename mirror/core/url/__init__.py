"""URLs and media types: which references name one resource, which type it has, and its path in the tree.

This room imports no other room. To begin, open `canonical.py`, which states the law of canonical URLs; `local_paths.py` states
that of paths.
"""
