"""Text of the web as it may stand on a terminal."""


def printable(text: str) -> str:
    r"""A text of the web as it may stand on a terminal: what is no visible character becomes U+FFFD.

    >>> printable("a\x1b[31m\n") == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"
    True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def printable_lines(text: str) -> str:
    r"""The same for a text of several lines.

    >>> printable_lines("a\x9b31m\nb\n") == "a\N{REPLACEMENT CHARACTER}31m\nb\n"
    True
    """
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))
