"""Media types: what a response is, which syntax it has, and which file extensions fit it.

Input: header values, URLs, the first bytes of a payload. Output: a media type in lower case, or a `Document`. This module never
contradicts a specific Content-Type, as browsers never do.
"""

import re
from enum import StrEnum
from typing import Final

from mirror.core.url.canonical import CanonicalURL, is_web

UNKNOWN: Final = "application/octet-stream"

EXTENSIONS: Final[dict[str, tuple[str, ...]]] = {
    "text/html": ("html", "htm", "shtml"),
    "application/xhtml+xml": ("xhtml", "xht"),
    "text/css": ("css",),
    "text/javascript": ("js", "mjs", "cjs"),
    "application/json": ("json", "map", "webmanifest", "geojson", "ipynb"),
    "application/ld+json": ("jsonld", "json"),
    "application/manifest+json": ("webmanifest", "json"),
    "application/xml": ("xml", "xsl", "xslt", "rng", "xsd", "rss", "atom", "rdf", "svg", "ncx", "opf"),
    "application/rss+xml": ("rss", "xml", "rdf"),
    "application/atom+xml": ("atom", "xml", "rss"),
    "application/rdf+xml": ("rdf", "xml"),
    "application/wasm": ("wasm",),
    "model/gltf+json": ("gltf",),
    "application/vnd.apple.mpegurl": ("m3u8", "m3u"),
    "application/dash+xml": ("mpd",),
    "application/pdf": ("pdf",),
    "application/zip": ("zip", "jar", "whl", "docx", "xlsx", "pptx", "odt", "ods", "odp", "xpi"),
    "application/gzip": ("gz", "tgz"),
    "application/epub+zip": ("epub",),
    "image/svg+xml": ("svg",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/avif": ("avif",),
    "image/bmp": ("bmp",),
    "image/tiff": ("tif", "tiff"),
    "image/x-icon": ("ico", "cur"),
    "audio/mpeg": ("mp3",),
    "audio/mp4": ("m4a",),
    "audio/ogg": ("oga", "ogg", "opus"),
    "audio/wav": ("wav",),
    "audio/flac": ("flac",),
    "video/mp4": ("mp4", "m4v"),
    "video/webm": ("webm",),
    "video/ogg": ("ogv", "ogg"),
    "video/quicktime": ("mov",),
    "text/vtt": ("vtt",),
    "font/woff": ("woff",),
    "font/woff2": ("woff2",),
    "font/ttf": ("ttf",),
    "font/otf": ("otf",),
    "application/vnd.ms-fontobject": ("eot",),
}
"""Media type -> the extensions from which a browser infers it for a local file. The first is the one that names get."""

NAMES: Final[dict[str, str]] = {
    "application/java-archive": "jar",
    "application/msword": "doc",
    "application/postscript": "ps",
    "application/rtf": "rtf",
    "application/vnd.amazon.ebook": "azw",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.debian.binary-package": "deb",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z",
    "application/x-apple-diskimage": "dmg",
    "application/x-bittorrent": "torrent",
    "application/x-bzip2": "bz2",
    "application/x-iso9660-image": "iso",
    "application/x-mobipocket-ebook": "mobi",
    "application/x-msdownload": "exe",
    "application/x-rar-compressed": "rar",
    "application/x-shockwave-flash": "swf",
    "application/x-tar": "tar",
    "application/x-xz": "xz",
    "application/zstd": "zst",
    "application/ogg": "ogg",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "audio/basic": "au",
    "audio/midi": "mid",
    "audio/opus": "opus",
    "audio/x-aiff": "aiff",
    "audio/x-ms-wma": "wma",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jxl": "jxl",
    "image/vnd.djvu": "djvu",
    "image/x-portable-pixmap": "ppm",
    "model/gltf-binary": "glb",
    "model/stl": "stl",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/markdown": "md",
    "text/vcard": "vcf",
    "video/3gpp": "3gp",
    "video/mp2t": "ts",
    "video/mpeg": "mpg",
    "video/x-flv": "flv",
    "video/x-matroska": "mkv",
    "video/x-ms-wmv": "wmv",
    "video/x-msvideo": "avi",
}
"""Media type -> the extension that a name gets if it has none. Browsers infer nothing from these, but other programs do."""

NAMED_TYPES: Final = {extension: media_type for media_type, extension in reversed(NAMES.items())}
"""The reverse: an extension -> its media type."""

PROGRAMS: Final = frozenset({"php", "php3", "php5", "phtml", "asp", "aspx", "ashx", "jsp", "do", "cgi", "pl", "cfm"})
"""Extensions of programs that made a response: they say nothing about what it is."""

ALIASES: Final[dict[str, str]] = {
    "application/javascript": "text/javascript",
    "application/x-javascript": "text/javascript",
    "application/ecmascript": "text/javascript",
    "text/ecmascript": "text/javascript",
    "text/x-javascript": "text/javascript",
    "text/jscript": "text/javascript",
    "text/xml": "application/xml",
    "text/xsl": "application/xml",
    "application/xslt+xml": "application/xml",
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/svg": "image/svg+xml",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/ico": "image/x-icon",
    "application/font-woff": "font/woff",
    "application/x-font-woff": "font/woff",
    "application/font-woff2": "font/woff2",
    "application/x-font-ttf": "font/ttf",
    "application/x-font-opentype": "font/otf",
    "application/x-mpegurl": "application/vnd.apple.mpegurl",
    "application/mpegurl": "application/vnd.apple.mpegurl",
    "audio/mpegurl": "application/vnd.apple.mpegurl",
    "audio/x-mpegurl": "application/vnd.apple.mpegurl",
    "video/vnd.mpeg.dash.mpd": "application/dash+xml",
    "audio/mp3": "audio/mpeg",
    "audio/mpeg3": "audio/mpeg",
    "audio/mpg": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-aac": "audio/aac",
    "audio/aacp": "audio/aac",
    "audio/x-flac": "audio/flac",
    "audio/x-midi": "audio/midi",
    "audio/mid": "audio/midi",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "video/x-m4v": "video/mp4",
    "binary/octet-stream": UNKNOWN,
    "application/x-download": UNKNOWN,
    "application/force-download": UNKNOWN,
    "content/unknown": UNKNOWN,
    "unknown/unknown": UNKNOWN,
}
"""Other names of these types that servers send. WHATWG MIME Sniffing 4.6 lists most of them."""

EXTENSION_TYPES: Final[dict[str, str]] = {
    extension: media_type for media_type, extensions in reversed(EXTENSIONS.items()) for extension in extensions
} | {extensions[0]: media_type for media_type, extensions in EXTENSIONS.items()}
"""Extension -> media type: the type of which it is the first extension, else the first type that it fits."""

PLAIN_TEXT: Final = frozenset({"txt", "text", "log", "csv", "md", "rst", "asc"})
"""Extensions of plain text. Such a file is text even if it begins like a page."""

_LONGEST_EXTENSION: Final = 12
_MEDIA_TYPE = re.compile(r"\s*([\w!#$&^.+\-]+/[\w!#$&^.+\-]+)\s*(?:;|,|$)", re.ASCII)
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?[\s\0]*"
    rb"<(?:!--|(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>])",
    re.IGNORECASE,
)
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s")
_PLAYLIST_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:(?P<hls>#EXTM3U)|\s*+(?:<\?xml[^>]*+>\s*+)?+(?:<!--(?:[^-]|-(?!->))*+-->\s*+)*+<(?:\w++:)?+MPD[\s>])",
)
_VAGUE: Final = frozenset({"", "text/plain", "text/html", "application/xml", UNKNOWN})
"""What servers say of playlists whose extension they don't know."""

