r"""A site with every construct that a browser loads or follows, and tables of the requests that mirroring it makes.

`DOCUMENTS` is the main site, `CDN` the second host. Each document lists the targets of its constructs. A target is named after
its construct, so a path that is missing in a server's log names the construct that wasn't understood.

    FETCHED         main site: path -> the only construct that leads to it
    FETCHED_OTHER   the same for the second host: requisites of pages of the main site
    GUESSES         main site: path -> the literal in a script that may refer to it; some don't exist (`MISSING`)
    NEVER           main site: path -> what looks like a reference to it but isn't one, or must not be followed
    NEVER_OTHER     the same for the second host: its pages are outside the mirror

`STRUCTURE` lists the documents that hold the constructs, reached from "/" by plain links, and the two paths that no document
needs to mention. Every path of the site is in exactly one table, spelled as in `tests.site`.

    with serve_both(*sites()) as (main, cdn):
        mirror(main.url)
        assert not FETCHED.keys() - set(main.paths)
"""

import codecs
import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Final

from tests.site import HTML, PNG, Page, Site

BODIES: Final[dict[str, tuple[str, bytes]]] = {
    "atom": ("application/atom+xml", b'<feed xmlns="http://www.w3.org/2005/Atom"></feed>\n'),
    "css": ("text/css", b"p { color: inherit }\n"),
    "cur": ("image/x-icon", PNG),
    "eot": ("application/vnd.ms-fontobject", bytes(64)),
    "gif": ("image/gif", b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"),
    "gz": ("application/gzip", gzip.compress(b"", mtime=0)),
    "html": (HTML, b"<!DOCTYPE html>\n<title>A target</title>\n"),
    "ico": ("image/x-icon", PNG),
    "jpg": ("image/jpeg", b"\xff\xd8\xff\xd9"),
    "js": ("text/javascript", b"export {};\n"),
    "json": ("application/json", b"{}\n"),
    "mp3": ("audio/mpeg", b"ID3\4\0\0\0\0\0\0"),
    "mp4": ("video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    "pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
    "php": (HTML, b"<!DOCTYPE html>\n<title>A target</title>\n"),
    "png": ("image/png", PNG),
    "svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><symbol id="icon"/></svg>\n'),
    "txt": ("text/plain; charset=utf-8", b"A target\n"),
    "vtt": ("text/vtt", b"WEBVTT\n"),
    "webmanifest": ("application/manifest+json", b"{}\n"),
    "woff": ("font/woff", b"wOFF" + bytes(40)),
    "woff2": ("font/woff2", b"wOF2" + bytes(44)),
    "xhtml": ("application/xhtml+xml", b'<html xmlns="http://www.w3.org/1999/xhtml"/>\n'),
    "xml": ("application/xml", b"<target/>\n"),
}
"""Extension -> the media type, and the body of a target without content of its own. A path without an extension is a page."""

Table = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A resource that contains constructs, and the targets of these."""

    path: str
    body: str | bytes = b""
    status: int = 200
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    encode: Callable[[bytes], bytes] | None = None
    fetched: Table = field(default_factory=dict)
    fetched_other: Table = field(default_factory=dict)
    guesses: Table = field(default_factory=dict)
    never: Table = field(default_factory=dict)
    never_other: Table = field(default_factory=dict)

    def page(self) -> Page:
        """Return the response to a request for the document."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        content_type = self.content_type or media_type(self.path)
        return Page(self.status, {"Content-Type": content_type, **self.headers}, body, self.encode)


def media_type(path: str) -> str:
    """Return the Content-Type of a path of the site, by its extension."""
    return BODIES[_extension(path)][0]


def target(path: str) -> Page:
    """Return the response for a path that exists only to be requested."""
    content_type, body = BODIES[_extension(path)]
    return Page(200, {"Content-Type": content_type}, body)


def _extension(path: str) -> str:
    name = path.partition("?")[0].rpartition("/")[2]
    extension = name.rpartition(".")[2]
    return extension if extension in BODIES else "html"


def redirect(path: str, location: str, status: int) -> Document:
    """Return a document that redirects to another."""
    return Document(path=path, status=status, headers={"Location": location})


# ======================================================================================================================
# The start page
# ======================================================================================================================

START: Final = (
    Document(
        path="/",
        body="""\
<!DOCTYPE html>
<title>Every construct</title>
<ul>
<li><a href="/links.html">Links</a>
<li><a href="/head.html">The head</a>
<li><a href="/metadata.html">Metadata</a>
<li><a href="/images.html">Images</a>
<li><a href="/lazy.html">Lazy attributes</a>
<li><a href="/media.html">Media</a>
<li><a href="/frames.html">Frames</a>
<li><a href="/frameset.html">A frameset</a>
<li><a href="/styles.html">Styles</a>
<li><a href="/svg.html">SVG in HTML</a>
<li><a href="/standalone.svg">SVG</a>
<li><a href="/page.xhtml">XHTML</a>
<li><a href="/scripts.html">Scripts</a>
<li><a href="/base/absolute.html">base href absolute</a>
<li><a href="/base/root.html">base href root-relative</a>
<li><a href="/base/relative.html">base href relative</a>
<li><a href="/base/twice.html">base href twice</a>
<li><a href="/refresh/plain.html">Refresh</a>
<li><a href="/refresh/quoted.html">Refresh, quoted</a>
<li><a href="/refresh/spaced.html">Refresh, spaced</a>
<li><a href="/refresh/bare.html">Refresh, bare</a>
<li><a href="/refresh/header.html">Refresh, header</a>
<li><a href="/headers.html">Link header</a>
<li><a href="/redirects.html">Redirects</a>
<li><a href="/names.html">Names</a>
<li><a href="/broken.html">Broken markup</a>
<li><a href="/broken-end.html">Broken end</a>
<li><a href="/encodings/windows-1252.html">windows-1252</a>
<li><a href="/encodings/shift-jis.html">Shift_JIS</a>
<li><a href="/encodings/gb18030.html">GB18030</a>
<li><a href="/encodings/utf-16.html">UTF-16</a>
<li><a href="/other.html">The other host</a>
<li><a href="/nothing.html">No references</a>
<li><a href="/nofollow/meta.html">meta robots</a>
<li><a href="/nofollow/header.html">X-Robots-Tag</a>
</ul>
""",
    ),
    Document(
        path="/robots.txt",
        body="""\
User-agent: *
Disallow: /t/robots/
Allow: /t/robots/allowed.html
Disallow: /t/*-wildcard.html$

Sitemap: {self}/t/sitemap-index.xml
""",
        fetched={"/t/sitemap-index.xml": "robots.txt Sitemap:"},
    ),
)

# ======================================================================================================================
# Links of pages
# ======================================================================================================================

LINKS: Final = (
    Document(
        path="/links.html",
        body="""\
<!DOCTYPE html>
<title>Links</title>
<!-- a href: root-relative, absolute, without a scheme, relative, with dots, above the root -->
<a href="/t/a-href.html">a</a>
<a href="{self}/t/a-absolute.html">a</a>
<a href="{//self}/t/a-no-scheme.html">a</a>
<a href="t/a-relative.html">a</a>
<a href="./t/./x/../a-dots.html">a</a>
<a href="../../t/a-above-root.html">a</a>
<!-- with a fragment, with an empty one, with nothing but one, with nothing at all -->
<a href="/t/a-fragment.html#part">a</a>
<a href="/t/a-empty-fragment.html#">a</a>
<a href="#part">a</a>
<a href="">a</a>
<!-- a download -->
<a href="/t/a-download.pdf" download>a</a>
<!-- an address to be told of the click is no reference -->
<a href="/t/a-with-ping.html" ping="/never/a-ping {self}/never/a-ping-second">a</a>
<!-- area -->
<map name="map"><area shape="rect" coords="0,0,1,1" href="/t/area-href.html" alt="area"></map>
<!-- cite -->
<blockquote cite="/t/blockquote-cite.html">blockquote</blockquote>
<q cite="/t/q-cite.html">q</q>
<ins cite="/t/ins-cite.html">ins</ins>
<del cite="/t/del-cite.html">del</del>
<!-- noscript and template -->
<noscript><a href="/t/noscript-a.html">a</a> <img src="/t/noscript-img.png" alt=""></noscript>
<template><a href="/t/template-a.html">a</a> <img src="/t/template-img.png" alt=""></template>
<!-- XML documents -->
<a href="/t/a-href-feed.xml">a</a>
""",
        fetched={
            "/t/a-href.html": "a href",
            "/t/a-absolute.html": "a href, absolute",
            "/t/a-no-scheme.html": "a href, scheme-relative",
            "/t/a-relative.html": "a href, relative",
            "/t/a-dots.html": "a href, with dot segments",
            "/t/a-above-root.html": "a href, dots above the root",
            "/t/a-fragment.html": "a href, with a fragment",
            "/t/a-empty-fragment.html": "a href, with an empty fragment",
            "/t/a-download.pdf": "a href download",
            "/t/a-with-ping.html": "a href, beside ping",
            "/t/area-href.html": "area href",
            "/t/blockquote-cite.html": "blockquote cite",
            "/t/q-cite.html": "q cite",
            "/t/ins-cite.html": "ins cite",
            "/t/del-cite.html": "del cite",
            "/t/noscript-a.html": "noscript a",
            "/t/noscript-img.png": "noscript img, in body",
            "/t/template-a.html": "template a",
            "/t/template-img.png": "template img",
            "/t/a-href-feed.xml": "a href to XML",
        },
        never={"/never/a-ping": "a ping", "/never/a-ping-second": "a ping, its second address"},
    ),
)

# ======================================================================================================================
# The head of pages
# ======================================================================================================================

HEAD: Final = (
    Document(
        path="/head.html",
        body="""\
<!DOCTYPE html>
<title>The head</title>
<!-- link: styles -->
<link rel="stylesheet" href="/t/link-stylesheet.css">
<link rel="alternate stylesheet" title="dark" href="/t/link-alternate-stylesheet.css">
<link rel="stylesheet" media="print" href="/t/link-stylesheet-print.css">
<!-- link: icons -->
<link rel="icon" href="/t/link-icon.png">
<link rel="shortcut icon" href="/t/link-shortcut-icon.ico">
<link rel="apple-touch-icon" sizes="180x180" href="/t/link-apple-touch-icon.png">
<link rel="mask-icon" href="/t/link-mask-icon.svg" color="black">
<!-- link: hints -->
<link rel="preload" as="style" href="/t/link-preload-style.css">
<link rel="preload" as="font" type="font/woff2" crossorigin href="/t/link-preload-font.woff2">
<link rel="preload" as="image" imagesrcset="/t/link-imagesrcset-1x.png 1x, /t/link-imagesrcset-2x.png 2x">
<link rel="modulepreload" href="/t/link-modulepreload.js">
<link rel="prefetch" href="/t/link-prefetch.html">
<!-- link: hints about a host, with nothing to fetch -->
<link rel="dns-prefetch" href="{self}/never/link-dns-prefetch">
<link rel="preconnect" href="{self}/never/link-preconnect">
<!-- link: documents -->
<link rel="manifest" href="/t/link-manifest.webmanifest">
<link rel="alternate" hreflang="de" href="/t/link-alternate-hreflang.html">
<link rel="alternate" type="application/rss+xml" href="/t/link-alternate-rss.xml">
<link rel="alternate" type="application/atom+xml" href="/t/link-alternate-atom.xml">
<link rel="next" href="/t/link-next.html">
<link rel="prev" href="/t/link-prev.html">
<link rel="canonical" href="/t/link-canonical.html">
<!-- noscript -->
<noscript><link rel="stylesheet" href="/t/noscript-link.css"></noscript>
""",
        fetched={
            "/t/link-stylesheet.css": "link stylesheet",
            "/t/link-alternate-stylesheet.css": "link alternate stylesheet",
            "/t/link-stylesheet-print.css": "link stylesheet media",
            "/t/link-icon.png": "link icon",
            "/t/link-shortcut-icon.ico": "link shortcut icon",
            "/t/link-apple-touch-icon.png": "link apple-touch-icon",
            "/t/link-mask-icon.svg": "link mask-icon",
            "/t/link-preload-style.css": "link preload as=style",
            "/t/link-preload-font.woff2": "link preload as=font",
            "/t/link-imagesrcset-1x.png": "link preload imagesrcset 1x",
            "/t/link-imagesrcset-2x.png": "link preload imagesrcset 2x",
            "/t/link-modulepreload.js": "link modulepreload",
            "/t/link-prefetch.html": "link prefetch",
            "/t/link-manifest.webmanifest": "link manifest",
            "/t/link-alternate-hreflang.html": "link alternate hreflang",
            "/t/link-alternate-rss.xml": "link alternate, RSS",
            "/t/link-alternate-atom.xml": "link alternate, Atom",
            "/t/link-next.html": "link next",
            "/t/link-prev.html": "link prev",
            "/t/link-canonical.html": "link canonical",
            "/t/noscript-link.css": "noscript link, in head",
        },
        never={"/never/link-dns-prefetch": "link dns-prefetch", "/never/link-preconnect": "link preconnect"},
    ),
    Document(
        path="/metadata.html",
        body=r"""<!DOCTYPE html>
<title>Metadata</title>
<!-- Open Graph -->
<meta property="og:image" content="{self}/t/og-image.png">
<meta property="og:image:secure_url" content="{self}/t/og-image-secure-url.png">
<meta property="og:video" content="{self}/t/og-video.mp4">
<!-- Twitter -->
<meta name="twitter:image" content="/t/twitter-image.png">
<!-- Windows tiles -->
<meta name="msapplication-TileImage" content="/t/msapplication-tileimage.png">
<meta name="msapplication-config" content="/t/msapplication-config.xml">
<!-- JSON-LD: one image, several, an object, and a writer that escapes its slashes -->
<script type="application/ld+json">
{"@context": "https://schema.org", "@type": "Article", "image": "/t/json-ld-string.png"}
</script>
<script type="application/ld+json">
{"@context": "https://schema.org", "@type": "Article", "image": ["/t/json-ld-list-1.png", "/t/json-ld-list-2.png"]}
</script>
<script type="application/ld+json">
{"@context": "https://schema.org", "@type": "Article",
 "image": {"@type": "ImageObject", "url": "{self}/t/json-ld-object.png"}}
</script>
<script type="application/ld+json">
{"@context": "https:\/\/schema.org", "@type": "Article", "image": "\/t\/json-ld-slashes.png"}
</script>
""",
        fetched={
            "/t/og-image.png": "meta og:image",
            "/t/og-image-secure-url.png": "meta og:image:secure_url",
            "/t/og-video.mp4": "meta og:video",
            "/t/twitter-image.png": "meta twitter:image",
            "/t/msapplication-tileimage.png": "meta msapplication-TileImage",
            "/t/msapplication-config.xml": "meta msapplication-config",
            "/t/json-ld-string.png": "JSON-LD image, a string",
            "/t/json-ld-list-1.png": "JSON-LD image, a list",
            "/t/json-ld-list-2.png": "JSON-LD image, a list, the second",
            "/t/json-ld-object.png": "JSON-LD image, an object",
            "/t/json-ld-slashes.png": "JSON-LD image, slashes escaped",
        },
    ),
    Document(
        path="/t/msapplication-config.xml",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<browserconfig><msapplication><tile>
  <square150x150logo src="/t/browserconfig-logo.png"/>
  <TileColor>#ffffff</TileColor>
</tile></msapplication></browserconfig>
""",
        fetched={"/t/browserconfig-logo.png": "browserconfig logo src"},
    ),
    Document(
        path="/t/link-manifest.webmanifest",
        body="""\
{
  "name": "Every construct",
  "start_url": "/t/manifest-start-url.html",
  "icons": [
    {"src": "manifest-icon.png", "sizes": "1x1"},
    {"src": "/t/manifest-icon-second.png", "sizes": "2x2", "purpose": "maskable"}
  ],
  "screenshots": [{"src": "/t/manifest-screenshot.png", "sizes": "1x1"}],
  "shortcuts": [
    {"name": "New", "url": "/t/manifest-shortcut-url.html", "icons": [{"src": "/t/manifest-shortcut-icon.png"}]}
  ]
}
""",
        fetched={
            "/t/manifest-start-url.html": "web manifest start_url",
            "/t/manifest-icon.png": "web manifest icon, relative to it",
            "/t/manifest-icon-second.png": "web manifest icon, the second",
            "/t/manifest-screenshot.png": "web manifest screenshot",
            "/t/manifest-shortcut-url.html": "web manifest shortcut url",
            "/t/manifest-shortcut-icon.png": "web manifest shortcut icon",
        },
    ),
)

# ======================================================================================================================
# Images and media
# ======================================================================================================================

IMAGES: Final = (
    Document(
        path="/images.html",
        body="""\
<!DOCTYPE html>
<title>Images</title>
<!-- background attributes; the first is of the body -->
<body background="/t/body-background.png">
<table background="/t/table-background.png"><tr><td background="/t/td-background.png">table</table>
<!-- img -->
<img src="/t/img-src.png" alt="">
<img src="/t/img-longdesc.png" longdesc="/t/longdesc.html" alt="">
<img src="" alt="">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" alt="">
<!-- input -->
<input type="image" src="/t/input-image.png" alt="">
<!-- srcset: densities, widths, no descriptor, no space behind the comma, lines, commas in URLs, after a data: URL -->
<img srcset="/t/srcset-1x.png 1x, /t/srcset-2x.png 2x" alt="">
<img srcset="/t/srcset-480w.png 480w, /t/srcset-960w.png 960w" sizes="(max-width: 600px) 480px, 960px" alt="">
<img srcset="/t/srcset-bare.png" alt="">
<img srcset="/t/srcset-tight-1x.png 1x,/t/srcset-tight-2x.png 2x" alt="">
<img srcset="
  /t/srcset-lines-1x.png
  1x,
  /t/srcset-lines-2x.png
  2x
" alt="">
<img srcset="/t/srcset,w_480,h_320.png 480w, /t/srcset,w_960,h_640.png 960w" alt="">
<img srcset="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA= 1x, /t/srcset-after-data.png 2x" alt="">
<!-- picture -->
<picture>
  <source type="image/avif" srcset="/t/picture-source.png">
  <source media="(min-width: 9999px)" srcset="/t/picture-source-1x.png, /t/picture-source-2x.png 2x">
  <img src="/t/picture-img.png" alt="">
</picture>
""",
        fetched={
            "/t/body-background.png": "body background",
            "/t/table-background.png": "table background",
            "/t/td-background.png": "td background",
            "/t/img-src.png": "img src",
            "/t/img-longdesc.png": "img src, beside longdesc",
            "/t/longdesc.html": "img longdesc",
            "/t/input-image.png": "input type=image src",
            "/t/srcset-1x.png": "img srcset 1x",
            "/t/srcset-2x.png": "img srcset 2x",
            "/t/srcset-480w.png": "img srcset 480w",
            "/t/srcset-960w.png": "img srcset 960w",
            "/t/srcset-bare.png": "img srcset, no descriptor",
            "/t/srcset-tight-1x.png": "img srcset, no space behind the comma, the first",
            "/t/srcset-tight-2x.png": "img srcset, no space behind the comma, the second",
            "/t/srcset-lines-1x.png": "img srcset, on lines, the first",
            "/t/srcset-lines-2x.png": "img srcset, on lines, the second",
            "/t/srcset,w_480,h_320.png": "img srcset, commas in the URL, the first",
            "/t/srcset,w_960,h_640.png": "img srcset, commas in the URL, the second",
            "/t/srcset-after-data.png": "img srcset, behind a data: URL",
            "/t/picture-source.png": "picture source srcset",
            "/t/picture-source-1x.png": "picture source srcset, the first of two",
            "/t/picture-source-2x.png": "picture source srcset 2x",
            "/t/picture-img.png": "picture img src",
        },
    ),
    Document(
        path="/lazy.html",
        body="""\
<!DOCTYPE html>
<title>Lazy attributes</title>
<!-- bare URLs -->
<img data-src="/t/data-src.png" alt="">
<img data-srcset="/t/data-srcset-1x.png 1x, /t/data-srcset-2x.png 2x" alt="">
<img data-original="/t/data-original.png" alt="">
<img data-lazy-src="/t/data-lazy-src.png" alt="">
<div data-bg="/t/data-bg.png"></div>
<div data-background-image="/t/data-background-image.png"></div>
<!-- url() -->
<div data-bg="url(/t/data-bg-url.png)"></div>
<div data-background-image="url('/t/data-background-image-url.png')"></div>
""",
        fetched={
            "/t/data-src.png": "img data-src",
            "/t/data-srcset-1x.png": "img data-srcset 1x",
            "/t/data-srcset-2x.png": "img data-srcset 2x",
            "/t/data-original.png": "img data-original",
            "/t/data-lazy-src.png": "img data-lazy-src",
            "/t/data-bg.png": "data-bg",
            "/t/data-background-image.png": "data-background-image",
            "/t/data-bg-url.png": "data-bg, url()",
            "/t/data-background-image-url.png": "data-background-image, url()",
        },
    ),
    Document(
        path="/media.html",
        body="""\
<!DOCTYPE html>
<title>Media</title>
<!-- video and its parts -->
<video src="/t/video-src.mp4" poster="/t/video-poster.png">
  <track src="/t/track-src.vtt" kind="captions" srclang="en">
</video>
<video><source src="/t/video-source.mp4" type="video/mp4"></video>
<!-- audio -->
<audio src="/t/audio-src.mp3"></audio>
<audio><source src="/t/audio-source.mp3" type="audio/mpeg"></audio>
<!-- plug-ins -->
<embed src="/t/embed-src.svg" type="image/svg+xml">
<object data="/t/object-data.svg" type="image/svg+xml"><img src="/t/object-fallback.png" alt=""></object>
""",
        fetched={
            "/t/video-src.mp4": "video src",
            "/t/video-poster.png": "video poster",
            "/t/track-src.vtt": "track src",
            "/t/video-source.mp4": "video source src",
            "/t/audio-src.mp3": "audio src",
            "/t/audio-source.mp3": "audio source src",
            "/t/embed-src.svg": "embed src",
            "/t/object-data.svg": "object data",
            "/t/object-fallback.png": "img in an object",
        },
    ),
)

# ======================================================================================================================
# Frames
# ======================================================================================================================

FRAMES: Final = (
    Document(
        path="/frames.html",
        body="""\
<!DOCTYPE html>
<title>Frames</title>
<!-- iframe src -->
<iframe src="/t/iframe-src.html"></iframe>
<iframe src="about:blank"></iframe>
<!-- srcdoc: a document in an attribute, its markup escaped once, that of the document in it twice -->
<iframe srcdoc="
  &lt;style&gt;p { background: url(/t/srcdoc-style.png) }&lt;/style&gt;
  &lt;a href=&quot;/t/srcdoc-a.html?a=1&amp;amp;b=2&quot;&gt;a&lt;/a&gt;
  &lt;img src=&quot;/t/srcdoc-img.png&quot; alt=&quot;&quot;&gt;
  &lt;iframe srcdoc=&quot;&amp;lt;img src=&amp;quot;/t/srcdoc-srcdoc-img.png&amp;quot;&amp;gt;&quot;&gt;&lt;/iframe&gt;
"></iframe>
<!-- srcdoc: nothing escaped that need not be -->
<iframe srcdoc='<img src="/t/srcdoc-bare-img.png" alt="">'></iframe>
""",
        fetched={
            "/t/iframe-src.html": "iframe src",
            "/t/srcdoc-style.png": "iframe srcdoc: style element",
            "/t/srcdoc-a.html?a=1&b=2": "iframe srcdoc: a href",
            "/t/srcdoc-img.png": "iframe srcdoc: img src",
            "/t/srcdoc-srcdoc-img.png": "iframe srcdoc: iframe srcdoc: img src",
            "/t/srcdoc-bare-img.png": "iframe srcdoc, unescaped: img src",
        },
    ),
    Document(
        path="/frameset.html",
        body="""\
<!DOCTYPE html>
<html><head><title>A frameset</title></head>
<!-- frame -->
<frameset cols="50%,50%">
<frame src="/t/frame-src.html">
<frame src="t/frame-src-relative.html">
</frameset>
</html>
""",
        fetched={"/t/frame-src.html": "frame src", "/t/frame-src-relative.html": "frame src, relative"},
    ),
)

# ======================================================================================================================
# CSS
# ======================================================================================================================

STYLES: Final = (
    Document(
        path="/styles.html",
        body="""\
<!DOCTYPE html>
<title>Styles</title>
<!-- the stylesheet of this topic -->
<link rel="stylesheet" href="/css/main.css">
<!-- style element -->
<style>
@import "/t/style-element-import.css";
p { background: url(/t/style-element-url.png) }
</style>
<!-- style element, hidden from the browsers of 1996 -->
<style type="text/css">
<!--
p { background: url(/t/style-element-hidden.png) }
-->
</style>
<!-- style attribute: bare, apostrophes, quotes escaped, quotes in apostrophes, two in one -->
<p style="background: url(/t/style-attribute.png)">p
<p style="background: url('/t/style-attribute-apostrophes.png')">p
<p style="background: url(&quot;/t/style-attribute-quot.png&quot;)">p
<p style='background: url("/t/style-attribute-quotes.png")'>p
<p style="background: url(/t/style-attribute-1.png), url(/t/style-attribute-2.png)">p
""",
        fetched={
            "/t/style-element-import.css": "style element, @import",
            "/t/style-element-url.png": "style element, url()",
            "/t/style-element-hidden.png": "style element in an HTML comment's marks",
            "/t/style-attribute.png": "style attribute",
            "/t/style-attribute-apostrophes.png": "style attribute, apostrophes in it",
            "/t/style-attribute-quot.png": "style attribute, &quot; in it",
            "/t/style-attribute-quotes.png": "style attribute in apostrophes",
            "/t/style-attribute-1.png": "style attribute, two url(), the first",
            "/t/style-attribute-2.png": "style attribute, two url(), the second",
        },
    ),
    Document(
        path="/css/main.css",
        body=r"""@charset "utf-8";
/* @import: a string, url(), with media, with a layer, relative and nested */
@import "/t/css-import-string.css";
@import '/t/css-import-apostrophes.css';
@import url(/t/css-import-url.css);
@import url("/t/css-import-media.css") screen and (min-width: 1px);
@import "/t/css-import-layer.css" layer(base) supports(display: grid);
@import "../t/css-import-nested.css";

/* a namespace is a name, not an address */
@namespace svg url({self}/never/css-namespace);

/* url(): bare, quoted, white space, capitals, relative */
.a { background: url(/t/css-bare.png) }
.a { background: url('/t/css-apostrophes.png') }
.a { background: url("/t/css-quotes.png") }
.a { background: url(  "/t/css-spaces.png"  ) }
.a { background: url(
  /t/css-lines.png
) }
.a { background: URL(/t/css-capitals.png) }
.a { background: url(../t/css-relative.png) }
.a{background:url(/t/css-minified-1.png)}.b{background:url(/t/css-minified-2.png)}

/* escapes */
.a { background: url(/t/css-escaped\20 space.png) }
.a { background: url(/t/css-escaped-parentheses\(1\).png) }
.a { background: url("/t/css-escaped-\6c\65tters.png") }

/* image-set() */
.a { background: image-set("/t/css-image-set-string.png" 1x, url(/t/css-image-set-url.png) 2x) }
.a { background: -webkit-image-set(url(/t/css-webkit-image-set-1x.png) 1x, url("/t/css-webkit-image-set-2x.png") 2x) }

/* fonts */
@font-face {
  font-family: "Every";
  src: url("/t/css-font.eot?#iefix") format("embedded-opentype"),
       local("Every Construct"),
       url("/t/css-font.woff2") format("woff2"),
       url(/t/css-font.woff) format("woff");
}

/* other properties, at-rules and nesting */
.a { cursor: url(/t/css-cursor.cur) 2 2, pointer }
.a { list-style-image: url(/t/css-list-style-image.png) }
.a { content: url(/t/css-content-url.png) }
.a { filter: url(/t/css-filter.svg#icon) }
:root { --hero: url("/t/css-custom-property.png") }
@media print { .a { background: url(/t/css-in-media.png) } }
@supports (display: grid) { .a { & b { background: url(/t/css-nested-rule.png) } } }

/* no references */
/* url(/never/css-comment.png) and @import "/never/css-comment.css"; */
.a::before { content: "/never/css-content.png" }
.a::before { content: "url(/never/css-content-url.png)" }
.a { fill: url(#gradient) }
.a { background: url() }
.a { background: url(data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=) }
.a { background: url("data:image/svg+xml,<svg><image href='/never/css-data.png'/></svg>") }
""",
        fetched={
            "/t/css-import-string.css": 'CSS @import "..."',
            "/t/css-import-apostrophes.css": "CSS @import '...'",
            "/t/css-import-url.css": "CSS @import url(...)",
            "/t/css-import-media.css": "CSS @import url(...) media",
            "/t/css-import-layer.css": "CSS @import layer supports",
            "/t/css-import-nested.css": "CSS @import, relative",
            "/t/css-bare.png": "CSS url(), bare",
            "/t/css-apostrophes.png": "CSS url(), apostrophes",
            "/t/css-quotes.png": "CSS url(), quotes",
            "/t/css-spaces.png": "CSS url(), spaces around",
            "/t/css-lines.png": "CSS url(), bare, lines around",
            "/t/css-capitals.png": "CSS URL(), capitals",
            "/t/css-relative.png": "CSS url(), relative",
            "/t/css-minified-1.png": "CSS url(), minified, the first",
            "/t/css-minified-2.png": "CSS url(), minified, the second",
            "/t/css-escaped%20space.png": r"CSS url(), \20 in it",
            "/t/css-escaped-parentheses(1).png": r"CSS url(), \( in it",
            "/t/css-escaped-letters.png": "CSS url(), letters escaped",
            "/t/css-image-set-string.png": 'CSS image-set("...")',
            "/t/css-image-set-url.png": "CSS image-set(url())",
            "/t/css-webkit-image-set-1x.png": "CSS -webkit-image-set(), the first",
            "/t/css-webkit-image-set-2x.png": "CSS -webkit-image-set(), the second",
            "/t/css-font.eot?": "CSS @font-face src, ?#iefix",
            "/t/css-font.woff2": "CSS @font-face src, the second",
            "/t/css-font.woff": "CSS @font-face src, the third",
            "/t/css-cursor.cur": "CSS cursor",
            "/t/css-list-style-image.png": "CSS list-style-image",
            "/t/css-content-url.png": "CSS content: url()",
            "/t/css-filter.svg": "CSS filter: url(), with a fragment",
            "/t/css-custom-property.png": "CSS custom property",
            "/t/css-in-media.png": "CSS url() in @media",
            "/t/css-nested-rule.png": "CSS url() in a nested rule",
        },
        never={
            "/never/css-namespace": "CSS @namespace url()",
            "/never/css-comment.png": "CSS url() in a comment",
            "/never/css-comment.css": "CSS @import in a comment",
            "/never/css-content.png": "CSS string in content:",
            "/never/css-content-url.png": "CSS url() in a string",
            "/never/css-data.png": "CSS data: URL, a reference in it",
        },
    ),
    Document(
        path="/t/css-import-nested.css",
        body="""\
@import "css-import-nested-twice.css";
""",
        fetched={"/t/css-import-nested-twice.css": "CSS @import in an imported one"},
    ),
    Document(
        path="/t/css-import-nested-twice.css",
        body="""\
.a { background: url(css-import-nested-url.png) }
""",
        fetched={"/t/css-import-nested-url.png": "CSS url() two imports deep"},
    ),
)

# ======================================================================================================================
# SVG and XHTML
# ======================================================================================================================

XML: Final = (
    Document(
        path="/svg.html",
        body="""\
<!DOCTYPE html>
<title>SVG in HTML</title>
<svg viewBox="0 0 1 1">
<!-- image -->
<image href="/t/svg-image-href.png"/>
<image xlink:href="/t/svg-image-xlink-href.png"/>
<!-- use, from a sprite in a file and from this document -->
<use href="/t/svg-use-href.svg#icon"/>
<use xlink:href="/t/svg-use-xlink-href.svg#icon"/>
<use href="#here"/>
<!-- a -->
<a href="/t/svg-a-href.html"><text>a</text></a>
<a xlink:href="/t/svg-a-xlink-href.html"><text>a</text></a>
<!-- style -->
<style>rect { fill: url(/t/svg-style.svg#paint) }</style>
</svg>
""",
        fetched={
            "/t/svg-image-href.png": "svg image href",
            "/t/svg-image-xlink-href.png": "svg image xlink:href",
            "/t/svg-use-href.svg": "svg use href, with a fragment",
            "/t/svg-use-xlink-href.svg": "svg use xlink:href, with a fragment",
            "/t/svg-a-href.html": "svg a href",
            "/t/svg-a-xlink-href.html": "svg a xlink:href",
            "/t/svg-style.svg": "svg style element",
        },
    ),
    Document(
        path="/standalone.svg",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<?xml-stylesheet href="/t/svg-file-pi.css" type="text/css"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1">
<!-- <image href="/never/svg-file-comment.png"/> -->
<style>rect { fill: url(/t/svg-file-style.svg#paint) }</style>
<image href="/t/svg-file-image-href.png"/>
<image xlink:href="/t/svg-file-image-xlink-href.png"/>
<use href="/t/svg-file-use.svg#icon"/>
<a href="/t/svg-file-a-href.html"><text>a</text></a>
<a xlink:href="/t/svg-file-a-xlink-href.html"><text>a</text></a>
<rect style="fill: url(/t/svg-file-style-attribute.svg#paint)"/>
</svg>
""",
        fetched={
            "/t/svg-file-pi.css": "SVG file xml-stylesheet",
            "/t/svg-file-style.svg": "SVG file style element",
            "/t/svg-file-image-href.png": "SVG file image href",
            "/t/svg-file-image-xlink-href.png": "SVG file image xlink:href",
            "/t/svg-file-use.svg": "SVG file use href",
            "/t/svg-file-a-href.html": "SVG file a href",
            "/t/svg-file-a-xlink-href.html": "SVG file a xlink:href",
            "/t/svg-file-style-attribute.svg": "SVG file style attribute",
        },
        never={"/never/svg-file-comment.png": "SVG file, in a comment"},
    ),
    Document(
        path="/page.xhtml",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<?xml-stylesheet href="/t/xhtml-pi.css" type="text/css"?>
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en">
<head>
<title>XHTML</title>
<link rel="stylesheet" type="text/css" href="/t/xhtml-link.css"/>
<style type="text/css"><![CDATA[ p > b { background: url(/t/xhtml-style.png) } ]]></style>
</head>
<body>
<p><a href="/t/xhtml-a.html?a=1&amp;b=2">a</a> <img src="/t/xhtml-img.png" alt=""/></p>
<p><![CDATA[ <img src="/never/xhtml-cdata.png"/> ]]></p>
</body>
</html>
""",
        fetched={
            "/t/xhtml-pi.css": "XHTML xml-stylesheet",
            "/t/xhtml-link.css": "XHTML link stylesheet",
            "/t/xhtml-style.png": "XHTML style element, CDATA",
            "/t/xhtml-a.html?a=1&b=2": "XHTML a href",
            "/t/xhtml-img.png": "XHTML img src",
        },
        never={"/never/xhtml-cdata.png": "XHTML text in CDATA"},
    ),
)

# ======================================================================================================================
# Sitemaps and feeds
# ======================================================================================================================

SITEMAP_GZIPPED: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <url><loc>{self}/t/sitemap-gzipped-loc.html</loc></url>
</urlset>
"""

FEEDS: Final = (
    Document(
        path="/t/sitemap-index.xml",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
  <sitemap><loc>{self}/t/sitemap.xml</loc></sitemap>
  <sitemap><loc>{self}/t/sitemap-gzipped.xml.gz</loc></sitemap>
</sitemapindex>
""",
        fetched={
            "/t/sitemap.xml": "sitemap index loc",
            "/t/sitemap-gzipped.xml.gz": "sitemap index loc, gzipped",
        },
    ),
    Document(
        path="/t/sitemap.xml",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url>
    <loc>
      {self}/t/sitemap-loc.html?a=1&amp;b=2
    </loc>
    <lastmod>2020-02-02</lastmod>
    <image:image><image:loc>{self}/t/sitemap-image-loc.png</image:loc></image:image>
  </url>
</urlset>
""",
        fetched={
            "/t/sitemap-loc.html?a=1&b=2": "sitemap loc",
            "/t/sitemap-image-loc.png": "sitemap image:loc",
        },
    ),
    Document(
        path="/t/sitemap-gzipped.xml.gz",
        body=SITEMAP_GZIPPED,
        encode=partial(gzip.compress, mtime=0),
        fetched={"/t/sitemap-gzipped-loc.html": "sitemap loc, gzipped"},
    ),
    Document(
        path="/t/link-alternate-rss.xml",
        content_type="application/rss+xml",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/">
<channel>
  <title>RSS</title>
  <link>{self}/t/rss-channel-link.html</link>
  <description>A feed</description>
  <image><url>{self}/t/rss-image-url.png</url><title>RSS</title><link>{self}/</link></image>
  <item>
    <title>An item</title>
    <link>{self}/t/rss-item-link.html</link>
    <enclosure url="{self}/t/rss-enclosure.mp3" length="10" type="audio/mpeg"/>
    <media:content url="{self}/t/rss-media-content.png" medium="image"/>
  </item>
</channel>
</rss>
""",
        fetched={
            "/t/rss-channel-link.html": "RSS channel link",
            "/t/rss-image-url.png": "RSS image url",
            "/t/rss-item-link.html": "RSS item link",
            "/t/rss-enclosure.mp3": "RSS enclosure url",
            "/t/rss-media-content.png": "RSS media:content url",
        },
    ),
    Document(
        path="/t/link-alternate-atom.xml",
        content_type="application/atom+xml",
        body="""\
<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Atom</title>
  <id>tag:example.org,2020:feed</id>
  <updated>2020-02-02T02:02:02Z</updated>
  <link href="/t/atom-feed-link.html"/>
  <logo>/t/atom-logo.png</logo>
  <icon>/t/atom-icon.png</icon>
  <entry>
    <title>An entry</title>
    <id>tag:example.org,2020:entry</id>
    <updated>2020-02-02T02:02:02Z</updated>
    <link href="/t/atom-entry-link.html"/>
    <link rel="enclosure" type="audio/mpeg" href="/t/atom-enclosure.mp3"/>
  </entry>
</feed>
""",
        fetched={
            "/t/atom-feed-link.html": "Atom feed link href",
            "/t/atom-logo.png": "Atom logo",
            "/t/atom-icon.png": "Atom icon",
            "/t/atom-entry-link.html": "Atom entry link href",
            "/t/atom-enclosure.mp3": "Atom entry link enclosure",
        },
    ),
)

# ======================================================================================================================
# JavaScript
# ======================================================================================================================

SCRIPTS: Final = (
    Document(
        path="/scripts.html",
        body="""\
<!DOCTYPE html>
<title>Scripts</title>
<!-- script src -->
<script src="/t/script-src.js"></script>
<script src="/t/script-defer.js" defer></script>
<!-- the script of this topic -->
<script type="module" src="/js/app.js"></script>
<!-- inline -->
<script type="importmap">{"imports": {"library": "/js/importmap.js"}}</script>
<script>
var picture = "/js/inline-known.png";
fetch('/api/inline.json');
var built = `/never/inline-template-${picture}.png`;
var type = "text/plain", ratio = "c/d";
</script>
<script type="module">import "/t/inline-import.js";</script>
<script type="application/json">{"page": {"picture": "/js/inline-json.png"}}</script>
<!-- handlers and javascript: URLs -->
<button onclick="location.href='/t/onclick.html'">button</button>
<a href="javascript:window.open('/t/javascript-url.html')">a</a>
<a href="javascript:void(0)">a</a>
""",
        fetched={
            "/t/script-src.js": "script src",
            "/t/script-defer.js": "script src defer",
            "/t/inline-import.js": "script element, static import",
        },
        guesses={
            "/js/importmap.js": "script element, import map",
            "/js/inline-known.png": "script element, quoted path",
            "/api/inline.json": "script element, fetch()",
            "/js/inline-json.png": "script element, JSON",
            "/t/onclick.html": "onclick, quoted path",
            "/t/javascript-url.html": "javascript: URL, quoted path",
        },
        never={
            "/never/inline-template-$%7Bpicture%7D.png": "script element, template literal with ${}",
            "/text/plain": "script element, media type",
            "/c/d": "script element, two words and a slash",
            "/javascript:void(0)": "a href javascript:",
        },
    ),
    Document(
        path="/js/app.js",
        body=r"""import "/t/js-import.js";
import * as library from "../t/js-import-from.js";
export * from '/t/js-export-from.js';
import("/t/js-dynamic-import.js");

// What may be a reference: relative to the script, to the page, or to nothing
const picture = "/js/known.png";
const chunk = './rel/chunk.js';
const photo = "img/x.jpg";
const missing = "/js/missing.png";
const joined = new URL("./url-of-module.png", import.meta.url);
fetch("/api/data.json");
new Worker('worker.js');

// What is none
const built = `/never/js-template-${picture}.png`;
const pattern = /"\/never\/js-regex.html"/;
const root = "/", ratio = "a/b", type = "text/html", day = "2020/02/02", nothing = "//";
""",
        fetched={
            "/t/js-import.js": "JavaScript static import",
            "/t/js-import-from.js": "JavaScript static import from, relative",
            "/t/js-export-from.js": "JavaScript export from",
            "/t/js-dynamic-import.js": "JavaScript dynamic import",
        },
        guesses={
            "/js/known.png": "JavaScript quoted path",
            "/js/rel/chunk.js": "JavaScript quoted ./path, by the script",
            "/rel/chunk.js": "JavaScript quoted ./path, by the page (404)",
            "/img/x.jpg": "JavaScript quoted relative path, by the page",
            "/js/img/x.jpg": "JavaScript quoted relative path, by the script (404)",
            "/js/missing.png": "JavaScript quoted path to nothing (404)",
            "/js/url-of-module.png": "JavaScript new URL(..., import.meta.url)",
            "/url-of-module.png": "JavaScript new URL(), by the page (404)",
            "/api/data.json": "JavaScript fetch()",
            "/worker.js": "JavaScript new Worker(), by the page",
            "/js/worker.js": "JavaScript new Worker(), by the script (404)",
        },
        never={
            "/never/js-template-$%7Bpicture%7D.png": "JavaScript template literal with ${}",
            "/never/js-regex.html": "JavaScript regular expression",
            "/a/b": "JavaScript two words and a slash, by the page",
            "/js/a/b": "JavaScript two words and a slash, by the script",
            "/text/html": "JavaScript media type, by the page",
            "/js/text/html": "JavaScript media type, by the script",
            "/2020/02/02": "JavaScript date, by the page",
            "/js/2020/02/02": "JavaScript date, by the script",
        },
    ),
)

MISSING: Final = frozenset(
    path for d in SCRIPTS for path, construct in d.guesses.items() if construct.endswith("(404)")
)

# ======================================================================================================================
# base, refresh, headers, redirects
# ======================================================================================================================

WHERE: Final = (
    Document(
        path="/base/absolute.html",
        body="""\
<!DOCTYPE html>
<title>base href absolute</title>
<base href="{self}/t/base-absolute/">
<a href="a.html">a</a>
<p style="background: url(style.png)">p
""",
        fetched={
            "/t/base-absolute/a.html": "base href, absolute: a href",
            "/t/base-absolute/style.png": "base href, absolute: style attribute",
        },
    ),
    Document(
        path="/base/root.html",
        body="""\
<!DOCTYPE html>
<title>base href root-relative</title>
<base href="/t/base-root/">
<a href="../base-root/a.html">a</a>
<img srcset="srcset.png 2x" alt="">
""",
        fetched={
            "/t/base-root/a.html": "base href, root-relative: a href",
            "/t/base-root/srcset.png": "base href, root-relative: img srcset",
        },
    ),
    Document(
        path="/base/relative.html",
        body="""\
<!DOCTYPE html>
<title>base href relative</title>
<base href="../t/base-relative/file.html">
<a href="a.html">a</a>
<img src="img.png" alt="">
""",
        fetched={
            "/t/base-relative/a.html": "base href, relative: a href",
            "/t/base-relative/img.png": "base href, relative: img src",
        },
    ),
    Document(
        path="/base/twice.html",
        body="""\
<!DOCTYPE html>
<title>base href twice</title>
<base href="/t/base-first/">
<base href="/never/base-second/">
<a href="a.html">a</a>
""",
        fetched={"/t/base-first/a.html": "base href twice, the first"},
        never={"/never/base-second/a.html": "base href twice, the second"},
    ),
    Document(
        path="/refresh/plain.html",
        body="""\
<!DOCTYPE html>
<title>Refresh</title>
<meta http-equiv="refresh" content="3600; url=/t/refresh-plain.html">
""",
        fetched={"/t/refresh-plain.html": "meta refresh, url="},
    ),
    Document(
        path="/refresh/quoted.html",
        body="""\
<!DOCTYPE html>
<title>Refresh, quoted</title>
<META HTTP-EQUIV="Refresh" CONTENT="3600;URL='/t/refresh-quoted.html'">
""",
        fetched={"/t/refresh-quoted.html": "meta refresh, URL='...'"},
    ),
    Document(
        path="/refresh/spaced.html",
        body="""\
<!DOCTYPE html>
<title>Refresh, spaced</title>
<meta content=" 3600.5 , Url = ../t/refresh-spaced.html" http-equiv="refresh">
""",
        fetched={"/t/refresh-spaced.html": "meta refresh, a comma and spaces"},
    ),
    Document(
        path="/refresh/bare.html",
        body="""\
<!DOCTYPE html>
<title>Refresh, bare</title>
<meta http-equiv="refresh" content="3600; /t/refresh-bare.html">
""",
        fetched={"/t/refresh-bare.html": "meta refresh, without url="},
    ),
    Document(
        path="/refresh/header.html",
        headers={"Refresh": "3600; url=/t/refresh-header.html"},
        body="""\
<!DOCTYPE html>
<title>Refresh, header</title>
""",
        fetched={"/t/refresh-header.html": "Refresh: header"},
    ),
    Document(
        path="/headers.html",
        headers={
            "Link": "</t/header-link-stylesheet.css>; rel=stylesheet, "
            '<t/header-link-preload.css>; rel="preload"; as="style", '
            '<{self}/t/header-link-next.html?a,b;c>; title="a, b; <c>"; rel="next"'
        },
        body="""\
<!DOCTYPE html>
<title>Link header</title>
""",
        fetched={
            "/t/header-link-stylesheet.css": "Link: header, stylesheet",
            "/t/header-link-preload.css": "Link: header, preload",
            "/t/header-link-next.html?a,b;c": "Link: header, next",
        },
    ),
    Document(
        path="/redirects.html",
        body="""\
<!DOCTYPE html>
<title>Redirects</title>
<a href="/t/redirect-301.html">301</a>
<a href="/t/redirect-302.html">302</a>
<a href="/t/redirect-303.html">303</a>
<a href="/t/redirect-307.html">307</a>
<a href="/t/redirect-308.html">308</a>
<a href="/t/redirect-chain.html">a chain</a>
<img src="/t/redirect-img.png" alt="">
""",
        fetched={
            "/t/redirect-301.html": "301",
            "/t/redirect-301-location.html": "301 Location, relative",
            "/t/redirect-302.html": "302",
            "/t/redirect-302-location.html": "302 Location, absolute",
            "/t/redirect-303.html": "303",
            "/t/redirect-303-location.html": "303 Location, root-relative",
            "/t/redirect-307.html": "307",
            "/t/redirect-307-location.html": "307 Location, scheme-relative",
            "/t/redirect-308.html": "308",
            "/t/redirect-308-location.html": "308 Location, absolute with a fragment",
            "/t/redirect-chain.html": "redirect chain",
            "/t/redirect-chain-2.html": "redirect chain, the second",
            "/t/redirect-chain-3.html": "redirect chain, the third",
            "/t/redirect-chain-end.html": "redirect chain, its end",
            "/t/redirect-img.png": "img src to a redirect",
            "/t/redirect-img-location.png": "img src to a redirect, its Location",
        },
    ),
    redirect("/t/redirect-301.html", "redirect-301-location.html", 301),
    redirect("/t/redirect-302.html", "{self}/t/redirect-302-location.html", 302),
    redirect("/t/redirect-303.html", "/t/redirect-303-location.html", 303),
    redirect("/t/redirect-307.html", "{//self}/t/redirect-307-location.html", 307),
    redirect("/t/redirect-308.html", "{self}/t/redirect-308-location.html#part", 308),
    redirect("/t/redirect-chain.html", "/t/redirect-chain-2.html", 301),
    redirect("/t/redirect-chain-2.html", "redirect-chain-3.html", 302),
    redirect("/t/redirect-chain-3.html", "{self}/t/redirect-chain-end.html", 308),
    redirect("/t/redirect-img.png", "/t/redirect-img-location.png", 302),
)

# ======================================================================================================================
# Names, broken markup, encodings
# ======================================================================================================================

NAMES: Final = (
    Document(
        path="/names.html",
        body="""\
<!DOCTYPE html>
<title>Names</title>
<!-- a page, a folder and what is in the folder -->
<a href="/t/names/a">a</a>
<a href="/t/names/a/">a</a>
<a href="/t/names/a/b">a</a>
<!-- case -->
<a href="/t/names/Case">a</a>
<a href="/t/names/case">a</a>
<!-- extensions that say nothing, and another thing -->
<img src="/t/names/picture" alt="">
<a href="/t/names/page.php">a</a>
<!-- queries -->
<a href="/t/names/query">a</a>
<a href="/t/names/query?">a</a>
<a href="/t/names/query?id=1">a</a>
<a href="/t/names/query?id=2">a</a>
<a href="/t/names/style.css?v=2">a</a>
<a href="?only=query">a</a>
<!-- a space, an escaped way up, a doubled slash, characters that file systems forbid -->
<a href="/t/names/a space.html">a</a>
<a href="/t/names/%2e%2e%2fup.html">a</a>
<a href="/t/names/%2e%2E/escaped-dots.html">a</a>
<a href="/t/names//double.html">a</a>
<a href="/t/names/a:b*c.html">a</a>
<!-- Unicode composed, decomposed, escaped -->
<a href="/t/names/nfc-[nfc].html">a</a>
<a href="/t/names/nfd-[nfd].html">a</a>
<a href="/t/names/escaped-%e2%98%83.html">a</a>
""".replace("[nfc]", "\u00e9").replace("[nfd]", "e\u0301"),
        fetched={
            "/t/names/a": "a page named as a folder",
            "/t/names/a/": "a folder named as a page",
            "/t/names/a/b": "a page in a folder named as a page",
            "/t/names/Case": "case twins, the first",
            "/t/names/case": "case twins, the second",
            "/t/names/picture": "a picture without an extension",
            "/t/names/page.php": "a page named .php",
            "/t/names/query": "a page that also has queries",
            "/t/names/query?": "a query, empty",
            "/t/names/query?id=1": "a query, id=1",
            "/t/names/query?id=2": "a query, id=2",
            "/t/names/style.css?v=2": "a query behind an extension",
            "/names.html?only=query": "a query alone",
            "/t/names/a%20space.html": "a space in a path",
            "/t/names/..%2Fup.html": "%2e%2e%2f in a path",
            "/t/escaped-dots.html": "%2e%2E as a segment",
            "/t/names//double.html": "a doubled slash",
            "/t/names/a:b*c.html": "a colon and an asterisk",
            "/t/names/nfc-%C3%A9.html": "Unicode twins, NFC",
            "/t/names/nfd-e%CC%81.html": "Unicode twins, NFD",
            "/t/names/escaped-%E2%98%83.html": "Unicode, escaped in small letters",
        },
    ),
    Document(path="/t/names/picture", body=PNG, content_type="image/png"),
)

BROKEN: Final = (
    Document(
        path="/broken.html",
        content_type="text/html",
        body="""\
<title>Broken markup</title>
<LINK REL=StyleSheet HREF=/t/broken-unquoted.css>
<!-- capitals, no quotes -->
<A HREF=/t/broken-capitals.html>a</A>
<a href=/t/broken-slash/>a</a>
<!-- spaces around the equals sign and around the URL, a line end and a tab in it -->
<a href = "/t/broken-equals.html">a</a>
<a href="  /t/broken-spaces.html
">a</a>
<a href="/t/broken-
	line.html">a</a>
<a href="\\t\\broken-backslashes.html">a</a>
<!-- entities: spelled out, forgotten, numeric -->
<a href="/t/broken-entities.html?a=1&amp;b=2">a</a>
<a href="/t/broken-ampersand.html?a=1&copy=2">a</a>
<a href="&#47;t&#x2f;broken-numeric&period;html">a</a>
<!-- the first of two attributes counts; no space between attributes; no end of a tag -->
<img src="/t/broken-twice.png" src="/never/broken-twice-second.png" alt="">
<img alt=""src="/t/broken-no-space.png">
<a href="/t/broken-no-end.html"<b>a</b></a>
<!-- a quote that isn't closed swallows what follows up to the next one -->
<p title="open><a href="/never/broken-swallowed.html">a</a>
<a href="/t/broken-behind-quote.html">a</a>
<!-- elements where they can't be -->
<table><a href="/t/broken-in-table.html">a</a><tr><td><p><li><img src="/t/broken-in-cell.png"></div></table>
</body></html>
<a href="/t/broken-behind-html.html">a</a>
""".replace("\n", "\r\n"),
        fetched={
            "/t/broken-unquoted.css": "LINK HREF, capitals, unquoted",
            "/t/broken-capitals.html": "A HREF, capitals, unquoted",
            "/t/broken-slash/": "a href, unquoted, slash at the end",
            "/t/broken-equals.html": "a href, spaces around =",
            "/t/broken-spaces.html": "a href, spaces around the URL",
            "/t/broken-line.html": "a href, line end and tab in the URL",
            "/t/broken-backslashes.html": "a href, backslashes",
            "/t/broken-entities.html?a=1&b=2": "a href, &amp; in its query",
            "/t/broken-ampersand.html?a=1&copy=2": "a href, &copy that is none",
            "/t/broken-numeric.html": "a href, numeric entities",
            "/t/broken-twice.png": "img src twice, the first",
            "/t/broken-no-space.png": "img src, no space before",
            "/t/broken-no-end.html": "a href, tag without an end",
            "/t/broken-behind-quote.html": "a href behind a quote not closed",
            "/t/broken-in-table.html": "a href in a table, outside cells",
            "/t/broken-in-cell.png": "img src, unclosed elements around",
            "/t/broken-behind-html.html": "a href behind </html>",
        },
        never={
            "/never/broken-twice-second.png": "img src twice, the second",
            "/never/broken-swallowed.html": "a href in a quote not closed",
        },
    ),
    Document(
        path="/broken-end.html",
        content_type="text/html",
        body="""\
<p>Neither html nor body, and an end in the middle of a tag
<img src="/t/broken-no-html.png">
<a href="/never/broken-end-of-file.html""",
        fetched={"/t/broken-no-html.png": "img src, no html, no body"},
        never={"/never/broken-end-of-file.html": "a href that the end of the file cuts"},
    ),
)

ENCODINGS: Final = (
    Document(
        path="/encodings/windows-1252.html",
        content_type="text/html; charset=windows-1252",
        body="""\
<!DOCTYPE html>
<title>windows-1252 by header</title>
<a href="/t/windows-1252-é.html?q=é">é</a>
""".encode("cp1252"),
        fetched={"/t/windows-1252-%C3%A9.html?q=%E9": "windows-1252 by header"},
    ),
    Document(
        path="/encodings/shift-jis.html",
        content_type="text/html",
        body="""\
<!DOCTYPE html>
<meta charset="Shift_JIS">
<title>Shift_JIS by meta</title>
<a href="/t/shift-jis-日.html?q=日">日</a>
""".encode("shift_jis"),
        fetched={"/t/shift-jis-%E6%97%A5.html?q=%93%FA": "Shift_JIS by meta"},
    ),
    Document(
        path="/encodings/gb18030.html",
        content_type="text/html",
        body="""\
<!DOCTYPE html>
<meta http-equiv="Content-Type" content="text/html; charset=gb18030">
<title>GB18030 by meta http-equiv</title>
<a href="/t/gb18030-中.html?q=中">中</a>
""".encode("gb18030"),
        fetched={"/t/gb18030-%E4%B8%AD.html?q=%D6%D0": "GB18030 by meta http-equiv"},
    ),
    Document(
        path="/encodings/utf-16.html",
        content_type="text/html",
        body=codecs.BOM_UTF16_LE
        + """\
<!DOCTYPE html>
<title>UTF-16 by its byte order mark</title>
<a href="/t/utf-16-日.html?q=日">日</a>
""".encode("utf-16-le"),
        fetched={"/t/utf-16-%E6%97%A5.html?q=%E6%97%A5": "UTF-16LE by byte order mark"},
    ),
)

# ======================================================================================================================
# What is never requested
# ======================================================================================================================

NOTHING: Final = (
    Document(
        path="/nothing.html",
        body="""\
<!DOCTYPE html>
<title>No references</title>
<!-- comments: a link, a script for one browser -->
<!-- <a href="/never/comment.html">a</a> <img src="/never/comment.png"> -->
<!--[if IE]><script src="/never/conditional.js"></script><![endif]-->
<!--[if !IE]><!--><img src="/t/conditional-revealed.png" alt=""><!--<![endif]-->
<!-- forms -->
<form action="/never/form-get.html"><input type="hidden" name="next" value="/never/input-value.html">
<button formaction="/never/formaction.html">button</button></form>
<form action="/never/form-post.html" method="post">
<input type="submit" formaction="/never/input-formaction.html"></form>
<!-- other schemes -->
<a href="data:text/html,<a href='/never/data.html'>a</a>">a</a>
<a href="mailto:nobody@example.org">a</a>
<a href="tel:+4930123456">a</a>
<a href="blob:{self}/00000000-0000-0000-0000-000000000000">a</a>
<a href="about:blank">a</a>
<a href="ftp://127.0.0.1:1/never/ftp.html">a</a>
<!-- text -->
<p>{self}/never/text.html</p>
<textarea><a href="/never/textarea.html">a</a></textarea>
<a name="/never/a-name.html">a</a>
<!-- what robots.txt forbids; what it forbids with a wildcard; what it allows in a forbidden folder -->
<a href="/t/robots/disallowed.html">a</a>
<a href="/t/robots-wildcard.html">a</a>
<a href="/t/robots/allowed.html">a</a>
""",
        fetched={
            "/t/conditional-revealed.png": "img src in a revealed conditional comment",
            "/t/robots/allowed.html": "robots.txt, Allow longer than Disallow",
        },
        never={
            "/never/comment.html": "a href in a comment",
            "/never/comment.png": "img src in a comment",
            "/never/conditional.js": "script src in a conditional comment",
            "/never/form-get.html": "form action, get",
            "/never/input-value.html": "input value",
            "/never/formaction.html": "button formaction",
            "/never/form-post.html": "form action, post",
            "/never/input-formaction.html": "input formaction",
            "/never/data.html": "a href in a data: URL",
            "/data:text/html,": "data:",
            "/mailto:nobody@example.org": "mailto:",
            "/tel:+4930123456": "tel:",
            "/00000000-0000-0000-0000-000000000000": "blob:",
            "/about:blank": "about:blank",
            "/never/ftp.html": "ftp:",
            "/never/text.html": "a URL in the text",
            "/never/textarea.html": "a href in a textarea",
            "/never/a-name.html": "a name",
            "/t/robots/disallowed.html": "robots.txt Disallow",
            "/t/robots-wildcard.html": "robots.txt Disallow, a wildcard",
        },
    ),
    Document(
        path="/nofollow/meta.html",
        body="""\
<!DOCTYPE html>
<title>meta robots</title>
<meta name="robots" content="noindex, nofollow">
<img src="/t/nofollow-meta.png" alt="">
""",
        fetched={"/t/nofollow-meta.png": "img src, beside meta robots nofollow"},
    ),
    Document(
        path="/nofollow/header.html",
        headers={"X-Robots-Tag": "nofollow"},
        body="""\
<!DOCTYPE html>
<title>X-Robots-Tag</title>
<img src="/t/nofollow-header.png" alt="">
""",
        fetched={"/t/nofollow-header.png": "img src, beside X-Robots-Tag nofollow"},
    ),
)

# ======================================================================================================================
# The second host: requisites are fetched from there, pages are not
# ======================================================================================================================

OTHER: Final = (
    Document(
        path="/other.html",
        body="""\
<!DOCTYPE html>
<title>The other host</title>
<!-- requisites -->
<link rel="stylesheet" href="{other}/t/cdn-style.css">
<link rel="icon" href="{other}/t/cdn-icon.png">
<script src="{other}/t/cdn-script.js"></script>
<img src="{other}/t/cdn-img.png" srcset="{other}/t/cdn-srcset.png 2x" alt="">
<img src="{//other}/t/cdn-no-scheme.png" alt="">
<video src="{other}/t/cdn-video.mp4" poster="{other}/t/cdn-poster.png"></video>
<p style="background: url({other}/t/cdn-style-attribute.png)">p
<object data="{other}/t/cdn-object.svg" type="image/svg+xml"></object>
<iframe src="{other}/t/cdn-iframe.html"></iframe>
<img src="/t/redirect-to-other.png" alt="">
<!-- a picture that is a page -->
<img src="{other}/t/cdn-html.png" alt="">
<!-- pages -->
<a href="{other}/never/cdn-a.html">a</a>
<a href="{//other}/never/cdn-a-no-scheme.html">a</a>
<a href="{other}/never/cdn-a.pdf">a</a>
<area href="{other}/never/cdn-area.html">
<link rel="next" href="{other}/never/cdn-next.html">
<link rel="canonical" href="{other}/never/cdn-canonical.html">
<a href="/t/redirect-to-other.html">a</a>
""",
        fetched={
            "/t/redirect-to-other.png": "img src to a redirect to another host",
            "/t/redirect-to-other.html": "a href to a redirect to another host",
        },
        fetched_other={
            "/t/cdn-style.css": "another host's link stylesheet",
            "/t/cdn-icon.png": "another host's link icon",
            "/t/cdn-script.js": "another host's script",
            "/t/cdn-img.png": "another host's img src",
            "/t/cdn-srcset.png": "another host's img srcset",
            "/t/cdn-no-scheme.png": "another host's img src, scheme-relative",
            "/t/cdn-video.mp4": "another host's video",
            "/t/cdn-poster.png": "another host's poster",
            "/t/cdn-style-attribute.png": "another host's style attribute",
            "/t/cdn-object.svg": "another host's object",
            "/t/cdn-iframe.html": "another host's iframe",
            "/t/cdn-redirected.png": "another host's picture, by a redirect",
            "/t/cdn-html.png": "another host's picture that is a page",
        },
        never_other={
            "/never/cdn-a.html": "another host's page",
            "/never/cdn-a-no-scheme.html": "another host's page, scheme-relative",
            "/never/cdn-a.pdf": "another host's file, a href",
            "/never/cdn-area.html": "another host's page, area",
            "/never/cdn-next.html": "another host's page, link next",
            "/never/cdn-canonical.html": "another host's page, link canonical",
            "/never/cdn-redirected.html": "another host's page, by a redirect",
        },
    ),
    redirect("/t/redirect-to-other.png", "{other}/t/cdn-redirected.png", 302),
    redirect("/t/redirect-to-other.html", "{other}/never/cdn-redirected.html", 301),
)

CDN: Final = (
    Document(
        path="/t/cdn-style.css",
        body="""\
@import "cdn-import.css";
@font-face { font-family: "Other"; src: url(/t/cdn-font.woff2) format("woff2") }
p { background: url(cdn-css-url.png) }
b { background: url({other}/t/back-from-other.png) }
""",
        fetched={"/t/back-from-other.png": "another host's CSS, url() back"},
        fetched_other={
            "/t/cdn-import.css": "another host's CSS, @import",
            "/t/cdn-font.woff2": "another host's CSS, @font-face",
            "/t/cdn-css-url.png": "another host's CSS, url()",
        },
    ),
    Document(
        path="/t/cdn-import.css",
        body="""\
p { background: url(cdn-import-url.png) }
""",
        fetched_other={"/t/cdn-import-url.png": "another host's CSS, url() in an @import"},
    ),
    Document(
        path="/t/cdn-iframe.html",
        body="""\
<!DOCTYPE html>
<title>A page in a frame</title>
<link rel="stylesheet" href="/t/cdn-iframe.css">
<img src="/t/cdn-iframe-img.png" alt="">
<a href="/never/cdn-iframe-a.html">a</a>
""",
        fetched_other={
            "/t/cdn-iframe.css": "another host's iframe, its stylesheet",
            "/t/cdn-iframe-img.png": "another host's iframe, its img src",
        },
        never_other={"/never/cdn-iframe-a.html": "another host's iframe, its a href"},
    ),
    Document(
        path="/t/cdn-html.png",
        content_type=HTML,
        body="""\
<!DOCTYPE html>
<title>A page, not a picture</title>
<a href="/never/cdn-html-a.html">a</a>
""",
        never_other={"/never/cdn-html-a.html": "another host's picture that is a page, its a href"},
    ),
    Document(
        path="/never/cdn-a.html",
        body="""\
<!DOCTYPE html>
<title>A page of another site</title>
<a href="/never/cdn-page-a.html">a</a>
<img src="/never/cdn-page-img.png" alt="">
""",
        never_other={
            "/never/cdn-page-a.html": "another host's page, its a href",
            "/never/cdn-page-img.png": "another host's page, its img src",
        },
    ),
)

# ======================================================================================================================
# The tables and the sites
# ======================================================================================================================

DOCUMENTS: Final = (
    *START,
    *LINKS,
    *HEAD,
    *IMAGES,
    *FRAMES,
    *STYLES,
    *XML,
    *FEEDS,
    *SCRIPTS,
    *WHERE,
    *NAMES,
    *BROKEN,
    *ENCODINGS,
    *NOTHING,
    *OTHER,
)


def _merged(tables: Iterable[Table]) -> dict[str, str]:
    return dict(chain.from_iterable(table.items() for table in tables))


FETCHED: Final = _merged(document.fetched for document in (*DOCUMENTS, *CDN))
FETCHED_OTHER: Final = _merged(document.fetched_other for document in (*DOCUMENTS, *CDN))
GUESSES: Final = _merged(document.guesses for document in DOCUMENTS)
NEVER: Final = _merged(document.never for document in DOCUMENTS)
NEVER_OTHER: Final = _merged(document.never_other for document in (*DOCUMENTS, *CDN))
STRUCTURE: Final = tuple(document.path for document in DOCUMENTS if document.path not in FETCHED)


def sites() -> tuple[Site, Site]:
    """Return the main site and the second host, for `serve_both`."""
    return _site(DOCUMENTS, FETCHED | GUESSES | NEVER), _site(CDN, FETCHED_OTHER | NEVER_OTHER)


def _site(documents: Iterable[Document], targets: Iterable[str]) -> Site:
    """Return a site with the documents, and plain targets at all other paths."""
    site = Site({path: target(path) for path in targets if path not in MISSING})
    site.update({document.path: document.page() for document in documents})
    return site
