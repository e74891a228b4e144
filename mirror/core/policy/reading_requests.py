"""Requests that only read: which POST a crawler may send, because it asks a question and changes nothing.

Input: a URL and the variant of a request, from a page that sends it by itself. Output: a decision. This module opens no socket.

The rules
---------
A POST reads if one of these holds, and neither the last segment of its path nor an action has a word that changes something
(`CHANGES`), nor the rest of the path one that does nothing else (`ORDERS`):

1. GraphQL: JSON, or `application/graphql`, whose documents define no mutation and no subscription. In a batch each request has
   a document.
2. Search: the last segment of the path has a word of `READS`: `/indexes/posts/search`, `/_msearch`, `/api/getProducts`.
3. An action that reads: the body names a method or action, and it has a word of `READS`: JSON-RPC `{"method": "posts.list"}`,
   WordPress' `action=load_more`, MediaWiki's `action=query`.
4. A table: a form with `draw`, `start` and `length` (DataTables).

What changes something is looked for in more fields (`_COMMANDS`), in the query of the URL and anywhere in the body. `reads`
understands JSON and both kinds of forms. It refuses what a server may read in another way than this module does: a field that
is there twice, a body in another encoding than UTF-8, or compressed, a document of GraphQL in the query of the URL, and headers
that name another method or URL (`X-HTTP-Method-Override`). GET with such a header is not sent either. Nor is a body with a
password.

What else a page sends may be a vote, an order, or a report about its reader. With `Sends.ALL` it is sent, to the sites of the
starts only; what changes something is sent then, too.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from mirror.core.http.messages import header
from mirror.core.http.request_variants import Variant
from mirror.core.url.canonical import CanonicalURL, split

_WORD_OF_LIST: Final = re.compile(r"\w+")

READS: Final = frozenset(
    _WORD_OF_LIST.findall(
        """autocomplete browse facets fetch filter find get hits list load lookup msearch paginate queries query
        search select show suggest suggestions typeahead"""
    )
)
"""Words, in lower case, in the names of what reads."""

CHANGES: Final = frozenset(
    _WORD_OF_LIST.findall(
        """accept add analytics approve ban beacon buy cancel cart checkout click clear collect comment confirm consent
        count create delete destroy disable dismiss edit enable error event events hit impression import insert
        like log login logout mark metrics move order pay ping pixel publish purchase put rate register remove
        rename report reset save send set share signin signout signup stats submit subscribe sync telemetry
        toggle track unlike unsubscribe update upload upvote view views vote write"""
    )
)
"""Words, in lower case, in the names of what changes something, or counts readers."""

ORDERS: Final = frozenset(
    _WORD_OF_LIST.findall(
        """ban create delete destroy edit insert login logout mark purchase remove signin signup subscribe unsubscribe update
        upload upvote"""
    )
)
"""Words, in lower case, that are in no name of a mere thing: `/events/search` reads, `/delete/list` may not."""

_ACTIONS: Final = frozenset({"action", "cmd", "do", "method", "operation", "operationname"})
"""Names of fields, in lower case, that say at the top of a body what a server is to do."""

_COMMANDS: Final = _ACTIONS | {"_method", "act", "command", "event", "func", "function", "mode", "op", "task", "verb"}
"""The same for fields that say so anywhere, if they have a word of `CHANGES`."""

_ANOTHER: Final = re.compile(r"x-(?:http-)?method(?:-override)?|x-original-url|x-rewrite-url")
_PART: Final = re.compile(
    r'content-disposition:[^\r\n]*?;\s*name="([^"\r\n]*)"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n', re.IGNORECASE
)
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?(?!utf-?8\b)", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PASSWORD: Final = re.compile(rb"passw|passphrase|passcode", re.IGNORECASE)
"""What the names of secrets of a reader have in them. No such body is sent, or kept."""

_TABLE: Final = frozenset({"draw", "start", "length"})
_GRAPHQL_TEXT: Final = re.compile(r'"""(?:\\"""|[^\\]|\\(?!"""))*?"""|"(?:\\.|[^"\\\n\r])*"|#[^\n\r]*', re.DOTALL)
_GRAPHQL_TOKEN: Final = re.compile(r"[{}]|[A-Za-z_]\w*", re.ASCII)
_GRAPHQL_CHANGES: Final = frozenset({"mutation", "subscription"})
_MOST_QUERIES: Final = 50


class Sends(StrEnum):
    """Which requests of rendered pages are sent that are more than a URL."""

    AUTO = "auto"  # with headers of their own, and POST that only reads
    ALL = "all"  # every POST to a site of the starts, too
    NONE = "none"


def reads(url: CanonicalURL, what: Variant) -> bool:
    """Whether a POST only reads.

    >>> reads(CanonicalURL("http://h/api/search"), Variant("POST", (), b"q=a"))
    True
    >>> reads(CanonicalURL("http://h/search/vote"), Variant("POST", (), b"q=a"))
    False
    """
    address = split(url)
    *folders, last = address.path.rstrip("/").split("/")
    try:
        data, asked = _data(what), _fields(address.query or "")
        objects = list(_objects(data))
    except (ValueError, RecursionError):
        return False
    commands = _named(_COMMANDS, [asked, *objects])
    if (
        _PASSWORD.search(what.body)
        or _is_disguised(what, asked)
        or any(_words(text) & CHANGES for text in (last, *commands))
    ):
        return False
    if any(_words(text) & ORDERS for text in folders) or (isinstance(data, list) and len(data) > _MOST_QUERIES):
        return False
    documents = _graphql(what, data)
    if documents:
        return all(map(_only_queries, documents))
    is_table = isinstance(data, dict) and data.keys() >= _TABLE
    actions = _named(_ACTIONS, data if isinstance(data, list) else [data])
    return is_table or any(_words(text) & READS for text in (last, *actions))


def names_another(what: Variant) -> bool:
    """Whether headers say that a server is to take a request for one of another method or URL.

    >>> names_another(Variant("GET", (("x-http-method-override", "DELETE"),)))
    True
    """
    return any(_ANOTHER.fullmatch(name) for name, _ in what.headers)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(unquote(text))}


def _is_disguised(what: Variant, asked: Mapping[str, Any]) -> bool:
    """Whether a server may read another request than this one is."""
    is_compressed = header(what.headers, "content-encoding") is not None
    is_encoded = bool(_CHARSET.search(header(what.headers, "content-type") or "")) or b"\0" in what.body
    return (
        names_another(what)
        or is_compressed
        or is_encoded
        or any("{" in value for name, value in asked.items() if name.lower() == "query")
    )


def _data(what: Variant) -> Any:
    """The body as JSON, or as the fields of a form; `None` if it is neither. Raises `ValueError`."""
    media_type = (header(what.headers, "content-type") or "").partition(";")[0].strip().lower()
    text = what.body.decode()
    if media_type == "application/x-www-form-urlencoded":
        return _fields(text)
    if media_type == "multipart/form-data":
        return _parts(text)
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError:
        return None


def _fields(text: str) -> dict[str, Any]:
    return _once(parse_qsl(text, keep_blank_values=True), can_repeat=True)


def _parts(text: str) -> dict[str, Any]:
    """The fields of a multipart form. A value that is JSON, as of GraphQL, is read as such. Raises `ValueError`."""
    parts = [(_PART.search(part), part) for part in text.split("--websucker")[1:-1]]
    return _once([(found[1], _value(part[found.end() :])) for found, part in parts if found])


def _value(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError:
        return text.removesuffix("\r\n")


def _once(pairs: Sequence[tuple[str, Any]], *, can_repeat: bool = False) -> dict[str, Any]:
    """Return the fields of an object. Raises `ValueError` if servers may take one or the other value of a field.

    In forms, fields are repeated to select several values, but not those that decide what is done.
    """
    found = dict(pairs)
    names = [name for name, _ in pairs if not can_repeat or name.lower() in {*_COMMANDS, "query"}]
    if len(set(names)) < len(names):
        raise ValueError("a field is there twice")
    return found


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    """The objects of a body, however deep."""
    if isinstance(data, dict):
        yield data
    for part in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _objects(part)


def _named(names: frozenset[str], objects: Iterable[Any]) -> list[str]:
    """The texts of the fields with these names. What is no text counts as it is written."""
    fields = [pair for one in objects if isinstance(one, dict) for pair in one.items()]
    return [value if isinstance(value, str) else json.dumps(value) for name, value in fields if name.lower() in names]


def _graphql(what: Variant, data: Any) -> list[str]:
    """The documents of a GraphQL request, with "" for each request of a batch without one; none if it is something else."""
    is_graphql = (header(what.headers, "content-type") or "").lower().startswith("application/graphql")
    if is_graphql and not isinstance(data, dict | list):
        return [what.body.decode()]
    requests = data if isinstance(data, list) else [data]
    if isinstance(data, dict) and "operations" in data:  # a multipart form
        requests = data["operations"] if isinstance(data["operations"], list) else [data["operations"]]
    found = [one.get("query") if isinstance(one, dict) else None for one in requests]
    texts = [text if isinstance(text, str) and "{" in text else "" for text in found]
    return texts if any(texts) else []


def _only_queries(document: str) -> bool:
    """Whether a GraphQL document defines something, but no mutation and no subscription (GraphQL, 2.3)."""
    depth = 0
    for word in _GRAPHQL_TOKEN.findall(_GRAPHQL_TEXT.sub(" ", document)):
        if word in "{}":
            depth = depth + 1 if word == "{" else max(depth - 1, 0)
        elif not depth and word in _GRAPHQL_CHANGES:
            return False
    return bool(document)
