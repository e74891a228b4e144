"""What a user asks a search for.

Input: the text that the user typed, whatever it is. Output: a `Query`. Any text is a query; nothing here raises for its syntax.

The language: all words have to be there, in any order. `"two words"` are next to each other, `begin*` is the beginning of a
word, `one OR two` is either, and `NOT word` must not be there. What is not a letter or a digit separates words; such words in
one piece (`foo(bar`, `e-mail`) stand next to each other. A quote that is not closed ends with the text.
"""

import re
from dataclasses import dataclass
from typing import Final

from mirror.core.search.words import RUN, fold, split

_PIECE: Final = re.compile(r'"(?P<phrase>[^"]*)(?:"|\Z)(?P<star>\*?)|(?P<word>[^\s"]+)')
MOST_TERMS: Final = 128
"""The number of terms up to which a query is searched: the nesting of what they become is limited."""


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand next to each other. `is_prefix`: the last one may go on."""

    words: tuple[str, ...]
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """`wanted`: of each group, one term has to be there. `unwanted`: none of these terms may be there."""

    wanted: tuple[tuple[Term, ...], ...]
    unwanted: tuple[Term, ...] = ()

    @property
    def terms(self) -> list[Term]:
        """The terms that may be shown."""
        return [term for group in self.wanted for term in group]


def parse(text: str) -> Query | None:
    """Read a query; `None` if it has no word that could be found.

    >>> parse("foo(bar ba*").wanted
    ((Term(words=('foo', 'bar'), is_prefix=False),), (Term(words=('ba',), is_prefix=True),))
    >>> parse("+++")
    """
    wanted: list[list[Term]] = []
    unwanted: list[Term] = []
    operator = ""
    for piece in _PIECE.finditer(text):
        if piece["word"] in {"OR", "NOT"}:
            operator = piece["word"]
            continue
        term = _term(piece)
        if not term.words:
            continue
        if operator == "NOT":
            unwanted.append(term)
        elif operator == "OR" and wanted:
            wanted[-1].append(term)
        else:
            wanted.append([term])
        operator = ""
    return Query(tuple(map(tuple, wanted)), tuple(unwanted)) if wanted else None


def _term(piece: re.Match[str]) -> Term:
    text = piece["phrase"] if piece["word"] is None else piece["word"]
    has_star = bool(piece["star"]) or text.endswith("*")
    words = tuple(split(fold(text)))
    goes_on = bool(words) and (has_star or RUN.fullmatch(words[-1]) is not None)
    return Term(words, goes_on)
