"""URLs inside of values: which characters of an attribute, a style or a script are a URL.

Enters: a value as text. Leaves: `Span`s in their order. Both who reads references and who rewrites them look here, so they
can't disagree. Never here: elements, bases, or an opinion on what is fetched.
"""

import html
import json
import re
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from html.entities import html5
from typing import Final, NamedTuple
from urllib.parse import unquote

from mirror.core.url import media_types


class Kind(StrEnum):
    """What a reference is to its document."""

    PAGE = "page"  # leads a reader to another document
    CANONICAL = "canonical"  # a page: the one that this one says that it is
    FRAME = "frame"  # is a document shown inside of this one
    REQUISITE = "requisite"  # is needed to show this one: picture, style, script, font, media
    FEED = "feed"  # lists pages for readers: RSS, Atom
    SITEMAP = "sitemap"  # lists pages for robots
    REDIRECT = "redirect"  # stands in for this one
    NEVER = "never"  # is never fetched: a form's action, a server to connect to; it only has to stay right
    NOFOLLOW = "nofollow"  # a page or a feed, but this one asks robots not to follow its links
    UNENDORSED = "unendorsed"  # a page, by a link with rel=nofollow


class Span(NamedTuple):
    """The URL at `value[start:end]`; `url` is what it says once the value's own escapes are read."""

    start: int
    end: int
    url: str
    kind: Kind
    guess: bool = False
    quoting: str = ""  # the syntax around it: "css", "json", "script", "javascript", "xml" or none


_WHITESPACE: Final = " \t\n\r\f"  # what HTML and CSS take for it; Python's \s has characters that belong to a URL
_WS: Final = r"[ \t\n\r\f]"
_LIST_URL = re.compile(r"[^ \t\n\r\f]+")
_SRCSET_URL = re.compile(r"[ \t\n\r\f,]*+([^ \t\n\r\f]++)")
_SRCSET_DESCRIPTORS = re.compile(r"(?:[^(,]++|\([^)]*+\)?)*+")
_REFRESH = re.compile(
    rf"{_WS}*+[0-9.]++(?:{_WS}*+[;,]|{_WS}){_WS}*+(?:url{_WS}*+={_WS}*+)?+(?:\"([^\"]*+)|'([^']*+)|(.++))",
    re.IGNORECASE | re.DOTALL,
)
_TASK_URL = re.compile(rf"(?:^|;){_WS}*+(action|icon)-uri{_WS}*+=([^;]*+)", re.IGNORECASE)

_CHARACTER = re.compile(r"&(?:#([0-9]+);?|#[xX]([0-9a-fA-F]+);?|([A-Za-z][A-Za-z0-9]*;?))")
_LONGEST_BARE: Final = max(len(name) for name in html5 if not name.endswith(";"))
_WINDOWS_1252: Final = {c: bytes([c]).decode("cp1252", "ignore") or chr(c) for c in range(0x80, 0xA0)}

_CSS_ESCAPE = re.compile(rf"\\(?:([0-9a-fA-F]{{1,6}})(?:\r\n|{_WS})?|(\r\n|[\n\r\f])|(.))", re.DOTALL)
_LINE_END: Final = r"(?:\r\n|[\n\r\f])"
_ESCAPE: Final = rf"\\(?:[0-9a-fA-F]{{1,6}}(?:\r\n|{_WS})?+|[^0-9a-fA-F\n\r\f])"
_NAME: Final = rf"(?:[\w\-\u0080-\U0010ffff]|{_ESCAPE})++"
_CSS = re.compile(
    rf"""(?:[^\w\-\u0080-\U0010ffff\\"'()/@;{{}}<]++|<(?:!--)?+|{_NAME}(?!\()|/(?!\*)|\\(?=[\n\r\f]|\Z))*+  # nothing to see
    (?: /\*.*?(?:\*/|\Z)                                       # a comment
      | @(?P<rule>{_NAME}|)
      | (?P<function>{_NAME}|)\(
      | (?P<close>\))
      | (?P<end>[;{{}}])
      | "(?P<double>(?:[^"\\\n\r\f]++|{_ESCAPE}|\\{_LINE_END})*+)(?:"|\\?\Z)
      | '(?P<single>(?:[^'\\\n\r\f]++|{_ESCAPE}|\\{_LINE_END})*+)(?:'|\\?\Z)
      | ["'](?:[^\\\n\r\f]++|{_ESCAPE}|\\{_LINE_END})*+       # a string that its line doesn't end
    )""",
    re.VERBOSE | re.DOTALL,
)
_CSS_BARE = re.compile(
    rf"""{_WS}*+(?!["'])(?P<url>(?:[^\x01-\x20\x7f"'()\\]++|{_ESCAPE})*+){_WS}*+(?P<bad>(?:[^)\\]++|\\.?)*+)\)?""",
    re.DOTALL,
)
_CSS_URL_FUNCTIONS: Final = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
_CSS_NAMING_RULES: Final = frozenset({"charset", "namespace", "document", "-moz-document"})

