"""Tombstones: which URLs the user asked to forget, and never to fetch again."""

from mirror.core.url.canonical import CanonicalURL


def covers(tombstone: str, url: CanonicalURL) -> bool:
    """Whether a tombstone is this URL, or a prefix of it followed by "*".

    >>> covers("http://example.org/a*", CanonicalURL("http://example.org/a/b"))
    True
    """
    return url.startswith(tombstone[:-1]) if tombstone.endswith("*") else url == tombstone
