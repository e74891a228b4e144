"""The archive on the disk: payloads, manifest and tree.

This package has the modules that need all three: the archive itself, checkout of a snapshot, verification and repair, and
lookups for replay. Below it are `disk` (files), `manifest` (the database's interface) and `sqlite` (its implementation); above
it is `run` (one crawl over an archive).

Modules here may import `core`, `store.disk`, `store.manifest` and `store.sqlite`, but not `store.run`. Nothing in `store` knows
Scrapy. Open `archive.py` first.
"""
