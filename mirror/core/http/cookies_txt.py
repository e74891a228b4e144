"""cookies.txt, the file in which browsers' extensions, curl and wget store cookies, in the format of Netscape.

Input: the text of such a file. Output: its cookies, as the standard library's `Cookie`. This module has no clock: expired
cookies are returned too, and a cookie jar doesn't send them.

Each line is a cookie. Tabs separate its fields: domain, whether subdomains get it, path, whether it is for https alone, expiry
(seconds since 1970, 0 for a session cookie), name, value. `#` begins a comment, and `#HttpOnly_` a cookie that scripts can't
read. The parser is as tolerant as curl: the file needs no header line, a dot before a domain means nothing (the second field
decides), and an empty value may be omitted. Lines end with LF or CRLF.
"""

import re
from http.cookiejar import Cookie
from typing import Final

_HTTP_ONLY: Final = "#HttpOnly_"
_FIELDS: Final = 7
_WORDS: Final = {"TRUE": True, "FALSE": False}
_TIME = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]*)?|")
_NOT_IN_COOKIES = re.compile(r"[\x00-\x1f\x7f;]")


class InvalidCookiesError(ValueError):
    """A line is not a cookie. The message contains the number of the line, and nothing of its text."""


def read_cookies(text: str) -> list[Cookie]:
    """Return the cookies of a cookies.txt; raises `InvalidCookiesError`.

    >>> [(c.domain, c.name, c.value) for c in read_cookies("example.org\\tTRUE\\t/\\tFALSE\\t0\\tid\\t42")]
    [('.example.org', 'id', '42')]
    """
    cookies = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        visible = line.removesuffix("\r").removeprefix(_HTTP_ONLY)
        if visible.strip() and not visible.startswith("#"):
            cookies.append(_cookie(visible, number, http_only=line.startswith(_HTTP_ONLY)))
    return cookies


def _cookie(line: str, number: int, *, http_only: bool) -> Cookie:
    fields = line.split("\t")
    if len(fields) == _FIELDS - 1:
        fields.append("")
    if len(fields) != _FIELDS:
        raise InvalidCookiesError(f"line {number} has {len(fields)} fields, not the {_FIELDS} that tabs divide")
    name, value = fields[5:]
    domain, path, expiry = fields[0].removeprefix("."), fields[2], fields[4]
    subdomains, secure = _WORDS.get(fields[1].upper()), _WORDS.get(fields[3].upper())
    if subdomains is None or secure is None:
        raise InvalidCookiesError(f"line {number}: its second and fourth fields must be TRUE or FALSE")
    if not domain or not path.startswith("/"):
        raise InvalidCookiesError(f"line {number} has no domain, or a path that doesn't begin with /")
    if not _TIME.fullmatch(expiry):
        raise InvalidCookiesError(f"line {number}: its fifth field is not a time in seconds")
    if not name + value or any(map(_NOT_IN_COOKIES.search, fields)):
        raise InvalidCookiesError(f"line {number} has no name, or a character that cookies can't contain")
    expires = int(float(expiry or 0))
    return Cookie(
        version=0,
        name=name or value,
        value=value if name else None,  # how the library represents a cookie without a name
        port=None,
        port_specified=False,
        domain=f".{domain}" if subdomains else domain,
        domain_specified=subdomains,
        domain_initial_dot=subdomains,
        path=path,
        path_specified=True,
        secure=secure,
        expires=expires if expires > 0 else None,
        discard=expires <= 0,
        comment=None,
        comment_url=None,
        rest={"HTTPOnly": ""} if http_only else {},
    )
