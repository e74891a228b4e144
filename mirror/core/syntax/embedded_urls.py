"""Finds URLs in values: which characters of an attribute, a style or a script are a URL.

Input: a value as text. Output: `Span`s in their order. Reading and rewriting both use these functions, so they can't disagree.
This module knows no elements and no bases, and doesn't decide what to fetch.
"""

import html
import json
import re
import sys
from collections.abc import Callable, Iterator
from html.entities import html5
from typing import Final, NamedTuple
from urllib.parse import unquote

from mirror.core.syntax.reference import Kind
from mirror.core.url import media_types


class Span(NamedTuple):
    """The URL at `value[start:end]`; `url` is that text with the escapes of its syntax decoded."""

    start: int
    end: int
    url: str
    kind: Kind
    guess: bool = False
    quoting: str = ""  # the syntax around the URL: "css", "json", "script", "javascript", "xml", or "" for none


_WHITESPACE: Final = " \t\n\r\f"  # of HTML and CSS; Python's \s matches characters that may be part of a URL
_WS: Final = r"[ \t\n\r\f]"
_LIST_URL = re.compile(r"[^ \t\n\r\f]+")
_APPLET_URL = re.compile(r"[^ \t\n\r\f,]+")
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
    rf"""(?:[^\w\-\u0080-\U0010ffff\\"'()/@;{{}}<]++|<(?:!--)?+|{_NAME}(?!\()|/(?!\*)|\\(?=[\n\r\f]|\Z))*+  # skipped
    (?: /\*.*?(?:\*/|\Z)                                       # a comment
      | @(?P<rule>{_NAME}|)
      | (?P<function>{_NAME}|)\(
      | (?P<close>\))
      | (?P<end>[;{{}}])
      | "(?P<double>(?:[^"\\\n\r\f]++|{_ESCAPE}|\\{_LINE_END})*+)(?:"|\\?\Z)
      | '(?P<single>(?:[^'\\\n\r\f]++|{_ESCAPE}|\\{_LINE_END})*+)(?:'|\\?\Z)
      | ["'](?:[^\\\n\r\f]++|{_ESCAPE}|\\{_LINE_END})*+       # a string without an end on its line
    )""",
    re.VERBOSE | re.DOTALL,
)
_CSS_BARE = re.compile(
    rf"""{_WS}*+(?!["'])(?P<url>(?:[^\x01-\x20\x7f"'()\\]++|{_ESCAPE})*+){_WS}*+(?P<bad>(?:[^)\\]++|\\.?)*+)\)?""",
    re.DOTALL,
)
_CSS_URL_FUNCTIONS: Final = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
_CSS_NAMING_RULES: Final = frozenset({"charset", "namespace", "document", "-moz-document"})

_JSON_URL = re.compile(r'"(src|start_url|url|uri)"\s*:\s*"((?:[^"\\]++|\\.)*+)"')
_JSON_KINDS: Final = {"src": Kind.REQUISITE, "uri": Kind.REQUISITE, "start_url": Kind.PAGE, "url": Kind.PAGE}

