"""Inputs for laws: words in any order, repeated words, and noise between them."""

from collections.abc import Sequence

from hypothesis import strategies as st

MAX_REPEATS = 3000
"""How often a word may be repeated."""


def inputs(words: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return bytes composed of words."""
    word = st.sampled_from(words)
    piece = st.one_of(word, word, word, st.binary(max_size=6), st.builds(bytes.__mul__, word, st.integers(2, 40)))
    mixed = st.lists(piece, max_size=30).map(b"".join)
    times = st.integers(100, MAX_REPEATS)
    return st.one_of(mixed, mixed, mixed, st.builds(lambda a, b, n, c: a + b * n + c, mixed, piece, times, mixed))
