"""The file in which browsers' extensions, curl and wget keep cookies: cookies.txt, as Netscape wrote it.

Enters: the text of such a file.
Leaves: its cookies, as the standard library has them.
Never here: a clock. What has expired is among the cookies, and a jar does not send it.

A line is a cookie, its fields divided by tabs: domain, whether subdomains get it, path, whether it is for https alone, when
it ends (seconds since 1970, 0 for a session's), name, value. `#` begins a remark, and `#HttpOnly_` a cookie that scripts
don't see. As tolerant as curl is: no first line is asked for, the dot before a domain means nothing (the second field does),
and an empty value may be left off. Lines end with LF or CRLF.
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
    """A line that is no cookie: the message has its number, and nothing of what stands there."""


def read_cookies(text: str) -> list[Cookie]:
    """The cookies of a cookies.txt; raises `InvalidCookiesError`.

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
    domain, path, ends = fields[0].removeprefix("."), fields[2], fields[4]
    subdomains, secure = _WORDS.get(fields[1].upper()), _WORDS.get(fields[3].upper())
    if subdomains is None or secure is None:
        raise InvalidCookiesError(f"line {number}: its second and fourth fields have to be TRUE or FALSE")
    if not domain or not path.startswith("/"):
        raise InvalidCookiesError(f"line {number} has no domain, or a path that does not begin with /")
    if not _TIME.fullmatch(ends):
        raise InvalidCookiesError(f"line {number}: its fifth field is no time in seconds")
    if not name + value or any(map(_NOT_IN_COOKIES.search, fields)):
        raise InvalidCookiesError(f"line {number} has no name, or a character that is none of a cookie's")
    expires = int(float(ends or 0))
    return Cookie(
        version=0,
        name=name or value,
        value=value if name else None,  # how the library keeps a cookie without a name
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