_JSON_URL = re.compile(r'"(src|start_url|url)"\s*:\s*"((?:[^"\\]++|\\.)*+)"')
_JSON_KINDS: Final = {"src": Kind.REQUISITE, "start_url": Kind.PAGE, "url": Kind.PAGE}

PAGE_EXTENSIONS: Final = frozenset({"html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "cgi"})
_KNOWN_EXTENSIONS: Final = frozenset(media_types.EXTENSION_TYPES) | PAGE_EXTENSIONS | {"txt", "csv", "md"}
_JS_LOADERS: Final = (
    r"\bimport\s*\(\s*|\bimport\s*|\bfrom\s*|\bimportScripts\s*\(\s*|\bfetch\s*\(\s*|\b(?:Shared)?Worker\s*\(\s*"
    r"|\bURL\s*\(\s*|\bregister\s*\(\s*|\.(?:src|href)\s*=\s*|\bopen\s*\(\s*|\blocation\s*=\s*"
)
_JS_IMPORTERS: Final = ("import", "from")
_JS_LITERAL = re.compile(  # the quote behind it is not consumed: what looks like an end may be a beginning
    rf"""(?P<line>^[ \t]*+//.*+) | (?P<block>(?<![^\s;,=(){{}}])/\*)
      | (?P<loader>{_JS_LOADERS})?(?<!\\)(?<!(?<!\*)/)(?P<quote>["'`])(?P<url>[\w\-./~%@:,+=&?\#!\\]++)(?=(?P=quote))""",
    re.MULTILINE | re.VERBOSE,
)
_JS_ABSOLUTE = re.compile(r"/[\w~%.@\-]|//[\w\-]+\.[\w.\-]+(?::\d+)?/|https?://[\w.\-]+")
_JS_LOCAL = re.compile(r"\.{1,2}/|[\w~%@\-][\w~%@.\-]*/")
_ABSOLUTE: Final = r"""(?:https?:)?(?:\\?/){2}[A-Za-z0-9\[](?:[^"'`\s<>{}|^$\\]|\\/|\\u0026)*+"""
_ABSOLUTE_LITERAL = re.compile(
    rf"""(?P<quote>["'`])(?:(?P<url>{_ABSOLUTE})|url\((?P<css>{_ABSOLUTE.replace('"', '"()')})\))(?P=quote)(?P<key>\s*+:)?""",
    re.IGNORECASE,
)
_NAMESPACE = re.compile(r"https?://(?:www\.w3\.org/(?:[0-9]{4}|XML)/|schema\.org(?:/|\Z))")
"""What looks like a URL and is a name."""
_JS_NAME = re.compile(r"[\w~%@\-.]")


def url_spans(value: str, kind: Kind) -> Iterator[Span]:
    """The whole value is one URL, white space around it aside."""
    stripped = value.strip(_WHITESPACE)
    if not stripped:
        return iter(())
    start = value.index(stripped)
    return iter((Span(start, start + len(stripped), stripped, kind),))


def list_spans(value: str, kind: Kind) -> Iterator[Span]:
    """URLs with white space between them (`ping`, `archive`)."""
    return (Span(m.start(), m.end(), m[0], kind) for m in _LIST_URL.finditer(value))


def resource_spans(value: str, kind: Kind) -> Iterator[Span]:
    """The whole value is one URL; a fragment alone means this document, whatever its base is (SVG 2, 16.1.1)."""
    return iter(()) if value.lstrip(_WHITESPACE).startswith("#") else url_spans(value, kind)


def srcset_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Image candidates: URLs, each with descriptors behind it (WHATWG HTML 4.8.4.3.10)."""
    position = 0
    while match := _SRCSET_URL.match(value, position):
        url = match[1].rstrip(",")
        if url:
            yield Span(match.start(1), match.start(1) + len(url), url, kind)
        position = match.end()
        if url == match[1]:
            descriptors = _SRCSET_DESCRIPTORS.match(value, position)
            position = descriptors.end() if descriptors else position


def refresh_spans(value: str, kind: Kind) -> Iterator[Span]:
    """The URL of a `Refresh` header or meta element (WHATWG HTML 4.2.5.3)."""
    match = _REFRESH.match(value)
    if match and match.lastindex:
        yield from _shifted(url_spans(match[match.lastindex], kind), match.start(match.lastindex))


def is_task(value: str) -> bool:
    """Whether a value is the one of `msapplication-task`."""
    return bool(_TASK_URL.search(value))


def task_spans(value: str, _: Kind | None = None) -> Iterator[Span]:
    """`name=Search;action-uri=/search;icon-uri=/search.ico`: a place to go to, which nobody follows, and its icon."""
    for match in _TASK_URL.finditer(value):
        kind = Kind.REQUISITE if match[1].lower() == "icon" else Kind.NEVER
        yield from _shifted(url_spans(match[2], kind), match.start(2))


def css_spans(value: str, kind: Kind = Kind.REQUISITE) -> Iterator[Span]:
    """`url()`, `@import`, `image-set()` and the like in a style sheet or a list of declarations (CSS Syntax 3).

    References to the document itself (`url(#clip)`) are no references.
    """
    functions: list[str] = []
    rule = ""
    for group, token in _css_tokens(value):
        match group:
            case "rule":
                rule = css_unescaped(token[group]).lower()
            case "function":
                functions.append(css_unescaped(token[group]).lower())
            case "close":
                del functions[-1:]
            case "end":
                rule = ""
                functions.clear()
            case "url" | "double" | "single":
                by_place = functions[-1] in _CSS_URL_FUNCTIONS if functions else rule == "import"
                text = css_unescaped(token[group]).strip(_WHITESPACE)
                wanted = (group == "url" or by_place) and rule not in _CSS_NAMING_RULES
                if wanted and text and not text.startswith("#"):
                    yield Span(token.start(group), token.end(group), text, kind, quoting="css")
                if rule == "import" and not functions:  # what follows are conditions
                    rule = ""


def _css_tokens(value: str) -> Iterator[tuple[str, re.Match[str]]]:
    """The tokens that matter, each with its name: the group that holds its text."""
    position = 0
    if "(" not in value and "@" not in value:
        return
    while token := _CSS.match(value, position):
        position, group = token.end(), token.lastgroup or ""
        is_url = group == "function" and css_unescaped(token[group]).lower() == "url"
        bare = _CSS_BARE.match(value, position) if is_url else None
        if bare is None:
            yield group, token
        else:
            position = bare.end()
            yield "" if bare["bad"] else "url", bare


def css_unescaped(text: str) -> str:
    """What a CSS string or URL says once its escapes are read.

    >>> css_unescaped(r"a\\20 b\\(c")
    'a b(c'
    """
    return _CSS_ESCAPE.sub(_css_character, text) if "\\" in text else text


def css_or_url_spans(value: str, kind: Kind) -> Iterator[Span]:
    """A lazy-loading attribute that holds either a URL or CSS (`data-bg`)."""
    return css_spans(value, kind) if "url(" in value.lower() else url_spans(value, kind)


def json_spans(value: str, kind: Kind | None = None) -> Iterator[Span]:
    """The URLs of a web application manifest: icons, screenshots, shortcuts, start_url (W3C Manifest)."""
    for match in _JSON_URL.finditer(value):
        text = json_unescaped(match[2])
        if text:
            yield Span(match.start(2), match.end(2), text, kind or _JSON_KINDS[match[1]], quoting="json")


def json_unescaped(text: str) -> str:
    """What a JSON string says once its escapes are read; itself where they are none."""
    try:
        return str(json.loads(f'"{text}"', strict=False)) if "\\" in text else text
    except ValueError:
        return text


def script_spans(value: str, _: Kind | None = None) -> Iterator[Span]:
    """String literals of a script that are plainly URLs; each is a guess.

    A literal counts if it begins with a slash and a name, or holds a slash and ends in a known extension, or ends in one and
    stands where a URL is loaded: `import`, `fetch`, `new Worker`, `.src =`. What is imported needs no extension. Which quotes
    belong together nobody asks: what stands between two literals is no URL. Comments are left out where they can be nothing
    else, since what looks like one may be in a literal.
    """
    for match in _js_literals(value):
        text, loader = json_unescaped(match["url"]), match["loader"] or ""
        ext = media_types.extension(re.split(r"[?#]", text, maxsplit=1)[0].rpartition("/")[2]).lower()
        if _is_url(text, loader, known=ext in _KNOWN_EXTENSIONS):
            page = not loader.startswith(_JS_IMPORTERS) and (ext in PAGE_EXTENSIONS or ext not in _KNOWN_EXTENSIONS)
            kind = Kind.PAGE if page else Kind.REQUISITE
            yield Span(match.start("url"), match.end("url"), text, kind, guess=True, quoting="script")


def literal_spans(value: str, *, keys: bool = False) -> Iterator[Span]:
    """String literals of JSON or of a script that are an absolute URL, or CSS's `url()` of one; each is a guess.

    `keys`: those that a colon follows too. Names of namespaces are none.

    >>> [span.url for span in literal_spans('["https://a.example/b", "see https://a.example/", {"https://a.example/": 1}]')]
    ['https://a.example/b']
    """
    for match in _ABSOLUTE_LITERAL.finditer(value):
        name = "css" if match["url"] is None else "url"
        url = json_unescaped(match[name])
        if (keys or not match["key"]) and not _NAMESPACE.match(url):
            yield Span(*match.span(name), url, Kind.NEVER, guess=True, quoting="script")


def _js_literals(value: str) -> Iterator[re.Match[str]]:
    """What may be literals, outside of lines that are comments and of comments that have an end."""
    position, last = 0, value.rfind("*/")
    while match := _JS_LITERAL.search(value, position):
        position = match.end()
        if match["url"]:
            yield match
        elif match["block"] and position <= last:
            position = value.index("*/", position)


def _is_url(text: str, loader: str, *, known: bool) -> bool:
    """Whether a literal is plainly a URL, where it stands; `known`: by its extension it is."""
    if "\\" in text or " " in text or not text.isprintable():
        return False
    if _JS_ABSOLUTE.match(text) or (loader.startswith(_JS_IMPORTERS) and text.startswith(("./", "../"))):
        return True
    return known and bool(_JS_LOCAL.match(text) or (loader and _JS_NAME.match(text) and ":" not in text))


def javascript_url_spans(value: str, kind: Kind) -> Iterator[Span]:
    """A value that is a URL, or a `javascript:` one with URLs in it; its percent-escapes are read before it is a script."""
    if value.lstrip(_WHITESPACE + "\0")[:11].lower() != "javascript:":
        return url_spans(value, kind)
    return (span._replace(url=unquote(span.url), quoting="javascript") for span in script_spans(value))


def html_unescaped(raw: str) -> tuple[str, Callable[[int], int]]:
    """What an attribute's source says, and from a place in that the place in the source (WHATWG HTML 13.2.5.73).

    >>> value, places = html_unescaped("a&amp;b")
    >>> value, places(2)
    ('a&b', 6)
    """
    if "&" not in raw:
        return raw, lambda place: place
    pieces: list[str] = []
    starts: list[int] = []
    position = 0
    for match in _CHARACTER.finditer(raw):
        meant, end = _named(match, raw) if match[3] else (_numbered(match), match.end())
        if meant:
            pieces += [raw[position : match.start()], meant]
            starts += [*range(position, match.start()), *[match.start()] * len(meant)]
            position = end
    pieces.append(raw[position:])
    starts += range(position, len(raw) + 1)
    return "".join(pieces), lambda place: starts[place]


def _named(match: re.Match[str], raw: str) -> tuple[str, int]:
    """The characters of a named reference and its end; none where it is just text, as in `?a&copy=1`."""
    name = match[3]
    if name.endswith(";") and name in html5:
        return html5[name], match.end()
    for length in range(min(len(name), _LONGEST_BARE), 1, -1):
        if name[:length] in html5:
            end = match.start(3) + length
            following = raw[end : end + 1]
            is_text = following == "=" or (following.isascii() and following.isalnum())
            return ("" if is_text else html5[name[:length]]), end
    return "", match.end()


def _numbered(match: re.Match[str]) -> str:
    digits = (match[1] or match[2]).lstrip("0")
    code = int(digits or "0", 10 if match[1] else 16) if len(digits) <= len(str(sys.maxunicode)) else 0
    return _WINDOWS_1252.get(code) or _character(code)


def escaped(url: str, quoting: str) -> str:
    """A URL as it has to be written inside of that syntax; what we make ourselves needs no escape (see `paths.href`).

    >>> escaped("https://example.org/a(b)'", "css")
    "https://example.org/a\\\\(b\\\\)\\\\'"
    """
    if quoting == "css":
        return re.sub(r"([\"'()\\])", r"\\\1", url)
    if quoting == "xml":
        return html.escape(url)
    if quoting == "javascript":
        return escaped(url, "script").replace("%", "%25")
    return url.replace("\\", "\\\\").replace('"', '\\"') if quoting in {"json", "script"} else url


def _shifted(spans: Iterator[Span], by: int) -> Iterator[Span]:
    return (span._replace(start=span.start + by, end=span.end + by) for span in spans)


def _css_character(match: re.Match[str]) -> str:
    return _character(int(match[1], 16)) if match[1] else match[3] or ""


def _character(code: int) -> str:
    character = chr(code) if 0 < code <= sys.maxunicode else "\ufffd"
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character
