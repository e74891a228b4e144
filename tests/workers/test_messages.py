"""What travels between the crawl and its worker processes: values that arrive as they were sent."""

import pickle
from dataclasses import fields

import pytest

from mirror.core.http.messages import Response, Spooled
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.disk.publications import Publication

URL = CanonicalURL("http://example.org/a")
HEADERS = [("Content-Type", "text/html"), ("ETag", '"a"')]
RESPONSE = Response(URL, 404, HEADERS, b"payload", Spooled("d" * 64, 7, b"pay"), is_open_ended=True, is_error_page=True)
PUBLICATION = Publication(
    resource_id=7,
    stale=3,
    url=URL,
    status=301,
    headers=HEADERS,
    digest=Digest("d" * 64),
    size=7,
    media_type="text/html",
    path=LocalPath("example.org/a~.html"),
    target=CanonicalURL("http://example.org/b"),
    places={URL: LocalPath("example.org/a~.html")},
    dom=Digest("e" * 64),
    extra=frozenset({"data-zoom"}),
)


@pytest.mark.parametrize("message", [RESPONSE, PUBLICATION])
def test_a_message_arrives_as_it_was_sent(message: Response | Publication) -> None:
    """Each field has a value other than its default, so that none can be left out."""
    assert not [one.name for one in fields(message) if getattr(message, one.name) == one.default]
    assert pickle.loads(pickle.dumps(message, pickle.HIGHEST_PROTOCOL)) == message
