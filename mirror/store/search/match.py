"""A query as FTS5 reads it. Every word is quoted, so no text of a user is read as syntax.

The words of a text are in the index as `core.search.words.searchable` writes them: a run of a script without spaces is its
pairs of characters, and then its last character.
"""

from mirror.core.search.query import Query, Term
from mirror.core.search.words import RUN, pairs


def expression(query: Query) -> str:
    """Return the expression for MATCH.

    >>> from mirror.core.search.query import parse
    >>> expression(parse('a foo(bar OR x* NOT 日本語'))
    '((("a") AND ("foo bar" OR "x" *)) NOT ("日本 本語"))'
    """
    found = _wanted(query)
    if query.unwanted:
        found = f"({found}) NOT ({' OR '.join(map(_phrase, query.unwanted))})"
    return f"({found})"


def in_headings(query: Query) -> str:
    """Return the expression for texts that match, and have all words in the title or the headings.

    >>> from mirror.core.search.query import parse
    >>> in_headings(parse('a NOT b'))
    '({title headings} : (("a"))) AND ((("a")) NOT ("b"))'
    """
    found = f"({{title headings}} : ({_wanted(query)}))"
    return f"{found} AND {expression(query)}" if query.unwanted else found


def _wanted(query: Query) -> str:
    return " AND ".join(f"({' OR '.join(map(_phrase, group))})" for group in query.wanted)


def _phrase(term: Term) -> str:
    """Return a phrase, and a star if its last word may go on."""
    *before, last = term.words
    words = [word for one in before for word in _indexed(one)]
    if RUN.fullmatch(last) is None:
        return f'"{" ".join([*words, last])}"{" *" * term.is_prefix}'
    if len(last) == 1:
        return f'"{" ".join([*words, last])}" *'
    return f'"{" ".join([*words, *pairs(last)])}"'


def _indexed(word: str) -> list[str]:
    """Return the words in the index of one that ends where the next one begins."""
    return [word] if RUN.fullmatch(word) is None else [*pairs(word), word[-1]]
