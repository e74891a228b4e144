"""Text of the web, made safe for a terminal."""


def printable(text: str) -> str:
    r"""Replace every character that is not printable with U+FFFD, so that no text can control the terminal.

    >>> printable("a\x1b[31m\n") == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"
    True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def printable_lines(text: str) -> str:
    r"""Do the same for a text of several lines, and keep its line ends.

    >>> printable_lines("a\x9b31m\nb\n") == "a\N{REPLACEMENT CHARACTER}31m\nb\n"
    True
    """
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))
