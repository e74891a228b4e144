"""Items: what the spider gives to the pipeline for each entry of the frontier."""

from dataclasses import dataclass, replace
from typing import Final

from scrapy import Request
from scrapy.http import Response as ScrapyResponse

from mirror.core.http.messages import Response
from mirror.core.http.request_variants import redirected, variant_of, with_variant
from mirror.core.policy.scope import Reason
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import Entry
from mirror.transfer.response import CurlResponse

ANONYMOUS: Final = "mirror_anonymous"
"""Key of `Request.meta`: the request carries nothing that tells who the user is, whatever its URL."""

REASONS: Final = "mirror_reasons_to_ask_again"
"""Key of `Request.meta`: why a request is sent again although it was answered, once for each time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a server, with any status. `digest`: the payload is in the object store already."""

    entry: Entry
    response: Response
    references: list[Reference]
    digest: Digest | None = None
    note: str | None = None
    """Why the URL was requested more than once, in words for a user."""
    latency: float | None = None
    """Seconds from the request to the headers of the answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without an answer. `error` is the reason, in words for a user."""

    entry: Entry
    error: str


@dataclass(frozen=True, slots=True)
class Skip:
    """The request was not sent. `rule`: the rule behind the reason, such as a line of robots.txt."""

    entry: Entry
    reason: Reason
    rule: str | None = None


Item = Answer | Failure | Skip


def in_variant(answer: Answer) -> Answer:
    """If a variant of a request was redirected, have its target requested in the same variant, as browsers do."""
    what = variant_of(answer.entry.url)
    if what.is_plain or not answer.response.is_redirect:
        return answer
    again = redirected(what, answer.response.status)
    return replace(
        answer,
        references=[
            one._replace(url=with_variant(one.url, again)) if one.kind is Kind.REDIRECT else one
            for one in answer.references
        ],
    )


def note(request: Request) -> str | None:
    """Return why a request was sent again, in words for a user; `None` if it wasn't."""
    reasons = request.meta.get(REASONS)
    return "; ".join(dict.fromkeys(reasons)) if reasons else None


def core_response(response: ScrapyResponse) -> Response:
    """Convert a response of Scrapy's to one of the core's."""
    if isinstance(response, CurlResponse):
        return Response(
            CanonicalURL(response.url),
            response.status,
            response.raw_headers,
            response.body,
            response.spooled,
            is_open_ended="partial" in response.flags,
        )
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    ]
    is_open_ended = "partial" in response.flags
    return Response(CanonicalURL(response.url), response.status, headers, response.body, is_open_ended=is_open_ended)
