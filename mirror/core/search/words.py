"""The words of a text, as they are searched for: without case and diacritics, also in languages without spaces.

Input: any text. Output: a text whose words are runs of letters, digits and marks, separated by other characters.

The law: a text of a page and a text to find go through `searchable` alike. Case, accents, vowel points, soft hyphens and the
width of characters don't matter. A run of a script without spaces between words (Chinese, Japanese, Thai, ...) and of Korean
becomes its pairs of characters, and at its end its last character. So a word of two characters is a pair, a longer one is a
phrase of pairs, and one character is the beginning of a pair.

>>> searchable("Caf\\u00e9 STRASSE"), searchable("日本語 2")
('cafe strasse', ' 日本 本語 語  2')
"""

import re
import unicodedata
from typing import Final

VERSION: Final = 2
"""The version of these rules: an index that was made with others is made again."""

IGNORED: Final = re.compile(
    "[\u0300-\u034e\u0350-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u00ad\u200b-\u200f\u2060\ufeff\ufe00-\ufe0f]+"
)
"""Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic, and characters that nobody sees."""

_SPACELESS: Final = (
    "\u0e01-\u0e3e\u0e40-\u0e4e\u0e81-\u0edf\u0f40-\u0fbc\u1000-\u1049\u1050-\u109d\u1780-\u17d3\u1950-\u19df"
    "\u1a20-\u1aad\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c\ua9e0-\ua9fe\uaa60-\uaa7f\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, Tai, Chinese, Japanese, Yi and Korean: letters and marks, without punctuation."""

RUN: Final = re.compile(f"[{_SPACELESS}]+")
"""A run of characters of scripts without spaces."""


MOST: Final = 16 << 20
"""Characters of a text in the index: some characters become many, and SQLite takes no value of any length."""

_MARKS: Final = re.compile(r"[^\w\s\x00-\x7f]{30,}")
"""A run that may be of marks only (Unicode has 30 as the bound of what is meant as text, UAX #15, 13)."""

_JOINER: Final = "\u034f"
"""A character without meaning, behind which marks are not sorted."""


def searchable(text: str) -> str:
    """Return a text for the index, cut off behind `MOST` characters."""
    folded = fold(text)
    return folded[:MOST] if folded.isascii() else RUN.sub(_pairs, folded[:MOST])[:MOST]


def fold(text: str) -> str:
    """Return a text without what doesn't matter.

    >>> fold("\\uff21\\u0301b\\u00ado \\ufb01 \\u01c4")
    'abo fi dz'
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", _MARKS.sub(_divided, text.casefold()))
    return unicodedata.normalize("NFC", IGNORED.sub("", decomposed)).replace(_JOINER, "").casefold()


def _divided(marks: re.Match[str]) -> str:
    """Divide a run of marks: Python sorts each run in a time that is the square of its length."""
    run = marks[0]
    return _JOINER.join(run[at : at + 30] for at in range(0, len(run), 30))


def is_of_word(character: str) -> bool:
    """Return whether a character belongs to a word: a letter, a digit or a mark."""
    return unicodedata.category(character)[0] in "LNM"


def split(text: str) -> list[str]:
    """Split a short folded text into words and runs.

    >>> split("c++ foo_bar 日本x")
    ['c', 'foo', 'bar', '日本', 'x']
    """
    spaced = RUN.sub(lambda run: f" {run[0]} ", text)
    return "".join(c if is_of_word(c) else " " for c in spaced).split()


def _pairs(run: re.Match[str]) -> str:
    return f" {' '.join(pairs(run[0]))} {run[0][-1]} "


def pairs(run: str) -> list[str]:
    """Return the pairs of characters of a run.

    >>> pairs("日本語"), pairs("日")
    (['日本', '本語'], [])
    """
    return [run[at : at + 2] for at in range(len(run) - 1)]
