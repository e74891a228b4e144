"""Rows about where links are: attributes, style sheets, headers and files, and what only looks like a link."""

import json
from typing import Any, Final

from tests.links.faults import Row
from tests.site import HTML, Page


def lost(name: str, markup: str, extension: str = "", **more: Any) -> Row:
    """A row whose target is not there. `{}` in the markup becomes the link `/t/NAME.EXTENSION`, marked."""
    link = f"/t/{name}{extension}"
    return Row(name=name, markup=markup.replace("{}", f"«{link}»"), **{"kinds": ("broken",), "status": 404, **more})


def kept(name: str, markup: str, extension: str = "", **more: Any) -> Row:
    """A row whose target is there."""
    return lost(name, markup, extension, **{"kinds": (), "status": 200, **more})


def no_link(name: str, markup: str, **more: Any) -> Row:
    """A row that is no link, though it looks like one to what is not there."""
    return lost(name, markup, **{"kinds": (), "status": 404, **more})


MEDIA: Final = (
    lost("img-src", '<img alt="" src="{}">', ".png"),
    lost("img-src-unquoted", "<img alt='' src={}>", ".png"),
    lost("img-srcset", '<img alt="" srcset="/t/img-ok.png 1x, {} 2x">', ".png"),
    lost(
        "img-srcset-width", '<img alt="" src="/t/img-ok.png" srcset="/t/img-ok.png 100w,{} 200w" sizes="50vw">', ".png"
    ),
    lost("source-srcset", '<picture><source srcset="{}"><img alt="" src="/t/img-ok.png"></picture>', ".png"),
    lost("source-src", '<audio><source src="{}"></audio>', ".png"),
    lost("video-src", '<video src="{}"></video>', ".mp4"),
    lost("video-poster", '<video poster="{}"></video>', ".png"),
    lost("audio-src", '<audio src="{}"></audio>', ".mp3"),
    lost("track-src", '<video><track src="{}"></video>', ".vtt"),
    lost("embed-src", '<embed src="{}">', ".pdf"),
    lost("object-data", '<object data="{}"></object>', ".pdf"),
    lost("input-src", '<form><input type=image alt=go src="{}"></form>', ".png"),
    lost("svg-image-href", '<svg><image href="{}"/></svg>', ".png"),
    lost("svg-image-xlink", '<svg><image xlink:href="{}"/></svg>', ".png"),
    lost("svg-use", '<svg><use href="«/t/svg-use.svg#icon»"/></svg>'),
    Row(
        name="svg-use-fragment",
        markup='<svg><use href="«/t/svg-use-fragment.svg#icon»"/></svg>',
        kinds=("fragment",),
        serves=Page(
            200, {"Content-Type": "image/svg+xml"}, b'<svg xmlns="http://www.w3.org/2000/svg"><g id="other"/></svg>'
        ),
    ),
    Row(
        name="svg-use-ok",
        markup='<svg><use href="«/t/svg-use-ok.svg#icon»"/></svg>',
        serves=Page(
            200, {"Content-Type": "image/svg+xml"}, b'<svg xmlns="http://www.w3.org/2000/svg"><g id="icon"/></svg>'
        ),
    ),
    lost("svg-a", '<svg><a href="{}"><text y="9">x</text></a></svg>'),
    lost("background", '<table background="{}"></table>', ".png"),
    kept("img-ok", '<img alt="" src="{}">', ".png"),
    kept("img-fragment", '<img alt="" src="«/t/img-fragment.png#xywh=0,0,1,1»">', why="a part of a picture"),
    kept("pdf-page", '<a href="«/t/pdf-page.pdf#page=2»">a page of a PDF</a>'),
    kept("video-time", '<video src="«/t/video-time.mp4#t=10,20»"></video>', why="a part of a film"),
    kept("srcset-comma", '<img alt="" srcset="«/t/srcset-comma/a,b.png» 1x">'),
)

