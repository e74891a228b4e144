"""What the spider gives to the pipeline: an answer, or that there is none."""

from dataclasses import dataclass

from scrapy.http import Response as ScrapyResponse

from mirror.core.document.references import Reference
from mirror.core.http.messages import Response
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.objects import Digest
from mirror.store.manifest.frontier import Entry
from mirror.transfer.response import CurlResponse


@dataclass(frozen=True, slots=True)
class Answer:
    """A server answered, whatever it said. `digest`: its payload is an object already."""

    entry: Entry
    response: Response
    references: list[Reference]
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer came; `error` is what a user reads."""

    entry: Entry
    error: str


@dataclass(frozen=True, slots=True)
class Skip:
    """The request was not made after all; `rule` is what the host said."""

    entry: Entry
    reason: Reason
    rule: str | None = None


Item = Answer | Failure | Skip


def answered(response: ScrapyResponse) -> Response:
    """Scrapy's response as the core knows one."""
    if isinstance(response, CurlResponse):
        return Response(
            CanonicalURL(response.url), response.status, response.raw_headers, response.body, response.spooled
        )
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    ]
    return Response(CanonicalURL(response.url), response.status, headers, response.body)
