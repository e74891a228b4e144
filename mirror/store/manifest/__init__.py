"""The interface of the manifest: the methods that a database backend implements, and the records that they exchange.

Modules here may import `core` and `store.disk` (for `Digest` and `Published`). They contain no SQL and open no database.

Open `interface.py` first, then `records.py`. `history_interface.py` has the rest of the interface.
"""
