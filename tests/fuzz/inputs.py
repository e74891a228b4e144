"""Inputs for laws: words in any order, words many times over, and noise between."""

from collections.abc import Sequence

from hypothesis import strategies as st

LONGEST = 3000
"""Times that a word may be repeated."""


def inputs(words: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes put together from words."""
    word = st.sampled_from(words)
    piece = st.one_of(word, word, word, st.binary(max_size=6), st.builds(bytes.__mul__, word, st.integers(2, 40)))
    mixed = st.lists(piece, max_size=30).map(b"".join)
    times = st.integers(100, LONGEST)
    return st.one_of(mixed, mixed, mixed, st.builds(lambda a, b, n, c: a + b * n + c, mixed, piece, times, mixed))