_FILENAME = re.compile(
    r"""(?P<name>filename\*?)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<token>[^;"]*+))""", re.IGNORECASE
)
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
)


class Document(StrEnum):
    """The syntaxes that references are found in."""

    HTML = "html"
    CSS = "css"
    JAVASCRIPT = "javascript"
    JSON = "json"
    XML = "xml"
    HLS = "hls"


DOCUMENTS: Final[dict[str, Document]] = {
    "text/html": Document.HTML,
    "application/xhtml+xml": Document.HTML,
    "text/css": Document.CSS,
    "text/javascript": Document.JAVASCRIPT,
    "application/manifest+json": Document.JSON,
    "model/gltf+json": Document.JSON,
    "application/vnd.apple.mpegurl": Document.HLS,
    "application/dash+xml": Document.XML,
    "application/xml": Document.XML,
    "application/rss+xml": Document.XML,
    "application/atom+xml": Document.XML,
    "application/rdf+xml": Document.XML,
    "image/svg+xml": Document.XML,
}
"""Media type -> its syntax. Other types have no references."""

PLAYLISTS: Final = frozenset({"m3u8", "m3u", "mpd"})
"""The extensions of playlists of films and music."""

_GZIP_TYPES: Final = frozenset(
    {"application/gzip", "application/x-gunzip", "application/x-tgz", "application/x-gtar", "application/x-compressed"}
    | {"application/x-gtar-compressed", "application/x-gzip-compressed", "gzip/document"}
)
"""Types of gzip files, after `ALIASES`."""

_WRITTEN_AS_XML: Final = frozenset({Document.HTML, Document.XML})


def extension(name: str) -> str:
    """Return the extension of a file name as written, without its dot; "" if there is none.

    An extension is a dot and up to twelve letters and digits, at least one of them a letter, after at least one character.

    >>> extension("a.tar.gz"), extension("3.11"), extension(".profile"), extension("LICENSE")
    ('gz', '', '', '')
    """
    stem, _, ext = name.rpartition(".")
    is_one = stem and len(ext) <= _LONGEST_EXTENSION and ext.isascii() and ext.isalnum() and not ext.isdigit()
    return ext if is_one else ""


def is_playlist(path: str) -> bool:
    """Whether a path is by its name that of a playlist: a literal of a script that is one is hardly anything else."""
    return extension(path.rpartition("/")[2]).lower() in PLAYLISTS


