"""Laws that hold for anything a server sends.

A law takes bytes, reads them in every way in which the core reads a server's bytes, and raises if that breaks a promise: by an
unexpected exception, a URL that isn't canonical, a path outside of the tree, bytes that change without reason, or a time that
the length doesn't explain.

LAWS["robots"].holds_for(b"User-agent: *\\nDisallow: /*")
"""

import gzip
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from itertools import pairwise, product
from types import FrameType
from typing import Final

from mirror.core.comparison import text_diff
from mirror.core.document import documents, link_rewriter, references
from mirror.core.document.edits import Edit
from mirror.core.document.replacements import Rewriter
from mirror.core.http import byte_ranges, caching, content_coding, cookies_txt, credentials, messages
from mirror.core.http.messages import Response
from mirror.core.policy import request_rate, robots_txt, soft_errors
from mirror.core.replay import response_headers
from mirror.core.syntax import character_encoding, embedded_urls, ftp_listings, robots_meta
from mirror.core.syntax.reference import Kind
from mirror.core.url import canonical, local_paths, media_types
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.media_types import Document
from tests.fuzz import words

HERE: Final = CanonicalURL("http://example.org/d/p?q")
NOW: Final = "2026-01-01T00:00:00+00:00"
FREE: Final = 2.0
"""Seconds of processor time that any input may take."""

PER_BYTE: Final = 60e-6
"""Seconds that each byte may add: about a hundred times what it takes, and far less than it takes if time is quadratic."""

MAX_DECODED: Final = 1 << 20


class TooSlowError(AssertionError):
    """Reading took longer than the length of the input explains."""


