"""Copies at origins: absolute references lead to the origins, and relative ones stay byte for byte."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.document import html_edits
from mirror.core.document.documents import copy_at_origin
from mirror.core.http.messages import Response
from mirror.core.replay.origins import Server
from mirror.core.url.canonical import CanonicalURL, canonical, origin, resolve

HERE = canonical("https://www.example.org/a/page")
MIRRORED = {"https://www.example.org", "https://cdn.example", "http://www.w3.org"}
OWN = "http://www-example-org---s1.localhost:8000"
CDN = "http://cdn-example---s1.localhost:8000"
OUT = "http://out-example---s1.localhost:8000"


def place(url: CanonicalURL) -> str:
    return Server(8000).place(url, 1)


def data(url: CanonicalURL) -> str | None:
    return place(url) if origin(url) in MIRRORED else None


def copy(text: str, media_type: str = "text/html", url: CanonicalURL = HERE) -> str:
    headers = [("content-type", f"{media_type}; charset=utf-8")]
    response = Response(url, 200, headers, text.encode())
    return copy_at_origin(response, media_type, place(url), place, data).decode()


@pytest.mark.parametrize(
    "text",
    [
        '<a href="b?c#d">x</a><img src="/i.png"><a href="../../..">y</a><a href=" /z ">z</a>',
        '<a href="#top">x</a><a href="">y</a><a href="?q">z</a>',
        '<a href="mailto:a@example.org">x</a><a href="javascript:f(&quot;/a.html&quot;)">y</a><img src="data:,x">',
        '<img srcset="/a.png 1x, b.png 2x"><div style="background: url(/b.png)">',
        '<a href="/caf%c3%a9?a&b=%7e">x</a><a href="a/./../b">',
        "<style>@import '/a.css'; p { background: url(b.png) }</style>",
        '<script>import("/a.js"); const see = "look at https://cdn.example/x"; fetch("/b.json")</script>',
        '<meta http-equiv="refresh" content="5; url=/next">',
        '<svg><use href="/s.svg#a"/><use href="#b"/></svg>',
        "<a href=/x>&copy; 1 < 2",
        '<script type="application/ld+json">{"image": "https://cdn.example/x.png"}</script>',
        '<script>document.createElementNS("http://www.w3.org/2000/svg", "svg")</script>',
        '<script>const x = {"a": `https://cdn.example/${y}`, b: "https://out.example/"}</script>',
    ],
)
def test_what_is_relative_or_no_url_stays_to_the_byte(text: str) -> None:
    assert copy(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<a href="https://www.example.org/b#c">x</a>', f'<a href="{OWN}/b#c">x</a>'),
        ('<a href="//cdn.example/b">x</a>', f'<a href="{CDN}/b">x</a>'),
        ('<a href="https:/b">x</a>', f'<a href="{OWN}/b">x</a>'),
        ('<a href="https://out.example">x</a>', f'<a href="{OUT}/">x</a>'),
        ('<link rel="preconnect" href="https://out.example">', f'<link rel="preconnect" href="{OUT}/">'),
        (
            '<img srcset="https://cdn.example/a.png 1x, /b.png 2x">',
            f'<img srcset="{CDN}/a.png 1x, /b.png 2x">',
        ),
        (
            '<meta http-equiv="refresh" content="0; url=https://www.example.org/n">',
            f'<meta http-equiv="refresh" content="0; url={OWN}/n">',
        ),
        (
            "<style>p { background: url(https://cdn.example/b.png) }</style>",
            f"<style>p {{ background: url({CDN}/b.png) }}</style>",
        ),
        (
            '<script src="https://cdn.example/a.js" integrity="sha256-x" crossorigin></script>',
            f'<script src="{CDN}/a.js" crossorigin></script>',
        ),
        (
            '<link rel="stylesheet" href="/a.css" integrity="sha256-x" crossorigin="anonymous">',
            '<link rel="stylesheet" href="/a.css" crossorigin="anonymous">',
        ),
        (
            '<meta http-equiv="Content-Security-Policy" content="default-src https:">',
            '<meta http-equiv="Content-Security-Policy" content="">',
        ),
        (
            '<iframe srcdoc="&lt;img src=https://cdn.example/i>"></iframe>',
            f'<iframe srcdoc="&lt;img src={CDN}/i>"></iframe>',
        ),
        ('<form action="https://www.example.org/f">', f'<form action="{OWN}/f">'),
        ('<script>fetch("https://www.example.org/i.json")</script>', f'<script>fetch("{OWN}/i.json")</script>'),
        ("<script>let base = 'https://www.example.org'</script>", f"<script>let base = '{OWN}'</script>"),
        (
            "<script>new FontFace('A', 'url(https://cdn.example/a.ttf)')</script>",
            f"<script>new FontFace('A', 'url({CDN}/a.ttf)')</script>",
        ),
        (
            r'<script>var a = {"root":"https:\/\/www.example.org\/wp-json\/"}</script>',
            f'<script>var a = {{"root":"{OWN}/wp-json/"}}</script>',
        ),
        (
            '<script type="importmap">{"imports": {"a": "https://cdn.example/a.js"}, "scopes": {"//cdn.example/": 1}}</script>',
            f'<script type="importmap">{{"imports": {{"a": "{CDN}/a.js"}}, "scopes": {{"{CDN}/": 1}}}}</script>',
        ),
        (
            '<script type="application/json">{"https://cdn.example/": "https://cdn.example/x", "o": "https://out.example/"}</script>',
            f'<script type="application/json">{{"https://cdn.example/": "{CDN}/x", "o": "https://out.example/"}}</script>',
        ),
    ],
)
def test_what_is_absolute_leads_to_where_it_is_replayed(text: str, expected: str) -> None:
    assert copy(text) == expected


@pytest.mark.parametrize(
    ("base", "written", "relative"),
    [
        ("https://cdn.example/d/", f"{CDN}/d/", "x.png"),
        ("/d/", f"{OWN}/d/", "x.png"),
        ("//cdn.example/d/e", f"{CDN}/d/e", "../x.png"),
    ],
)
def test_a_base_names_its_own_place_and_what_is_relative_to_it_stays(base: str, written: str, relative: str) -> None:
    text = '<base href="{}"><img src="{}"><a href="#a">x</a><a href="https://www.example.org/">y</a>'
    rest = f'<img src="{relative}"><a href="#a">x</a><a href="{OWN}/">y</a>'
    assert copy(text.format(base, relative)) == f'<base href="{written}">{rest}'


@pytest.mark.parametrize(
    ("media_type", "text", "expected"),
    [
        (
            "text/css",
            "@import url(//cdn.example/a.css); b { src: url(c) }",
            f"@import url({CDN}/a.css); b {{ src: url(c) }}",
        ),
        ("image/svg+xml", '<svg><image href="https://cdn.example/i"/></svg>', f'<svg><image href="{CDN}/i"/></svg>'),
        ("application/manifest+json", '{"start_url": "/", "icons": [{"src": "https://cdn.example/i"}]}', None),
        ("application/json", '{"image": "https://cdn.example/i", "see": "https://out.example/i"}', None),
        ("application/geo+json", '["https://cdn.example/i"]', f'["{CDN}/i"]'),
        (
            "application/rss+xml",
            "<rss><channel><item><link>https://www.example.org/b?c=1&amp;d</link></item></channel></rss>",
            f"<rss><channel><item><link>{OWN}/b?c=1&amp;d</link></item></channel></rss>",
        ),
        (
            "text/javascript",
            'import a from "https://cdn.example/a.js"; b("/b")',
            f'import a from "{CDN}/a.js"; b("/b")',
        ),
        ("text/plain", "https://cdn.example/i", "https://cdn.example/i"),
        ("image/png", '"https://cdn.example/i"', '"https://cdn.example/i"'),
    ],
)
def test_other_documents(media_type: str, text: str, expected: str | None) -> None:
    assert copy(text, media_type) == (expected or text.replace("https://cdn.example", CDN))


RULES = '{"prefetch": [{"urls": ["https://out.example/"]}]}'


@pytest.mark.parametrize("is_flat", [False, True])
@pytest.mark.parametrize(
    ("media_type", "text"),
    [
        ("text/html", "<script type={}>%s</script>"),
        ("text/html", "<script type='\n{} '>%s</script>"),
        ("text/html", "<SCRIPT TYPE=SpeculationRules>%s</SCRIPT>"),
        ("text/html", "<script src=/x type={}></script>"),
        ("text/html", '<script src="/x" type="{}"></script>'),
        ("text/html", "<svg><script type={}>%s</script></svg>"),
        ("text/html", "<template><script type={}>%s</script></template>"),
        ("text/html", "<script type=&#115;peculationrules>%s</script>"),
        ("text/html", '<iframe srcdoc="<script type={}>{{}}</script>"></iframe>'),
        ("application/xhtml+xml", "<html xmlns='http://www.w3.org/1999/xhtml'><script type='{}'>%s</script></html>"),
        ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'><script type='{}'>{{}}</script></svg>"),
    ],
)
def test_speculation_rules_are_disarmed(
    monkeypatch: pytest.MonkeyPatch, media_type: str, text: str, *, is_flat: bool
) -> None:
    """Chromium requests what they name whatever the policy of the page says. Also in a document too large for a tree."""
    monkeypatch.setattr(html_edits, "is_too_large_for_a_tree", lambda _: is_flat)
    shown = copy(text.format("speculationrules").replace("%s", RULES), media_type)
    assert "speculationrules-removed" in shown
    assert re.search("(?:speculationrules|&#115;peculationrules)(?!-removed)", shown, re.IGNORECASE) is None


references = st.text("ab./?#:\\@%20:http s", max_size=12)


@given(references, st.sampled_from(["", "https://cdn.example/x/", "/y", "z?q"]))
def test_a_reference_leads_to_the_place_of_where_it_led(reference: str, base: str) -> None:
    """Whether a reference is rewritten or stays."""
    within = resolve(base, HERE) if base else None
    before = resolve(reference, within.url if within else HERE)
    shown = copy(f'<base href="{base}"><img src="{reference}">' if base else f'<img src="{reference}">')
    written = shown.rpartition('src="')[2].partition('"')[0]
    here = shown.partition('base href="')[2].partition('"')[0] if base else place(HERE)
    after = resolve(written, here)
    if before is None or not reference.strip():
        assert written == reference
    else:
        assert after == resolve(place(before.url) + (f"#{before.fragment}" if before.fragment is not None else ""), OWN)
