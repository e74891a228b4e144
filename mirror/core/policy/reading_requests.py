"""Requests that only read: which POST a crawler may send, because it asks a question and changes nothing.

Input: a URL and the variant of a request, from a page that sends it by itself. Output: a decision. This module opens no socket.

The rules
---------
A POST reads if one of these holds, and neither its path nor its action has a word that changes something (`CHANGES`):

1. GraphQL: JSON, or `application/graphql`, whose documents define no mutation and no subscription.
2. Search: the last segment of the path has a word of `READS`: `/indexes/posts/search`, `/_msearch`, `/api/getProducts`.
3. An action that reads: the body names a method or action, and it has a word of `READS`: JSON-RPC `{"method": "posts.list"}`,
   WordPress' `action=load_more`, MediaWiki's `action=query`.
4. A table: a form with `draw`, `start` and `length` (DataTables).

What else a page sends may be a vote, an order, or a report about its reader. With `Sends.ALL` it is sent, to the sites of the
starts only; what changes something is sent then, too.
"""

import json
import re
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qsl

from mirror.core.http.messages import header
from mirror.core.http.request_variants import Variant
from mirror.core.url.canonical import CanonicalURL, split

_WORD_OF_LIST: Final = re.compile(r"\w+")

READS: Final = frozenset(
    _WORD_OF_LIST.findall(
        """autocomplete browse facets fetch filter find get hits list load lookup msearch paginate products queries query read
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

_ACTIONS: Final = ("action", "method", "operation", "operationName", "cmd", "do")
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_TABLE: Final = frozenset({"draw", "start", "length"})
_GRAPHQL_TEXT: Final = re.compile(r'"""(?:\\"""|[^\\]|\\(?!"""))*?"""|"(?:\\.|[^"\\\n])*"|#[^\n]*', re.DOTALL)
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
    last = split(url).path.rstrip("/").rpartition("/")[2]
    data = _data(what)
    if isinstance(data, list) and len(data) > _MOST_QUERIES:
        return False
    actions = [one[name] for one in _objects(data) for name in _ACTIONS if isinstance(one.get(name), str)]
    if any(_words(text) & CHANGES for text in (last, *actions)):
        return False
    documents = _graphql(what, data)
    if documents:
        return all(map(_only_queries, documents))
    is_table = isinstance(data, dict) and data.keys() >= _TABLE
    return is_table or any(_words(text) & READS for text in (last, *actions))


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _data(what: Variant) -> Any:
    """The body as JSON, or as the fields of a form; `None` if it is neither."""
    media_type = (header(what.headers, "content-type") or "").partition(";")[0].strip().lower()
    text = what.body.decode(errors="replace")
    if media_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=None))
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _objects(data: Any) -> list[dict[str, Any]]:
    """The objects of a request, or of a batch of them."""
    found = data if isinstance(data, list) else [data]
    return [one for one in found if isinstance(one, dict)]


def _graphql(what: Variant, data: Any) -> list[str]:
    """The documents of a GraphQL request; none if it is something else."""
    if (header(what.headers, "content-type") or "").lower().startswith("application/graphql"):
        return [what.body.decode(errors="replace")]
    return [one["query"] for one in _objects(data) if isinstance(one.get("query"), str) and "{" in one["query"]]


def _only_queries(document: str) -> bool:
    """Whether a GraphQL document defines no mutation and no subscription (GraphQL, 2.3)."""
    depth = 0
    for word in _GRAPHQL_TOKEN.findall(_GRAPHQL_TEXT.sub(" ", document)):
        if word in "{}":
            depth = depth + 1 if word == "{" else max(depth - 1, 0)
        elif not depth and word in _GRAPHQL_CHANGES:
            return False
    return True