def fits(media_type: str, ext: str) -> bool:
    """Whether a browser treats a local file with this extension as this media type.

    A browser knows nothing of some types, but other programs do (`NAMES`); the extension of a server's program helps none.

    >>> fits("text/html", "HTM"), fits("text/html", "php"), fits("text/x-python", "py"), fits("audio/aac", "php")
    (True, False, True, False)
    """
    known = EXTENSIONS.get(media_type)
    if known is not None:
        return ext.lower() in known
    if media_type in NAMES and ext.lower() in PROGRAMS:
        return False
    return media_type == UNKNOWN or EXTENSION_TYPES.get(ext.lower()) not in DOCUMENTS


def parse_media_type(content_type: str | None) -> str:
    """Return the media type of a Content-Type value, in lower case, aliases replaced; "" if there is none.

    >>> parse_media_type("Text/HTML; charset=utf-8"), parse_media_type("nonsense")
    ('text/html', '')
    """
    match = _MEDIA_TYPE.match(content_type or "")
    if match is None:
        return ""
    essence = match[1].lower()
    return ALIASES.get(essence, essence)


def media_type(content_type: str | None, url: CanonicalURL, head: bytes = b"", disposition: str | None = None) -> str:
    """Return the media type of a response: by its Content-Type; else by its first bytes; else by its name.

    If the Content-Type says only that it is data, the name of the URL decides, and then the one in its Content-Disposition.
    A playlist shows itself if the Content-Type says little.

    For XML, the name may be more specific. For a file that comes from no web server, the name goes before the first bytes, as
    in browsers that open a local file. `head` is the beginning of the payload; 512 bytes are enough.
    """
    declared = parse_media_type(content_type)
    playlist = _playlist_type(head) if declared in _VAGUE else None
    if playlist:
        return playlist
    if declared and declared != UNKNOWN:
        return declared
    ext = _url_extension(url)
    name = EXTENSION_TYPES.get(ext)
    if not declared and not is_web(url) and (name or ext in PLAIN_TEXT):
        return name or "text/plain"
    if declared:
        if name is None or name in _PAGES:
            name = attached_type(disposition)
        return name if name and name not in _PAGES else UNKNOWN
    found = sniff(head) or name or UNKNOWN
    return name if name and found == "application/xml" and DOCUMENTS.get(name) in _WRITTEN_AS_XML else found


def may_be_playlist(content_type: str) -> bool:
    """Whether servers send a Content-Type for playlists too, so that the first bytes decide. HTML is not counted."""
    return parse_media_type(content_type) in _VAGUE - {"text/html"}


def _playlist_type(head: bytes) -> str | None:
    """Return the type of a playlist by its first bytes; `None` if it is none. A `#EXTM3U` is never anything else."""
    found = _PLAYLIST_START.match(head[:512])
    return found and ("application/vnd.apple.mpegurl" if found["hls"] else "application/dash+xml")


def attached_type(disposition: str | None) -> str | None:
    """Return the media type by the name in a Content-Disposition (RFC 6266); `None` if that tells none, or a document.

    >>> attached_type('attachment; filename="Report (final).PDF"'), attached_type("attachment; filename*=UTF-8''a%20b.odt")
    ('application/pdf', 'application/vnd.oasis.opendocument.text')
    """
    names = {
        match["name"].lower(): match["quoted"] or match["token"] for match in _FILENAME.finditer(disposition or "")
    }
    ext = extension((names.get("filename*") or names.get("filename") or "").strip()).lower()
    found = NAMED_TYPES.get(ext) or EXTENSION_TYPES.get(ext)
    return None if found in DOCUMENTS else found


def sniff(head: bytes) -> str:
    """Return the media type that the first bytes of a payload show (a part of WHATWG MIME Sniffing 7); "" if unknown."""
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if _XML_START.match(head[:512]):
        return "application/xml"
    return "text/html" if _HTML_START.match(head[:512]) else ""


def expected_type(url: CanonicalURL, *, page: bool) -> str:
    """Return the media type to expect before the response arrives: by the extension of the name; else HTML for a page.

    In a tree of files, only the listing of a folder is a page.
    """
    page = page and (is_web(url) or url.endswith("/"))
    return EXTENSION_TYPES.get(_url_extension(url)) or ("text/html" if page else UNKNOWN)


def is_gzip_file(content_type: str | None, url: CanonicalURL) -> bool:
    """Whether a payload should be a gzip file: by its Content-Type, or by its name if it is no document.

    >>> is_gzip_file("application/x-gzip", CanonicalURL("http://example.org/a"))
    True
    >>> is_gzip_file("text/plain", CanonicalURL("http://example.org/a.tgz")), is_gzip_file("text/html", CanonicalURL("http://a/a.gz"))
    (True, False)
    """
    declared = parse_media_type(content_type)
    return declared in _GZIP_TYPES or (
        declared not in DOCUMENTS and _url_extension(url) in EXTENSIONS["application/gzip"]
    )


def _url_extension(url: CanonicalURL) -> str:
    return extension(url.partition("#")[0].partition("?")[0].rpartition("/")[2]).lower()
