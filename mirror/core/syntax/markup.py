"""HTML and XML as lxml reads them, corrected where a library and browsers disagree.

Input: a document as text, however broken. Output: its tags and texts, reported to a `Target`, or a tree of XML. This module
doesn't know what a URL is.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar, cast

from lxml import etree

Attributes = Mapping[str, str]
"""Name, in lower case, -> value."""

BODY: Final = re.compile(r"<(b)o(dy)(?=[ \t\n\r\f/>])", re.IGNORECASE)
BODY_AGAIN: Final = "b0dy"
"""The name that `<body>` tags get before parsing. A parser doesn't report a `<body>` tag if a body is open already, or was
implied; but a browser adds the attributes of such a tag to the body (WHATWG HTML 13.2.6.4.7). Under another name, of the same
length, the tag is reported like any element."""

_BODY_OR_SVG: Final = re.compile(r"<(?:(?P<b>[bB])[oO](?P<dy>[dD][yY])(?=[ \t\n\r\f/>])|svg|SVG)")
DEEPEST: Final = 512
"""The number of open elements up to which lxml reads HTML. Chromium nests no deeper."""

_BLOCK: Final = 1 << 16
_MANY: Final = 100
COMMON: Final = frozenset({"class", "id", "title", "alt", "name", "type", "width", "height", "lang", "role"})
"""Common attributes that never hold a URL: they are not looked up in the tables."""

FALLBACKS: Final = frozenset({"noembed", "noframes"})
"""Elements whose text is a document, for browsers without frames or plug-ins. To parsers it is raw text; often it has links."""

_UNREADABLE: Final = re.compile("[\0\ud800-\udfff]")
_UNKNOWN: Final = "\ufffd".encode()
_XSLT_ROOT: Final = re.compile(r"<[^<>]*?=\s*[\"']http://www\.w3\.org/1999/XSL/Transform[\"']")
_BARE_AMPERSAND: Final = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|(?P<bare>&(?!#?[A-Za-z0-9_.:\-]++;))", re.DOTALL
)
_PROLOG: Final = re.compile(
    r"""[\s\ufeff]++ | <!--.*?--> | <\?xml-stylesheet\s(?P<sheet>.*?)\?> | <\?.*?\?>
      | <!DOCTYPE(?:[^\[>"']++|"[^"]*+"|'[^']*+')*+(?:\[.*?\]\s*+)?>""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
NOSCRIPT: Final = re.compile(r"(?<=<)noscript(?=[\s/>])|(?<=</)noscript(?=[\s/>])", re.IGNORECASE)
"""Tags of `<noscript>`, which turbohtml's tokenizer takes for the beginning of raw text."""

NO_SCRIPT: Final = "n0script"
"""The name under which it reads them as elements. It is as long."""

_SELF_CLOSED: Final = re.compile(
    r"""<(?P<name>style|script)(?=[\s/])(?:[^<>"'/]++|"[^"]*+"|'[^']*+'|/(?!>))*+
        (?:(?<=[\s"'])|(?<=<style)|(?<=<script))/>""",
    re.IGNORECASE | re.VERBOSE,
)
"""A style or script whose tag ends with a slash. `src=a/>` doesn't: the slash belongs to the value."""

_TITLE_IN_SVG: Final = re.compile(r"<(?:(?P<svg>svg\b)|(?P<end>/svg\b)|(?P<slash>/?)title(?=[\s/>]))", re.IGNORECASE)
_SVG: Final = re.compile(r"<svg\b", re.IGNORECASE)
_TITLE: Final = re.compile(r"</?title(?=[\s/>])", re.IGNORECASE)
SVG_TITLE: Final = "t1tle"
"""The name under which lxml reads the title of an SVG image, whose text may have elements. It takes each title for text."""

_SVG_OR_SELF_CLOSED: Final = re.compile(
    rf"<svg\b | (?P<end></svg\b) | (?P<tag>{_SELF_CLOSED.pattern})", re.IGNORECASE | re.VERBOSE
)


class Target(Protocol):
    """Receives the tags and texts of a document; the interface is that of lxml."""

    def start(self, tag: str, attributes: Attributes, /) -> None: ...
    def data(self, text: str, /) -> None: ...
    def end(self, tag: str, /) -> None: ...


AnyTarget = TypeVar("AnyTarget", bound=Target)


class CountingTarget(Target, Protocol):
    """A target that knows how many elements were open at most."""

    @property
    def deepest(self) -> int: ...


class _Counting:
    """Passes on the calls of lxml, and counts the open elements."""

    def __init__(self, target: Target) -> None:
        self.deepest = 0
        self.data = target.data
        self._target = target
        self._open = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        self._open += 1
        self.deepest = max(self.deepest, self._open)
        self._target.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._open -= 1
        self._target.end(tag)

    def close(self) -> None:
        """Do nothing; lxml requires the method."""


def read_html(text: str, new: Callable[[], AnyTarget]) -> AnyTarget:
    """Report each tag and text of an HTML document to a new target, and return the target.

    libxml2 searches all open elements for each end tag, which a hostile document can make very slow. If more elements are open
    than a browser keeps, another tokenizer reads the document from the beginning.
    """
    text, _ = prepared(text)
    target = new()
    counting = _Counting(target)
    try:
        is_whole = is_read(text, html_parser(counting), counting)
    except etree.LxmlError:
        return target
    return target if is_whole else read_deep_html(text, new())


def read_xml(text: str, new: Callable[[], AnyTarget]) -> AnyTarget | None:
    """Report a document of XHTML to `new()`, names without their namespaces.

    `None` if it is no well-formed XML, or declares entities: a parser with a target would expand them, whatever they are.
    """
    if "<!ENTITY" in text:
        return None
    target = new()
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, target=cast("Any", _OfXml(target))
    )
    try:
        etree.fromstring(_xml_bytes(text), parser)
    except etree.LxmlError:
        return None
    return target


class _OfXml:
    """Passes on what an XML parser reports, with the names that HTML has."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.data = target.data

    def start(self, tag: str, attributes: Attributes) -> None:
        self._target.start(_html_name(tag), {attribute_name(name): value for name, value in attributes.items()})

    def end(self, tag: str) -> None:
        self._target.end(_html_name(tag))

    def close(self) -> None:
        """The parser calls this at the end."""


def _html_name(tag: str) -> str:
    return SVG_TITLE if tag == "{http://www.w3.org/2000/svg}title" else local_name(tag)


def html_parser(target: CountingTarget) -> etree.HTMLParser:
    """Return a parser that reports to a target."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, target=cast("Any", target))
    return cast("etree.HTMLParser", parser)


def is_read(text: str, parser: etree.HTMLParser, target: CountingTarget) -> bool:
    """Have a parser read a document; `False` if the document is too deep. Raises `LxmlError`."""
    payload = utf8(text)
    for start in range(0, len(payload), _BLOCK):
        parser.feed(payload[start : start + _BLOCK])
        if target.deepest > DEEPEST:
            return False
    parser.close()
    return True


def prepared(text: str) -> tuple[str, int]:
    """Mend a document for lxml. Also return how many `<body` were renamed (`BODY_AGAIN`)."""
    renamed = 0
    has_svg = False

    def mended(tag: re.Match[str]) -> str:
        nonlocal renamed, has_svg
        if not tag["b"]:
            has_svg = True
            return tag[0]
        renamed += 1
        return f"<{tag['b']}0{tag['dy']}"

    text = _BODY_OR_SVG.sub(mended, text)
    if "/>" in text and _SELF_CLOSED.search(text):
        text = _without_idle_slashes(text)
    return with_svg_titles(text) if has_svg else text, renamed


def read_deep_html(text: str, target: AnyTarget) -> AnyTarget:
    """Do the same with turbohtml's tokenizer, at any depth. It doesn't read `<noscript>` as an element."""
    import turbohtml  # noqa: PLC0415 - rare, and one more library to load before the first request
    from turbohtml import TokenType  # noqa: PLC0415

    opened: Counter[str] = Counter()
    for token in turbohtml.tokenize(NOSCRIPT.sub(NO_SCRIPT, utf8(text).decode())):
        tag = token.tag or ""
        if token.type is TokenType.START_TAG:
            opened[tag] += 1
            target.start(tag, dict(token.attrs or ()))
        elif token.type is TokenType.TEXT:
            target.data(token.data or "")
        if opened[tag] and (token.type is TokenType.END_TAG or token.self_closing):
            opened[tag] -= 1
            target.end(tag)
    return target


def with_svg_titles(text: str) -> str:
    """Rename the titles in SVG for lxml."""
    first = _SVG.search(text)
    if first is None or _TITLE.search(text, first.end()) is None:
        return text
    svgs = 0

    def renamed(tag: re.Match[str]) -> str:
        nonlocal svgs
        if tag["svg"] or tag["end"]:
            svgs = max(svgs + (1 if tag["svg"] else -1), 0)
            return tag[0]
        return f"<{tag['slash']}{SVG_TITLE}" if svgs else tag[0]

    return _TITLE_IN_SVG.sub(renamed, text)


def _without_idle_slashes(text: str) -> str:
    """Rewrite `<style/>` and `<script/>` for lxml, which reads them as empty elements. Outside of SVG they are start tags."""
    svgs = 0

    def mended(tag: re.Match[str]) -> str:
        nonlocal svgs
        if tag["tag"]:
            start = tag["tag"].removesuffix("/>")
            return f"{start}></{tag['name']}>" if svgs > 0 else f"{start}>"
        svgs += -1 if tag["end"] else 1
        return tag[0]

    return _SVG_OR_SELF_CLOSED.sub(mended, text)


def prolog(text: str) -> Iterator[re.Match[str]]:
    """Return the parts before the first element of an XML document: declaration, comments, instructions, DOCTYPE."""
    position = 0
    while match := _PROLOG.match(text, position):
        yield match
        position = match.end()


def is_xslt(text: str) -> bool:
    """Whether an XML document is an XSLT stylesheet: its attributes may be templates, as in `href="{$url}"`."""
    start = max((part.end() for part in prolog(text)), default=0)
    return bool(_XSLT_ROOT.match(text, start))


def local_name(tag: object) -> str:
    """Return an element's name without its namespace, in lower case."""
    return str(tag).rpartition("}")[2].rpartition(":")[2].lower()


def prefix(element: etree._Element) -> str:
    """Return the prefix of an element's name as the document writes it, in lower case; "" if it has none."""
    return (element.prefix or str(element.tag).rpartition("}")[2].rpartition(":")[0]).lower()


def attribute_name(name: object) -> str:
    """Return an attribute's name as the tables spell it: only `xlink:href` has a prefix, whatever the document calls it."""
    namespace, _, local = str(name).rpartition("}")
    return f"xlink:{local}" if namespace and local == "href" else str(name)


def named(element: etree._Element) -> tuple[str, dict[str, str]]:
    """Return an element's name and attributes, as the tables spell them."""
    return local_name(element.tag), {attribute_name(key): value for key, value in _attributes(element)}


def _attributes(element: etree._Element) -> Iterable[tuple[str, str]]:
    """Return the attributes of an element. lxml looks each up by its name, so many are read with XPath."""
    if len(element.attrib) < _MANY:
        return ((str(key), str(value)) for key, value in element.attrib.items())
    return ((str(value.attrname), str(value)) for value in cast("list[Any]", element.xpath("@*")))


def xml_root(text: str) -> etree._Element | None:
    """Parse an XML document, even a broken one; `None` if there is no element in it."""
    if "&" in text:  # libxml2 would lose the text after one that begins no reference
        text = _BARE_AMPERSAND.sub(lambda found: "&amp;" if found["bare"] else found[0], text)
    try:
        return etree.fromstring(_xml_bytes(text), _xml_parser(recover=True, huge="<!ENTITY" not in text))
    except etree.LxmlError:
        return None


def is_xml(text: str) -> bool:
    """Whether a text is a well-formed XML document."""
    try:
        etree.fromstring(_xml_bytes(text), _xml_parser(recover=False))
    except etree.LxmlError:
        return False
    return True


def _xml_parser(*, recover: bool, huge: bool = False) -> etree.XMLParser:
    """Return a parser that fetches nothing. `huge`: without libxml2's limits, one of which bounds the size of entities."""
    return etree.XMLParser(
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=huge,
        remove_comments=True,
        remove_pis=True,
    )


def _xml_bytes(text: str) -> bytes:
    return utf8(text.lstrip("\ufeff \t\r\n"))


def utf8(text: str) -> bytes:
    """Encode a text in UTF-8, with U+FFFD for what no parser accepts: NUL and lone surrogates."""
    try:
        payload = text.encode()
    except UnicodeEncodeError:
        return readable(text).encode()
    return payload.replace(b"\0", _UNKNOWN) if b"\0" in payload else payload


def readable(text: str) -> str:
    """Return a text of the same length, with U+FFFD for what no parser accepts."""
    return text if "\0" not in text and _is_encodable(text) else _UNREADABLE.sub("\ufffd", text)


def _is_encodable(text: str) -> bool:
    """Whether a text has no lone surrogates. Encoding it is the fastest way to find out, in UTF-16 above all."""
    try:
        return text.isascii() or bool(text.encode("utf-16-le"))
    except UnicodeEncodeError:
        return False