ELEMENTS: Final = (
    lost("iframe-src", '<iframe title=x src="{}"></iframe>'),
    lost("script-src", '<script src="{}"></script>', ".js"),
    lost("script-module", '<script type=module src="{}"></script>', ".js"),
    lost("stylesheet", '<link rel=stylesheet href="{}">', ".css"),
    lost("icon", '<link rel=icon href="{}">', ".png"),
    lost("preload", '<link rel=preload as=font href="{}">', ".woff2"),
    lost("imagesrcset", '<link rel=preload as=image imagesrcset="{} 2x">', ".png"),
    lost("modulepreload", '<link rel=modulepreload href="{}">', ".js"),
    lost("alternate", '<link rel=alternate hreflang=de href="{}">'),
    lost("next", '<link rel=next href="{}">'),
    lost("area-href", '<map name=m><area alt=x href="{}"></map>'),
    lost("form-action", '<form action="{}"><button>Go</button></form>'),
    lost("formaction", '<form action="/t/ok"><button formaction="{}">Go</button></form>', kinds=("broken", "skipped")),
    lost("blockquote-cite", '<blockquote cite="{}">x</blockquote>'),
    lost("del-cite", '<del cite="{}">x</del>'),
    lost("og-image", '<meta property="og:image" content="«{self}/t/og-image.png»">'),
    lost("in-srcdoc", "<iframe title=x srcdoc=\"<a href='{}'>x</a>\"></iframe>"),
    lost("in-shadow-root", '<div><template shadowrootmode=open><a href="{}">x</a></template></div>'),
    lost("in-noscript", '<noscript><img alt="" src="{}"></noscript>', ".png"),
    lost("upper-case-tag", '<A HREF="{}">x</A>'),
    lost("second-attribute-first", '<a href="{}" href="/t/ok">x</a>', why="the first attribute counts"),
    lost("after-broken-tag", '<p <b><a href="{}">x</a>'),
    lost("nofollow", '<a rel=nofollow href="{}">x</a>', kinds=("broken", "skipped"), why="robots may leave it alone"),
    lost("download", '<a download href="{}">x</a>'),
    lost("json-ld", '<script type="application/ld+json">{"@type":"Thing","image":"«{self}/t/json-ld.png»"}</script>'),
    kept(
        "form-post",
        '<form method=post action="{}"><button>Go</button></form>',
        may=("skipped", "unclear"),
        status=405,
        why="the server takes what the form sends",
    ),
)

NOT_LINKS: Final = (
    no_link("in-comment", '<!-- <a href="{}">x</a> -->'),
    no_link("in-conditional-comment", '<!--[if IE]> <a href="{}">x</a> <![endif]-->'),
    no_link("in-script", "<script>var x = '<a href=\"{}\">x</a>'</script>", may=("unclear", "skipped")),
    no_link(
        "in-json", '<script type="application/json">{"text": "see {} for more"}</script>', may=("unclear", "skipped")
    ),
    no_link("in-textarea", '<textarea><a href="{}">x</a></textarea>'),
    no_link("in-xmp", '<xmp><a href="{}">x</a></xmp>'),
    no_link("in-title-of", "<p title='<a href=\"{}\">'>x</p>"),
    no_link(
        "in-template",
        '<template><a href="{}">x</a></template>',
        may=("broken", "unclear"),
        why="nothing uses the template",
    ),
    no_link("in-style-comment", "<style>/* p { background: url({}) } */</style>"),
    no_link("in-css-string", '<style>p::after { content: "url({})" }</style>'),
    no_link("as-text", "<p>see {} for more"),
    no_link("as-code", '<pre>&lt;a href="{}"&gt;</pre>'),
    no_link("in-end-tag", '<p>x</p href="{}">'),
    no_link("second-attribute", '<a href="/t/ok" href="{}">x</a>', why="the first attribute counts"),
    no_link("href-of-p", '<p href="{}">x</p>'),
    no_link("src-of-a", '<a src="{}">x</a>'),
    no_link("preconnect", '<link rel=preconnect href="{}">', why="names a host, no file"),
    no_link("dns-prefetch", '<link rel=dns-prefetch href="{}">'),
    no_link("itemtype", '<p itemscope itemtype="«{self}/t/itemtype»">x</p>', why="a name, no link"),
    no_link("rdf-type", '<p typeof="«{self}/t/rdf-type»" vocab="{self}/">x</p>', why="the same"),
    no_link("doctype", '<!DOCTYPE html SYSTEM "{}">'),
    no_link("no-rel", '<link href="{}">', why="without rel it is no link", may=("broken",)),
    Row(name="mailto", markup='<a href="«mailto:someone@example.org?subject=/t/mailto»">x</a>', status=0),
    Row(name="tel", markup='<a href="«tel:+31-20-1234567»">x</a>', status=0),
    Row(name="sms", markup='<a href="«sms:+31201234567»">x</a>', status=0),
    Row(name="javascript", markup="<a href=\"«javascript:open('/t/javascript')»\">x</a>", status=0, may=("unclear",)),
    Row(name="data", markup='<img alt="" src="«data:image/gif;base64,R0lGODlhAQABAAAAACw=»">', status=0),
    Row(name="about", markup='<a href="«about:blank»">x</a>', status=0),
    Row(name="geo", markup='<a href="«geo:52.36,4.89»">x</a>', status=0),
    Row(name="custom-scheme", markup='<a href="«web+thing://t/custom-scheme»">x</a>', status=0),
    Row(name="empty-href", markup='<a href="«»">x</a>', status=0, why="the page itself"),
    Row(name="hash", markup='<a href="«#»">x</a>', status=0, why="the top of the page"),
    Row(name="hash-top", markup='<a href="«#top»">x</a>', status=0, why="the same"),
)

