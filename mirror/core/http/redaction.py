"""URLs in messages: without the logins in them.

Input: a URL as a user or a site wrote it, valid or not. Output: text that can be shown. This module imports nothing, so that
`websucker` can refuse an argument at once.
"""

import re
from typing import Final

USERINFO: Final = re.compile(r"([\x00-\x20]*[A-Za-z][A-Za-z0-9+.\-]*:[/\\\s]*+)([^/\\?#]*)@", re.DOTALL)
"""What is before the login of a URL, and the login."""

ON_DISK: Final = re.compile(r"[\x00-\x20]*file:", re.IGNORECASE)
"""The beginning of a URL that has no login, whatever it looks like."""

_IN_VAIN = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*:/*)(?:.*(?=@)|([^/?#:@]*:)(?![0-9]*(?:[/?#]|$)).*)", re.DOTALL)
_NO_URL = re.compile(r"([A-Za-z][A-Za-z0-9+\-]*:)(?![/\\0-9])[^@/]*")


def hidden(url: str) -> str:
    """Return the text of a URL for a message: without the login, and otherwise unchanged, valid or not.

    >>> hidden("ftp://guido:spam@example.org/a@b"), hidden("http://example.org/")
    ('ftp://...@example.org/a@b', 'http://example.org/')
    """
    return url if ON_DISK.match(url) else USERINFO.sub(r"\1...@", url, count=1)


def redacted(text: str) -> str:
    """Return an invalid URL for a message: without whatever may be a login in it.

    >>> redacted("http://guido:sp#am@example.org/"), redacted("http://guido:sp"), redacted("http://:80/")
    ('http://...@example.org/', 'http://guido:...', 'http://:80/')
    >>> redacted("guido:spam"), redacted("localhost:80x")
    ('guido:...', 'localhost:80x')
    """
    if match := _NO_URL.fullmatch(text):
        return f"{match[1]}..."
    return text if ON_DISK.match(text) else _IN_VAIN.sub(r"\1\2...", text, count=1)
