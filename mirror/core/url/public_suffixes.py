"""Which part of a host one owner has registered, by the Public Suffix List, its private part included.

tldextract contains the list. It uses no network here, and writes no file. It takes a twentieth of a second to load, and reading
an archive needs no list, so it is loaded when somebody asks first.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tldextract import TLDExtract


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """The registrable domain of a host, "" if it has none.

    >>> registrable_domain("www.example.co.uk"), registrable_domain("localhost")
    ('example.co.uk', '')
    """
    return _suffix_list()(host).top_domain_under_public_suffix


def is_public_suffix(host: str) -> bool:
    """Whether a host has nothing before its public suffix: others share it.

    >>> is_public_suffix("co.uk"), is_public_suffix("example.co.uk")
    (True, False)
    """
    return not _suffix_list()(host).domain


@cache
def _suffix_list() -> "TLDExtract":
    from tldextract import TLDExtract  # noqa: PLC0415 - see above

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