STYLES: Final = (
    lost("style-attribute", "<p style=\"color: red; background: url('{}')\">x</p>", ".png"),
    lost("style-entity", '<p style="background: url(&quot;{}&quot;)">x</p>', ".png"),
    lost("style-element", "<style>p { background: url({}) }</style>", ".png"),
    lost("style-import", '<style>@import "{}";</style>', ".css"),
    lost("style-image-set", '<style>p { background: image-set("{}" 1x) }</style>', ".png"),
    kept("style-ok", "<style>p { background: url({}) }</style>", ".png"),
    kept(
        "style-escaped",
        r"<style>p { background: url(«/t/style-\65 scaped.png») }</style>",
        target="/t/style-escaped.png",
    ),
    kept(
        "style-fragment",
        "<style>p { filter: url(«#style-fragment») }</style><svg><filter id=style-fragment></filter></svg>",
        status=0,
    ),
)

CSS_FILE: Final = (
    lost("css-import", '@import url("{}");', ".css"),
    lost("css-url", "p { background: url( {} ) }", ".png"),
    lost("css-font", '@font-face { font-family: x; src: url("{}") format("woff2") }', ".woff2"),
    lost("css-relative", "b { background: url(«../t/css-relative.png») }", why="relative to the style sheet"),
    no_link("css-comment", "/* i { background: url({}) } */"),
    no_link("css-string", 'i::after { content: "url({})" }'),
    kept("css-ok", "i { background: url({}) }", ".png"),
)

