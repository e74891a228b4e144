"""Fingerprints of pages: which words a page has of its own, and which elements it consists of.

Input: HTML as text, URLs. Output: words and hashes that can be compared with those of other pages. This module is a quick look,
not a parser: it reads the first `_MAX_READ` characters with regular expressions. It keeps no state.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

_MAX_READ: Final = 1 << 16
"""Characters of a page that are read."""
_SKETCH_SIZE: Final = 64
_SIMILARITY: Final = 0.8
_NEAR: Final = 10
"""Numbers that differ from one in the page's URL by up to this are not the page's own."""

_MARKUP: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TIME: Final = re.compile(
    r"[0-9](?<!\w.)(?:[0-9]?:[0-9]{2}(?::[0-9]{2})?|[0-9]*\.[0-9]{3,})\b"
)  # quick: it begins with a digit
_WORD: Final = re.compile(r"[^\W_]+")
_NO_WORDS: Final = bytes(code if chr(code).isascii() and chr(code).isalnum() else ord(" ") for code in range(256))
"""Turns each ASCII character that is not in a word into a space."""
_TAG: Final = re.compile(r"<([a-z][a-z0-9]*)(?=[\s/>])(?:[^>]*?\sclass\s*=\s*[\"']?([^\"'>]*))?", re.IGNORECASE)
_RANDOM: Final = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{12,}|[0-9a-f]{12,}", re.IGNORECASE)
_MIN_RANDOM: Final = 12


def visible_words(html: str, most: int | None = _MAX_READ) -> list[str]:
    """Return the words that a reader of a page sees, in lower case and in order, without times. `most` characters are read.

    >>> visible_words("<p>Page 7 of many, <!-- no --> next: 8</p> 12:30:01")
    ['page', '7', 'of', 'many', 'next', '8']
    """
    return _words(_TIME.sub(" ", _MARKUP.sub(" ", html[:most])))


def _words(text: str) -> list[str]:
    text = text.casefold()
    return text.encode().translate(_NO_WORDS).decode().split() if text.isascii() else _WORD.findall(text)


def own_words(words: Sequence[str], urls: Sequence[str], *, numbers: bool = True) -> list[str]:
    """Return the words of a page that are its own: not those of `urls`, not numbers near to its own, no random identifiers.

    `urls` are the page's URL and then the URLs whose words don't count. Without `numbers`, no number is the page's own.

    >>> own_words(["page", "7", "of", "many", "next", "8"], ["http://example.org/?page=7"])
    ['of', 'many', 'next']
    """
    own = _words(_path_and_query(urls[0]))
    named = {*own, *_words(" ".join(map(_path_and_query, urls[1:])))}
    near = {number + step for number in _numbers(own) for step in range(-_NEAR, _NEAR + 1)}
    different = {*words}
    dropped = {word for word in different if word in named or is_random(word)}
    dropped |= {word for word in different if word.isdecimal() and (not numbers or _number(word) in near)}
    return [word for word in words if word not in dropped]


def sketch(html: str) -> tuple[int, ...]:
    """Return a sketch of the elements and classes of a page: the smallest of their hashes (Broder 1997)."""
    found = {text_hash(f"{tag.lower()}.{names.strip()}") for tag, names in _TAG.findall(html[:_MAX_READ])}
    return tuple(sorted(found)[:_SKETCH_SIZE])


def are_similar(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two sketches are of pages with nearly the same elements and classes."""
    smallest = set(sorted({*one, *other})[:_SKETCH_SIZE])
    return bool(smallest) and len(smallest & {*one} & {*other}) >= _SIMILARITY * len(smallest)


def text_hash(text: str) -> int:
    """Return a hash of 32 bits that is the same in each process."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _path_and_query(url: str) -> str:
    """Drop the host, because it may contain numbers too."""
    return url.partition("://")[2].partition("/")[2]


def _numbers(words: Iterable[str]) -> list[int]:
    return [_number(word) for word in words if word.isdecimal()]


def _number(word: str) -> int:
    return int(word[:18])


def is_random(word: str) -> bool:
    """Whether a word looks like an identifier that a program made."""
    return len(word) >= _MIN_RANDOM and _RANDOM.fullmatch(word) is not None
