"""Evidence that two URLs are one resource: what a server answers for a URL as written, and for its plain form.

Input: two whole answers. Output: a verdict. This module decides nothing about one answer alone, and keeps no state.

The law
-------
1. Equal payloads are the same. So are redirects to the same place, and HTML documents that show the same words, refer to the
   same URLs, and have the same words in their source. Words of the URL as written, and random identifiers in the source, may
   differ; URLs are compared without tracking parameters and session ids.
2. If only the plain URL has an answer, nothing is lost without the other one: that counts as the same.
3. If only the URL as written has an answer, they differ.
4. A server that makes a session for each answer writes the session into the links of a page, or redirects the plain URL to one
   with a session. Then a parameter is a session id, whatever else differs between two answers.
5. A listing in another order is the same if it shows the same words and refers to the same URLs, in whatever order.
"""

import re
from typing import Final

from mirror.core.document import documents
from mirror.core.http.messages import Response
from mirror.core.policy.page_fingerprint import is_random, visible_words
from mirror.core.syntax.reference import Kind
from mirror.core.url.aliases import plain_url, session_values, without_sorting
from mirror.core.url.canonical import CanonicalURL

_WORD: Final = re.compile(r"[^\W_]+")
_ESCAPED_AGAIN: Final = re.compile("%(?:25)+(?=[0-9A-Fa-f]{2})")
_PAGES: Final = frozenset({Kind.PAGE, Kind.ROUTE, Kind.CANONICAL, Kind.NOFOLLOW, Kind.UNENDORSED})
_MANY: Final = 2
"""How many other pages a page links to with one value of a session parameter."""


def are_same(written: Response | None, plain: Response | None) -> bool | None:
    """Return whether the answers show that both URLs are one resource; `None` if they show nothing. `None` is a failure."""
    if plain is None:
        return None if written is None else False
    if written is None or _is_same_payload(written, plain) or _leads_to_session(plain):
        return True
    if written.is_redirect or plain.is_redirect:
        return written.is_redirect and plain.is_redirect and _targets(written) == _targets(plain)
    return _read_alike(written, plain) or _makes_sessions(written, plain) or _list_alike(written, plain)


def say_the_same(one: Response, other: Response) -> bool:
    """Return whether two pages show the same words: numbers and random identifiers may differ, such as a time or a token."""
    texts = [documents.html_text(response) for response in (one, other)]
    return texts[0] is not None and texts[1] is not None and _steady_words(texts[0]) == _steady_words(texts[1])


def _steady_words(html: str) -> list[str]:
    return [word for word in visible_words(html, None) if not word.isdecimal() and not is_random(word)]


def _is_same_payload(written: Response, plain: Response) -> bool:
    if written.is_redirect or plain.is_redirect:
        return False
    if written.spooled or plain.spooled:
        both = written.spooled, plain.spooled
        return bool(both[0] and both[1]) and both[0].digest == both[1].digest  # type: ignore[union-attr]
    return written.payload == plain.payload


def _targets(response: Response) -> set[CanonicalURL]:
    return {plain_url(reference.url) for reference in documents.find_references(response)}


def _leads_to_session(plain: Response) -> bool:
    """Whether the server sends the plain URL on to itself with a session id or a tracking parameter."""
    targets = documents.find_references(plain) if plain.is_redirect else []
    return any(target.url != plain.url and plain_url(target.url) == plain.url for target in targets)


def _read_alike(written: Response, plain: Response) -> bool:
    texts = [documents.html_text(response) for response in (written, plain)]
    if texts[0] is None or texts[1] is None or visible_words(texts[0], None) != visible_words(texts[1], None):
        return False
    return _targets(written) == _targets(plain) and _source(texts[0], written.url) == _source(texts[1], written.url)


def _list_alike(written: Response, plain: Response) -> bool:
    texts = [documents.html_text(response) for response in (written, plain)]
    if texts[0] is None or texts[1] is None or without_sorting(written.url) == written.url:
        return False
    words = [sorted(visible_words(text, None)) for text in texts if text]
    return words[:1] == words[1:] and _targets(written) == _targets(plain)


def _source(html: str, written: CanonicalURL) -> list[str]:
    """Return all words of the source of a page, without random identifiers and those of the URL as written."""
    named = set(_WORD.findall(_ESCAPED_AGAIN.sub("%", written).casefold()))
    words = _WORD.findall(_ESCAPED_AGAIN.sub("%", html).casefold())
    return [word for word in words if word not in named and not is_random(word)]


def _makes_sessions(written: Response, plain: Response) -> bool:
    """Whether links of one page to several others have one session id, and another one than the URL as written."""
    for response in (written, plain):
        references = documents.find_references(response)
        links = {plain_url(one.url): session_values(one.url) for one in references if one.kind in _PAGES}
        for name, value in session_values(written.url).items():
            found = [values[name] for values in links.values() if name in values]
            if len(found) >= _MANY and len(set(found)) == 1 and found[0] != value:
                return True
    return False
