"""The start URLs of a run: the value of `start=`, or files that list them, as canonical URLs and the logins in them."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from mirror.cli.input_files import read_text
from mirror.cli.option_values import parse_path
from mirror.cli.usage_errors import Given, UsageError, without_login
from mirror.core.http.credentials import InvalidLoginError, Login, url_login
from mirror.core.http.redaction import hidden, redacted
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical

Start = tuple[CanonicalURL, Login | None]
"""A start URL without its login, and the login."""


def parse_starts(text: str) -> list[Start]:
    """Parse `start=`: URLs and `@FILE`s, separated by white space or commas. Raises `UsageError`.

    A comma ends a URL only if another URL follows, because URLs can contain commas.

    >>> parse_starts("http://example.org/a,b,http://guido:spam@example.com")
    [('http://example.org/a,b', None), ('http://example.com/', Login(...))]
    """
    return [_start(url) for url in list_starts(text)]


def parse_routes(text: str) -> dict[CanonicalURL, tuple[str, ...]]:
    """Return the hash routes of `start=`: scripts read this part of an address, and no request has it.

    >>> parse_routes("http://h/#/guide,http://h/#/api,http://h/#top")
    {'http://h/': ('#/guide', '#/api')}
    """
    found: dict[CanonicalURL, tuple[str, ...]] = {}
    for one in list_starts(text):
        route = f"#{one.partition('#')[2]}"
        if route.startswith(("#/", "#!/")):
            url, _ = _start(one)
            found[url] = (*found.get(url, ()), route)
    return found


def list_starts(text: str) -> list[str]:
    """The URLs of `start=`, as they were written, with those of the files that it names. Raises `UsageError`."""
    urls = [url for line in text.split("\n") for url in _urls_of_line(line)]
    if not urls:
        raise UsageError("no start URL: give one, as in ", Given("start", "https://example.org/"))
    return urls


def _urls_of_line(text: str) -> list[str]:
    if text.startswith("@") and ("://" not in text or parse_path(text[1:]).exists()):
        return _listed(parse_path(text[1:]))
    return [url for part in split(text) for url in (_listed(parse_path(part[1:])) if part[0] == "@" else [part])]


def split(text: str) -> list[str]:
    """Return the URLs and `@FILE`s of a text.

    >>> split("http://a/x,y,file:///b @c")
    ['http://a/x,y', 'file:///b', '@c']
    """
    return [part for part in re.split(r"\s+|,+(?=[A-Za-z][A-Za-z0-9+.\-]*:[/\\]|@|\s|$)", text) if part]


def _start(text: str) -> Start:
    shown = hidden(text)  # the same URL without its login
    try:
        return _without_links(canonical(shown)), url_login(text)
    except InvalidURLError as error:
        raise UsageError(str(error).replace(repr(shown), repr(redacted(shown)))) from None
    except InvalidLoginError as error:
        raise UsageError(f"{shown}: {error}") from None


def _without_links(url: CanonicalURL) -> CanonicalURL:
    """A `file:` URL with symbolic links resolved: the user may start at a link, but no link below it may lead out."""
    if not url.startswith("file:"):
        return url
    path = Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))
    real = Path(os.path.realpath(path))
    return url if real == path else canonical("file://" + quote(os.fsencode(real)) + "/" * url.endswith("/"))


def _listed(path: Path) -> list[str]:
    """The URLs in a file: one or more on each line, `#` before comments."""
    lines = read_text(f"the list of start URLs {without_login(str(path))}", path).splitlines()
    return [part for line in lines for part in split(re.sub(r"(?:^|\s)#.*", "", line))]
