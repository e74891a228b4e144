"""The search index: a database of its own beside the manifest, with the text of every page that any snapshot shows.

Everything in it is derived, so it can be deleted at any time. The key of a text is the digest of its object: a text that URLs
and snapshots share is there once, and no URL is in the index. Which snapshots show a text is what the manifest says.

Start with index.py.
"""
