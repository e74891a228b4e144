"""The pages of the site with planted faults, and the site itself.

with running() as (main, other):
    ...                              # run a link checker on main.url
    row = row_of(reported, ROWS)
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Final

import trustme

from tests.links import fragments
from tests.links.faults import Holder, Row, add_target, place
from tests.links.rows_addresses import EXTERNAL, REDIRECTS, SPELLING, STATUSES, gone
from tests.links.rows_markup import (
    BASED,
    CANONICAL,
    CSS_FILE,
    ELEMENTS,
    FEED,
    LINK_HEADER,
    MANIFEST,
    MEDIA,
    META_REFRESH,
    MIXED,
    NOT_LINKS,
    OTHERS,
    REFRESH_HEADER,
    ROBOTS_SITEMAP,
    SAME,
    SITEMAP,
    STYLES,
    UPGRADED,
    kept,
    lost,
)
from tests.site import Page, Server, Site, running, serve_both

_PLAIN: Final = "<!DOCTYPE html>\n<title>Plain</title>\n{rows}\n"
_XML: Final = '<?xml version="1.0"?>\n'
_SITEMAP: Final = f'{_XML}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{{rows}}\n</urlset>\n'
_FEED: Final = _XML + '<feed xmlns="http://www.w3.org/2005/Atom">\n{rows}\n</feed>\n'
_HTML_NAMESPACE: Final = 'xmlns="http://www.w3.org/1999/xhtml"'
_XHTML: Final = f"{_XML}<html {_HTML_NAMESPACE}>\n<head><title>x</title></head>\n<body>{{rows}}</body></html>\n"
_UPGRADE: Final = '<meta http-equiv=Content-Security-Policy content="upgrade-insecure-requests">'


def _fragment_row(case: fragments.Case) -> Row:
    is_missing = fragments.answers()[case.name] == "none"
    return Row(
        name=case.name,
        markup=f'<p><a href="«{case.path}#{escape(case.fragment)}»">x</a>',
        kinds=("fragment",) if is_missing and not case.is_open else (),
        may=("fragment", "unclear") if case.is_open else (),
        why=case.why,
        target=f"{case.path}#{case.fragment}",
        serves=Page(200, {"Content-Type": case.content_type}, case.body()),
    )


FRAGMENTS: Final = tuple(map(_fragment_row, fragments.CASES))

HOLDERS: Final = (
    Holder("/p/statuses.html", "statuses", STATUSES),
    Holder("/p/redirects.html", "redirects", REDIRECTS),
    Holder("/p/external.html", "other hosts", EXTERNAL),
    Holder("/p/spelling.html", "spelling of URLs", SPELLING),
    Holder("/p/fragments.html", "fragments", FRAGMENTS),
    Holder("/p/same.html", "fragments", SAME),
    Holder("/p/base.html", "fragments", BASED, f"<base href=/t/>\n{_PLAIN}", base="/t/"),
    Holder("/p/media.html", "images and media", MEDIA),
    Holder("/p/elements.html", "other elements", ELEMENTS),
    Holder("/p/canonical.html", "other elements", (CANONICAL,)),
    Holder("/p/refresh.html", "other elements", (META_REFRESH,)),
    Holder("/p/no-links.html", "what is no link", NOT_LINKS),
    Holder("/p/styles.html", "styles", STYLES),
    Holder("/css/site.css", "styles", CSS_FILE, "/* A style sheet */\n{rows}\n", "text/css"),
    Holder("/p/link-header", "headers and files", (LINK_HEADER,), headers={"Link": "{rows}"}),
    Holder("/p/refresh-header", "headers and files", (REFRESH_HEADER,), headers={"Refresh": "{rows}"}),
    Holder("/robots.txt", "headers and files", (ROBOTS_SITEMAP,),
           "User-agent: *\nDisallow: /t/robots-forbidden\nSitemap: {self}/sitemap.xml\n{rows}\n", "text/plain",
           is_linked=False),
    Holder("/sitemap.xml", "headers and files", SITEMAP, _SITEMAP, "application/xml", is_linked=False),
    Holder("/site.webmanifest", "headers and files", MANIFEST, "{rows}\n", "application/manifest+json", is_linked=False),
    Holder("/feed.xml", "headers and files", FEED, _FEED, "application/atom+xml", is_linked=False),
    Holder("/p/others.html", "orphans, copies, robots", OTHERS),
    Holder("/p/crlf.html", "lines and encodings", (gone("in-crlf"), gone("in-crlf-later")), newline="\r\n"),
    Holder("/p/cr.html", "lines and encodings", (gone("in-cr"), gone("in-cr-later")), newline="\r"),
    Holder("/p/minified.html", "lines and encodings", (gone("in-one-line"), gone("in-one-line-later")), newline=""),
    Holder("/p/letters.html", "lines and encodings",
           (lost("after-letters", 'Größe — 日本 <a href="{}">x</a>'), lost("after-emoji", '🎉🎉 <a href="{}">x</a>'))),
    Holder("/p/tabs.html", "lines and encodings", (lost("after-tabs", '\t\t<a\n\thref = "{}">x</a>'),)),
    Holder("/p/mark.html", "lines and encodings", (gone("after-mark"),), encoding="utf-8-sig", content_type="text/html"),
    Holder("/p/utf16.html", "lines and encodings", (lost("in-utf16", 'Größe <a href="{}">x</a>'),), _PLAIN,
           "text/html", "utf-16"),
    Holder("/p/sjis.html", "lines and encodings",
           (lost("in-sjis", '日本 <a href="{}">x</a>'),
            kept("in-sjis-query", '<a href="«/t/in-sjis-query?q=日本»">x</a>', target="/t/in-sjis-query?q=%93%FA%96{",
                 why="browsers encode queries as the page is encoded")),
           "<!DOCTYPE html>\n<meta charset=shift_jis>\n<title>x</title>\n{rows}\n", "text/html", "shift_jis"),
    Holder("/p/latin1.html", "lines and encodings", (lost("in-latin1", 'Größe <a href="{}">x</a>'),), _PLAIN,
           "text/html; charset=iso-8859-1", "latin-1"),
    Holder("/p/page.xhtml", "lines and encodings",
           (lost("in-xhtml", '<p>Größe <a href="{}"/></p>'), lost("in-xhtml-image", '<img alt="" src="{}"/>', ".png")),
           _XHTML, "application/xhtml+xml"),
)  # fmt: skip
"""The files with rows. `is_linked`: the start page links to it. Style sheet, manifest and feed are linked from its head."""

SECURE: Final = (
    Holder("/p/mixed.html", "mixed content", MIXED),
    Holder("/p/upgraded.html", "mixed content", UPGRADED,
           f"<!DOCTYPE html>\n{_UPGRADE}\n<title>x</title>\n{{rows}}\n"),
)  # fmt: skip
"""The same for the site that is served by https."""

ROWS: Final = {row.name: row for holder in (*HOLDERS, *SECURE) for row in holder.rows}
HOLDER_OF: Final = {row.name: holder for holder in (*HOLDERS, *SECURE) for row in holder.rows}
FAULTS: Final = {name: row for name, row in ROWS.items() if row.kinds}
TRAPS: Final = {name: row for name, row in ROWS.items() if not row.kinds}
PLACES: Final = {row.name: place(holder, row) for holder in (*HOLDERS, *SECURE) for row in holder.rows}
_HEAD: Final = (
    '<link rel=stylesheet href="/css/site.css"><link rel=manifest href="/site.webmanifest">'
    '<link rel=alternate type="application/atom+xml" href="/feed.xml">'
)


def sites() -> tuple[Site, Site]:
    """The site, and the one beside it."""
    main, other = Site(), Site()
    main.page("/", _HEAD, links=[holder.path for holder in HOLDERS if holder.is_linked])
    other.page("/")
    for holder in HOLDERS:
        main[holder.path] = holder.page()
        for row in holder.rows:
            add_target(main, other, holder, row)
    return main, other


@contextmanager
def served() -> Iterator[tuple[Server, Server]]:
    """Serve the site and the one beside it."""
    with serve_both(*sites()) as servers:
        yield servers


@contextmanager
def served_securely(home: Path) -> Iterator[tuple[Server, Path]]:
    """Serve the site with mixed content, and yield it with the file of its authority."""
    site = Site().page("/", links=[holder.path for holder in SECURE])
    for holder in SECURE:
        site[holder.path] = holder.page()
    authority = trustme.CA()
    file = home / "authority.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(site, "127.0.0.1") as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.url = server.url.replace("http:", "https:")
        with running(server):
            yield server, file
