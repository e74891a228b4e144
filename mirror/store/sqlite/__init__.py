"""The manifest in an SQLite file: the implementation of `store.manifest.interface`. SQL is in this package only.

Each class implements the protocol of the same name, whose docstrings are not repeated here. Modules may import `core`,
`store.disk` and `store.manifest`.

Open `manifest.py` first, which puts the parts together, then `schema.py` (the tables) and `database.py` (transactions, errors).
"""