LINK_HEADER: Final = lost("link-header", "<{}>; rel=preload; as=image", ".png")
REFRESH_HEADER: Final = lost("refresh-header", "9; url={}")
META_REFRESH: Final = lost("meta-refresh", '<meta http-equiv=refresh content="9; url={}">')
CANONICAL: Final = lost("canonical", '<link rel=canonical href="{}">')
ROBOTS_SITEMAP: Final = lost("robots-sitemap", "Sitemap: «{self}/t/robots-sitemap.xml»")
SITEMAP: Final = (
    lost("sitemap-gone", "<url><loc>«{self}/t/sitemap-gone»</loc></url>"),
    kept("sitemap-linked", "<url><loc>«{self}/t/ok»</loc></url>", target="/t/ok", status=0),
    kept("orphan", "<url><loc>«{self}/t/orphan»</loc></url>", kinds=("orphan",), why="only the sitemap names it"),
)
MANIFEST: Final = (lost("manifest-icon", json.dumps({"icons": [{"src": "{}"}]}), ".png"),)
FEED: Final = (lost("feed-entry", '<entry><title>x</title><link href="{}"/></entry>'),)
BASED: Final = (
    lost("base-gone", '<a href="«base-gone»">x</a>', why="relative to <base>"),
    kept("base-ok", '<a href="«base-ok»">x</a>'),
    Row(
        name="base-fragment",
        markup='<a href="«#base-fragment»">x</a>',
        kinds=("fragment",),
        target="/t/#base-fragment",
        why="with <base>, this leads to another page, which lacks it",
        also={"/t/": Page(200, {"Content-Type": HTML}, b"<title>Base</title>")},
    ),
)
SAME: Final = (
    Row(name="same-missing", markup='<a href="«#same-missing»">x</a>', kinds=("fragment",)),
    Row(name="same-missing-by-path", markup='<a href="«same.html#same-missing-by-path»">x</a>', kinds=("fragment",)),
    Row(name="same-here", markup='<a id=same-here href="«#same-here»">x</a>'),
    Row(
        name="same-later",
        markup='<a href="«?#same-later»">x</a><p id=same-later>',
        may=("duplicate",),
        also={"/p/same.html?": Page(200, {"Content-Type": HTML}, b"<title>Same</title><p id=same-later>")},
    ),
)

_TEXT: Final = b" ".join(b"word%d" % number for number in range(80))
_COPY: Final = b"<!DOCTYPE html>\n<title>Copy</title>\n<link rel=canonical href=/t/copy-one>\n<p>and " + _TEXT
_TWICE: Final = b"<!DOCTYPE html>\n<title>Twice</title>\n<p>" + _TEXT
OTHERS: Final = (
    kept("twice-one", '<a href="{}">x</a>', may=("duplicate",), serves=Page(200, {"Content-Type": HTML}, _TWICE)),
    kept("twice-two", '<a href="{}">x</a>', kinds=("duplicate",), serves=Page(200, {"Content-Type": HTML}, _TWICE)),
    kept("copy-one", '<a href="{}">x</a>', serves=Page(200, {"Content-Type": HTML}, _COPY)),
    kept(
        "copy-two", '<a href="{}">x</a>', serves=Page(200, {"Content-Type": HTML}, _COPY), why="it names its original"
    ),
    kept("robots-forbidden", '<a href="{}">x</a>', kinds=("skipped",), why="robots.txt forbids it"),
)

NOWHERE: Final = "http://plain.invalid"


def plain(name: str, markup: str, **more: Any) -> Row:
    """A row of a page that came by https, whose target is plain http on a host that nobody has."""
    given: dict[str, Any] = {"kinds": ("mixed",), "status": None, "may": ("broken", "unclear", "skipped"), **more}
    return Row(name=name, markup=markup.replace("{}", f"«{NOWHERE}/t/{name}»"), **given)


def not_mixed(name: str, markup: str) -> Row:
    return plain(name, markup, kinds=())


MIXED: Final = (
    plain("mixed-script", "<script src='{}'></script>", why="active: browsers refuse it"),
    plain("mixed-style", "<link rel=stylesheet href='{}'>"),
    plain("mixed-iframe", "<iframe title=x src='{}'></iframe>"),
    plain("mixed-object", "<object data='{}'></object>"),
    plain("mixed-css", "<style>p { background: url({}) }</style>"),
    plain("mixed-font", "<style>@font-face { font-family: x; src: url({}) }</style>"),
    plain("mixed-img", "<img alt='' src='{}'>", why="passive: browsers try https instead, or show it with a warning"),
    plain("mixed-srcset", "<img alt='' srcset='{} 2x'>"),
    plain("mixed-video", "<video src='{}'></video>"),
    plain("mixed-form", "<form action='{}'><button>Go</button></form>", why="browsers warn of it"),
    not_mixed("mixed-a", "<a href='{}'>x</a>"),
    not_mixed("mixed-canonical", "<link rel=canonical href='{}'>"),
    not_mixed("mixed-comment", "<!-- <img src='{}'> -->"),
    not_mixed("mixed-cite", "<q cite='{}'>x</q>"),
)
UPGRADED: Final = (not_mixed("mixed-upgraded", "<img alt='' src='{}'>"),)