PAGE_EXTENSIONS: Final = frozenset({"html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "cgi"})
_KNOWN_EXTENSIONS: Final = frozenset(media_types.EXTENSION_TYPES) | PAGE_EXTENSIONS | {"txt", "csv", "md"}
JS_LOADERS: Final = (
    r"\bimport\s*\(\s*|\bimport\s*|\bfrom\s*|\bimportScripts\s*\(\s*|\bfetch\s*\(\s*|\b(?:Shared)?Worker\s*\(\s*"
    r"|\bURL\s*\(\s*|\bregister\s*\(\s*|\.(?:src|href)\s*=\s*|\bopen\s*\(\s*|\blocation\s*=\s*"
)
_JS_IMPORTERS: Final = ("import", "from")
_JS_LOADER = re.compile(rf"(?:{JS_LOADERS})\Z")
_LONGEST_LOADER: Final = len("importScripts")
_JS_MARK = re.compile(  # it begins with a set of characters, so that a search is fast
    r"""(?P<mark>["'`/])(?: (?<=/)(?: (?P<line>/) | (?P<block>(?<![^\s;,=(){}]/)\*) )
      | (?<!/)(?<!\\.)(?<!(?<!\*)/.)(?P<url>[\w\-./~%@:,+=&?\#!\\]++)(?=(?P=mark)) )""",
    re.VERBOSE,
)
"""The beginning of a comment, or a literal up to its closing quote: what looks like an end may be a beginning."""

_MAY_BE_URL = re.compile(r"[./\\]").search
_JS_ABSOLUTE = re.compile(r"/[\w~%.@\-]|//[\w\-]+\.[\w.\-]+(?::\d+)?/|https?://[\w.\-]+")
_JS_LOCAL = re.compile(r"\.{1,2}/|[\w~%@\-][\w~%@.\-]*/")
_ABSOLUTE: Final = r"""(?:https?:)?(?:\\?/){2}[A-Za-z0-9\[](?:[^"'`\s<>{}|^$\\]|\\/|\\u0026)*+"""
_ABSOLUTE_LITERAL = re.compile(  # a quote behind a backslash is one of HTML in a string
    rf"""(?P<quote>\\?["'`]|\\u0022)
    (?:(?P<set>{_ABSOLUTE}\s+[\d.]+[wx](?:\s*,\s*{_ABSOLUTE}(?:\s+[\d.]+[wx])?)*+)
    |(?P<url>{_ABSOLUTE})|url\((?P<css>{_ABSOLUTE.replace('"', '"()')})\))
    (?P=quote)(?P<key>\s*+:)?""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_SET = re.compile(_ABSOLUTE, re.IGNORECASE)
_NAMESPACE = re.compile(r"https?://(?:www\.w3\.org/(?:[0-9]{4}|XML)/|schema\.org(?:/|\Z))")
"""What looks like a URL but is a name."""
_JS_NAME = re.compile(r"[\w~%@\-.]")


def url_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read a value that is one URL, white space around it aside."""
    stripped = value.strip(_WHITESPACE)
    if not stripped:
        return iter(())
    start = value.index(stripped)
    return iter((Span(start, start + len(stripped), stripped, kind),))


def list_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read URLs separated by white space (`ping`, `archive`)."""
    return (Span(m.start(), m.end(), m[0], kind) for m in _LIST_URL.finditer(value))


def applet_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read URLs separated by commas, and white space around them (the `archive` of an `<applet>`)."""
    return (Span(m.start(), m.end(), m[0], kind) for m in _APPLET_URL.finditer(value))


def resource_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read a value that is one URL. A fragment alone refers to this document, regardless of its base (SVG 2, 16.1.1)."""
    return iter(()) if value.lstrip(_WHITESPACE).startswith("#") else url_spans(value, kind)


def srcset_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read image candidates: URLs, each followed by descriptors (WHATWG HTML 4.8.4.3.10)."""
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
    """Read the URL of a `Refresh` header or meta element (WHATWG HTML 4.2.5.3)."""
    match = _REFRESH.match(value)
    if match and match.lastindex:
        yield from _shifted(url_spans(match[match.lastindex], kind), match.start(match.lastindex))


def is_task(value: str) -> bool:
    """Whether a value is that of `msapplication-task`."""
    return bool(_TASK_URL.search(value))


def task_spans(value: str, _: Kind | None = None) -> Iterator[Span]:
    """Read a task, `name=Search;action-uri=/search;icon-uri=/search.ico`: a URL that is never followed, and its icon."""
    for match in _TASK_URL.finditer(value):
        kind = Kind.REQUISITE if match[1].lower() == "icon" else Kind.NEVER
        yield from _shifted(url_spans(match[2], kind), match.start(2))


def css_spans(value: str, kind: Kind = Kind.REQUISITE) -> Iterator[Span]:
    """Read `url()`, `@import`, `image-set()` and the like in a style sheet or a list of declarations (CSS Syntax 3).

    URLs that are a fragment alone, as `url(#clip)`, refer to the document itself and are left out.
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
                if rule == "import" and not functions:  # conditions follow
                    rule = ""


def _css_tokens(value: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Return the tokens that matter, each with its name: the group that holds its text."""
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
    """Decode the escapes of a CSS string or URL.

    >>> css_unescaped(r"a\\20 b\\(c")
    'a b(c'
    """
    return _CSS_ESCAPE.sub(_css_character, text) if "\\" in text else text


def css_or_url_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read an attribute for lazy loading that holds either a URL or CSS (`data-bg`)."""
    return css_spans(value, kind) if "url(" in value.lower() else url_spans(value, kind)


def json_spans(value: str, kind: Kind | None = None) -> Iterator[Span]:
    """Read the URLs of a web application manifest: icons, screenshots, shortcuts, start_url (W3C Manifest).

    Also those of a glTF model: its buffers and images (glTF 2.0, 5.8.3 and 5.18.1).
    """
    for match in _JSON_URL.finditer(value):
        text = json_unescaped(match[2])
        if text:
            yield Span(match.start(2), match.end(2), text, kind or _JSON_KINDS[match[1]], quoting="json")


def json_unescaped(text: str) -> str:
    """Decode the escapes of a JSON string. A text with invalid escapes stays as it is."""
    try:
        return str(json.loads(f'"{text}"', strict=False)) if "\\" in text else text
    except ValueError:
        return text


def handler_spans(value: str) -> Iterator[Span]:
    """Read an event handler or a `javascript:` URL. It is short, and what it names, it shows: a name alone is a URL, too.

    >>> [span.url for span in handler_spans("pop('big1.html'); note('e.g.', 'a.b')")]
    ['big1.html']
    """
    return script_spans(value, names=True)


def script_spans(value: str, _: Kind | None = None, *, names: bool = False) -> Iterator[Span]:
    """Read the string literals of a script that are plainly URLs; each is a guess.

    A literal counts if it begins with a slash and a name; if it contains a slash and ends in a known extension; or if it ends
    in one and is at a place where a script loads a URL: `import`, `fetch`, `new Worker`, `.src =`; with `names`, at any place.
    The name of a playlist counts at any place. An import needs no extension. Quotes are not paired, because the text between
    two literals is never a URL. Comments are skipped only where they can be nothing else, because a literal may contain what
    looks like one.
    """
    for start, end, loader in js_literals(value):
        text = json_unescaped(value[start:end])
        ext = media_types.extension(re.split(r"[?#]", text, maxsplit=1)[0].rpartition("/")[2]).lower()
        if _is_url(text, loader or "=" * names, ext):
            page = not loader.startswith(_JS_IMPORTERS) and (ext in PAGE_EXTENSIONS or ext not in _KNOWN_EXTENSIONS)
            kind = Kind.PAGE if page else Kind.REQUISITE
            yield Span(start, end, text, kind, guess=True, quoting="script")


def literal_spans(value: str, *, keys: bool = False) -> Iterator[Span]:
    """Read the string literals of JSON or a script that are an absolute URL, a srcset or `url()` with some; each is a guess.

    `keys`: include literals that a colon follows. Names of namespaces are left out.

    >>> [span.url for span in literal_spans('["https://a.example/b", "see https://a.example/", {"https://a.example/": 1}]')]
    ['https://a.example/b']
    """
    for match in _ABSOLUTE_LITERAL.finditer(value):
        if match["set"]:
            for one in _OF_SET.finditer(value, *match.span("set")):
                yield Span(*one.span(), json_unescaped(one[0]), Kind.NEVER, guess=True, quoting="script")
            continue
        name = "css" if match["url"] is None else "url"
        url = json_unescaped(match[name])
        if (keys or not match["key"]) and not _NAMESPACE.match(url):
            yield Span(*match.span(name), url, Kind.NEVER, guess=True, quoting="script")


def js_literals(value: str) -> Iterator[tuple[int, int, str]]:
    """Return the places of literals that may be a URL, and the code in front of each that loads it.

    Lines that are comments are left out, and block comments that have an end.
    """
    position = begin = 0  # `position`: the end of what was read last
    last = value.rfind("*/")
    while match := _JS_MARK.search(value, begin):
        begin = match.end()
        if match["url"]:
            start, end = match.span("url")
            if _MAY_BE_URL(value, start, end):
                yield start, end, _loader(value, position, start - 1)
        elif match["block"]:
            begin = value.index("*/", begin) if begin <= last else begin
        elif _is_line_start(value, position, match.start()):
            begin = value.find("\n", begin)
            if begin < 0:
                return
        else:
            begin -= 1  # a block comment may begin with the second slash
            continue
        position = begin


def _is_line_start(value: str, first: int, end: int) -> bool:
    """Whether there are only blanks between the beginning of a line, which is not before `first`, and `end`."""
    while end > first and value[end - 1] in " \t":
        end -= 1
    return end == 0 or value[end - 1] == "\n"


def _loader(value: str, first: int, end: int) -> str:
    """Return the code directly in front of `end` that loads a URL, "" if there is none. It does not begin before `first`."""
    name = len(value[first:end].rstrip()) + first
    if name > first and value[name - 1] in "(=":
        name = len(value[first : name - 1].rstrip()) + first
    found = _JS_LOADER.search(value, max(first, name - _LONGEST_LOADER), end)
    return found[0] if found else ""


def _is_url(text: str, loader: str, ext: str) -> bool:
    """Whether a literal is plainly a URL. `loader` is the code in front of it, and `ext` its extension."""
    known = ext in _KNOWN_EXTENSIONS
    if "\\" in text or " " in text or not text.isprintable():
        return False
    if ext in media_types.PLAYLISTS and _JS_NAME.match(text) and ":" not in text:
        return True
    if _JS_ABSOLUTE.match(text) or (loader.startswith(_JS_IMPORTERS) and text.startswith(("./", "../"))):
        return True
    return known and bool(_JS_LOCAL.match(text) or (loader and _JS_NAME.match(text) and ":" not in text))


def javascript_url_spans(value: str, kind: Kind) -> Iterator[Span]:
    """Read a value that is a URL. If it is a `javascript:` one, read the URLs in the script, their percent-escapes decoded."""
    if value.lstrip(_WHITESPACE + "\0")[:11].lower() != "javascript:":
        return url_spans(value, kind)
    return (span._replace(url=unquote(span.url), quoting="javascript") for span in handler_spans(value))


def html_unescaped(raw: str) -> tuple[str, Callable[[int], int]]:
    """Decode the character references of an attribute's source (WHATWG HTML 13.2.5.73).

    The second result maps a position in the decoded text to the position in the source.

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
        characters, end = _named(match, raw) if match[3] else (_numbered(match), match.end())
        if characters:
            pieces += [raw[position : match.start()], characters]
            starts += [*range(position, match.start()), *[match.start()] * len(characters)]
            position = end
    pieces.append(raw[position:])
    starts += range(position, len(raw) + 1)
    return "".join(pieces), lambda place: starts[place]


def _named(match: re.Match[str], raw: str) -> tuple[str, int]:
    """Return the characters of a named reference, and its end; no characters if it is plain text, as in `?a&copy=1`."""
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
    """Escape a URL for the syntax around it. References from `local_paths.href` never need an escape.

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