@dataclass(frozen=True, slots=True)
class Law:
    """A check, and the `words` that mean something to the parsers it runs: a fuzzer composes its inputs of them."""

    check: Callable[[bytes], None]
    words: Sequence[bytes]

    def holds_for(self, payload: bytes) -> None:
        with within(FREE + PER_BYTE * len(payload)):
            self.check(payload)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `TooSlowError` after so many seconds of processor time, not of clock time."""

    def ring(_: int, __: FrameType | None) -> None:
        raise TooSlowError(f"not done after {seconds:.1f} seconds of the processor")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


# --- promises about results -----------------------------------------------------------------------------------------------


def assert_canonical(url: CanonicalURL) -> None:
    """Check that a URL is its own canonical form, shows no login, and has a path inside the tree."""
    assert canonical.canonical(url) == url
    assert (url.isprintable() and url.isascii()) or not any(ch.isspace() or ch < " " for ch in url), url
    assert not canonical.has_credentials(url)
    canonical.split(url)
    for law, media_type in product((local_paths.EXACT, local_paths.PORTABLE), ("text/html", "image/png")):
        path = law.path(url, media_type)
        assert_inside(path)
        assert not any(ch in path for ch in '\\:*?"<>|' if law is local_paths.PORTABLE or ch == "\\"), path


def assert_inside(path: local_paths.LocalPath) -> None:
    names = path.split("/")
    assert len(names) > 1, path
    assert all(names), path
    assert not any(name in {".", ".."} or len(name.encode()) > 255 for name in names), path
    assert not names[0].startswith("."), path
    assert path.isprintable(), path


def assert_apart(edits: Sequence[Edit], length: int) -> None:
    assert all(0 <= edit.start <= edit.end <= length for edit in edits)
    assert all(one.end <= other.start for one, other in pairwise(edits))


# --- the laws ------------------------------------------------------------------------------------------------------------


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "surrogateescape")


def _url(payload: bytes) -> None:
    """A reference and, after a line end, its base."""
    reference, _, base = _text(payload).partition("\n")
    for text in (base, HERE):
        start = HERE
        with suppress(canonical.InvalidURLError):
            start = canonical.canonical(text)
            assert_canonical(start)
        target = canonical.resolve(reference, start)
        if target:
            assert_canonical(target.url)
            kept = canonical.resolve(canonical.without_fragment(reference), start)
            assert kept is not None
            assert kept.url == target.url
            assert canonical.referer(start, target.url) is None or not canonical.has_credentials(start)
    with suppress(credentials.InvalidLoginError):
        credentials.url_login(reference)


def _document(media_type: str) -> Callable[[bytes], None]:
    """Return the check of a document: its payload is read and rewritten."""

    def check(payload: bytes) -> None:
        response = Response(HERE, 200, [("Content-Type", media_type)], payload)
        found = documents.find_references(response)
        for reference in found:
            assert_canonical(reference.url)
        documents.robots_directives(response, NOW)
        saved = {reference.url: f"../{n}.html" for n, reference in enumerate(found) if n % 2}
        documents.local_copy(response, response.media_type, "p.html", saved.get)
        origin = "http://example-org.localhost:8000/d/p"
        documents.copy_at_origin(response, response.media_type, origin, saved.get, saved.get)
        read = documents.read(response, response.media_type)
        if read:
            syntax, source = read
            edits = link_rewriter.edits(syntax, source.text, Rewriter(HERE, "p.html", saved.get, source.encoding))
            assert_apart(edits, len(source.text))
            if not edits:
                assert documents.local_copy(response, response.media_type, "p.html", saved.get) == payload

    return check


def _style(payload: bytes) -> None:
    text = _text(payload)
    places = list(embedded_urls.css_spans(text))
    assert all(0 <= one.start <= one.end <= len(text) for one in places)
    assert all(one.end <= other.start for one, other in pairwise(places))
    references.references(Document.CSS, text, HERE)


def _values(payload: bytes) -> None:
    """Values of attributes: image candidates, refreshes, tasks, scripts, character references."""
    text = _text(payload)
    for read in (
        embedded_urls.srcset_spans,
        embedded_urls.refresh_spans,
        embedded_urls.url_spans,
        embedded_urls.list_spans,
        embedded_urls.javascript_url_spans,
    ):
        assert all(0 <= span.start <= span.end <= len(text) for span in read(text, Kind.PAGE))
    list(embedded_urls.task_spans(text))
    list(embedded_urls.script_spans(text))
    list(embedded_urls.literal_spans(text))
    meant, places = embedded_urls.html_unescaped(text)
    ends = [places(n) for n in range(len(meant) + 1)]
    assert ends == sorted(ends)
    assert ends[-1] == len(text)


def _robots(payload: bytes) -> None:
    rules = robots_txt.parse(payload)
    for url in (HERE, CanonicalURL("http://example.org/"), CanonicalURL(f"http://example.org/{'a' * 200}?{'b=' * 50}")):
        assert str(rules.rule(url))
    for reference in robots_txt.sitemaps(rules, HERE):
        assert_canonical(reference.url)
    assert rules.delay is None or rules.delay >= 0


def _sitemap(payload: bytes) -> None:
    for received in (payload, gzip.compress(payload, 1), b"\x1f\x8b" + payload):
        for reference in references.sitemap_references(received, HERE, 1 << 20):
            assert_canonical(reference.url)


def _headers(payload: bytes) -> None:
    """Headers: lines of `name: value`, as from a server."""
    lines = payload.decode("latin-1").split("\n")
    headers = [(name, value.strip(" \t\r")) for name, _, value in (line.partition(":") for line in lines)]
    for reference in references.header_references(headers, HERE):
        assert_canonical(reference.url)
    robots_meta.header_directives(headers, NOW)
    assert not any("\n" in value or "\r" in value for _, value in caching.conditions(headers))
    caching.renewed(headers, headers)
    assert caching.lifetime(headers).total_seconds() >= 0
    byte_ranges.strong_validator(headers)
    response_headers.replayed(headers)
    for _, value in headers:
        media_types.parse_media_type(value)
        media_types.media_type(value, HERE, payload[:512])
        caching.http_date(value)
        wait = request_rate.retry_after(value, 0.0)
        assert wait is None or wait >= 0
        byte_ranges.content_range(value)
        for name in (value, "a"):
            media_types.extension(name)
        response_headers.location(value, HERE, str)
        response_headers.refresh(value, HERE, str)
        response_headers.content_type(value, "text/html")
        messages.header(headers, value)


def _listing(payload: bytes) -> None:
    folder = CanonicalURL("ftp://example.org/pub/")
    for form in ftp_listings.Form:
        entries = ftp_listings.parse(payload, form, date(2026, 1, 1))
        for entry in entries:
            url = ftp_listings.entry_url(folder, entry)
            assert url.startswith(folder)
            assert url.removeprefix(folder).strip("/")
            assert_canonical(url)
        ftp_listings.page(folder, entries)


def _coding(payload: bytes) -> None:
    for name in ("gzip", "deflate", "br", "zstd", "gzip, br", "x-gzip, deflate, zstd"):
        with suppress(content_coding.CodingError):
            assert len(content_coding.decoded(payload, name, MAX_DECODED)) <= MAX_DECODED


def _encoding(payload: bytes) -> None:
    for content_type in (
        None,
        "text/html; charset=utf-16",
        "text/html; charset=shift_jis",
        f"text/html; charset={payload[:20]!r}",
    ):
        source = character_encoding.decode(payload, content_type)
        assert source.encode(source.text) == payload


def _users_words(payload: bytes) -> None:
    """Words and files of the user."""
    text = _text(payload)
    with suppress(cookies_txt.InvalidCookiesError):
        cookies_txt.read_cookies(text)
    with suppress(caching.InvalidDurationError):
        caching.duration(text)


def _changes(payload: bytes) -> None:
    """Two versions of a page, and what changed between them."""
    before, _, now = _text(payload).partition("\0")
    text_diff.text_changes(text_diff.page_lines(before), text_diff.page_lines(now))
    pages = [
        Response(HERE, 200, [("Content-Type", "text/html")], half.encode("utf-8", "replace")) for half in (before, now)
    ]
    soft_errors.answer_suspicion(*pages)


LAWS: Final[dict[str, Law]] = {
    "url": Law(_url, words.URL),
    "html": Law(_document("text/html"), words.MARKUP),
    "xhtml": Law(_document("application/xhtml+xml"), (b"<html xmlns='http://www.w3.org/1999/xhtml'>", *words.MARKUP)),
    "xml": Law(_document("application/xml"), words.XML + words.MARKUP),
    "svg": Law(_document("image/svg+xml"), (b"<style>a{b:url(x)}</style>", *words.XML, *words.MARKUP)),
    "css": Law(_document("text/css"), words.CSS),
    "style": Law(_style, words.CSS),
    "script": Law(_document("text/javascript"), words.SCRIPT),
    "json": Law(_document("application/manifest+json"), words.SCRIPT),
    "values": Law(_values, words.VALUES),
    "robots": Law(_robots, words.ROBOTS),
    "sitemap": Law(_sitemap, (b"http://h/x\n", *words.XML)),
    "headers": Law(_headers, words.HEADERS),
    "listing": Law(_listing, words.LISTING),
    "coding": Law(_coding, (gzip.compress(b""), gzip.compress(b"a" * 999), *words.CODING)),
    "encoding": Law(_encoding, words.ENCODING),
    "words": Law(_users_words, words.WORDS),
    "changes": Law(
        _changes, (b"\0", b"<form><input type=password>", b"<title>404</title>", b"<p>word ", *words.MARKUP[:12])
    ),
}
