"""The path of a resource in the tree: one law, (canonical URL, media type) -> path, and back.

Input: a `CanonicalURL` and a media type. Output: a `LocalPath`, relative to the root, its names separated by "/". This module
never looks at the disk or at other URLs, so no name depends on what was fetched before.

The law
-------
Distinct URLs have distinct paths, also on file systems that fold case or normalise Unicode. No path leaves the root. Each name
is legal on Linux, macOS and Windows. A page and a folder of the same name can exist side by side. The extension fits the media
type. In names, `~` and `@` are marks:

    https://example.org/                 text/html   example.org/index.html
    https://example.org/a/               text/html   example.org/a/index.html
    https://example.org/a.html           text/html   example.org/a.html
    https://example.org/a                text/html   example.org/a~.html         ~.  the extension was added
    https://example.org/a/b.css          text/css    example.org/a/b.css
    https://example.org/b.css?v=2        text/css    example.org/b.css@v=2~.css  @   the query begins
    https://example.org/x.php?id=1       text/html   example.org/x.php@id=1~.html
    https://example.org/Main.html        text/html   example.org/Main~b.html     ~b  the capital letters (bits, base 26)
    https://example.org/index.html       text/html   example.org/index~a.html    ~a  a page that is named index
    https://example.org/LICENSE      octet-stream    example.org/LICENSE~ex~
    https://example.org/v.x/a.js  text/javascript    example.org/v.x~~/a.js      ~~  a folder with an extension
    http://example.org/                  text/html   example.org_80/index.html
    http://example.org:8000/             text/html   example.org_8000/index.html
    https://example.org:8443/            text/html   example.org_8443s/index.html
    ftp://example.org/pub/               text/html   example.org_21ftp/pub/index.html
    sftp://example.org:2222/pub/a.css    text/css    example.org_2222sftp/pub/a.css
    file:///srv/www/                     text/html   _file/srv/www/index.html

1. The folder of a host is its name, followed by `_PORT` unless it is https at its default port. For https at another port, an
   `s` follows the number; for schemes other than http and https, the scheme. Files on a disk have no host: theirs is `_file`.
2. A name is the URL's own text. UTF-8 escapes become characters if these are printable, visible, NFC and without another
   case; an escaped space becomes a space if it is inside the name. A character that some system forbids is written `%XX`; an
   escape that would then read the same is written `%25XX`. Names that Windows reserves for devices, and dots and spaces at the
   end of a name, are escaped too.
3. An empty segment is `%`.
4. A variant of the request for a URL (`core.http.request_variants`) is a part of the query, behind `%23`.
5. A name longer than `MAX_NAME` bytes is cut, and ends with `~~` and a digest of the whole name. If the path is longer than
   `MAX_PATH` bytes, its folders become one: `~~` and a digest of them. Only these two can't be read back.
"""

import hashlib
import re
import unicodedata
from base64 import b32encode
from functools import lru_cache
from itertools import takewhile
from operator import eq
from typing import Final, NewType
from urllib.parse import quote

from mirror.core.url import media_types
from mirror.core.url.canonical import DEFAULT_PORTS, CanonicalURL, split

LocalPath = NewType("LocalPath", str)
"""A path relative to the root of the tree that obeys the law above. It is safe to join to the root and to open.

Only `local_path` and `as_local_path` make one of a text.
"""

MAX_NAME: Final = 200
"""Bytes of a name in UTF-8. File systems allow 255, encrypting ones fewer, and temporary files need room for a suffix."""

MAX_PATH: Final = 800
"""Bytes of a path from the root. macOS allows 1,024, and the root needs some of them."""

_HOST: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_[]")
_LITERAL: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._!$&'()+,;=[]{}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)(?:[0-9¹²³]))(?=\.|$| )", re.IGNORECASE)
_ESCAPES = re.compile(r"(?:%[89A-F][0-9A-F])+|%[0-9A-F]{2}|.", re.DOTALL)
_SAFE = re.compile(r"[\w\-.~@!+]*", re.ASCII).fullmatch
_ESCAPED = re.compile(r"%(?:25)?[0-9A-F]{2}")
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Characters that Python calls printable and Unicode Default_Ignorable: ext4 and HFS+ ignore them in names."""

_PORT_LIKE = re.compile(r"_(?=\d+(?:s|s?ftp|ftps)?$)|^_(?=file$)")
_PORT_MARKS: Final = {"http": "", "https": "s", "ftp": "ftp", "ftps": "ftps", "sftp": "sftp"}


_UNSAFE = re.compile(r'[\x00-\x1f\x7f"*:<>?\\|\ud800-\udfff]|(?:^|/)(?:\.{0,2})(?:/|$)|^\.|^(?i:index\.html)$')
_MOST_BYTES: Final = 4096  # Linux allows no longer path


@lru_cache(maxsize=8192)  # many pages link to the same targets
def local_path(url: CanonicalURL, media_type: str) -> LocalPath:
    """Return the path of a resource in the tree.

    >>> local_path(CanonicalURL("https://example.org/a/b?c"), "text/html")
    'example.org/a/b@c~.html'
    """
    parts = split(url)
    *folders, last = parts.path.split("/")[1:]
    query = parts.query
    variant = url.partition("#")[2]
    if variant:
        query = f"{'' if query is None else query + '?'}#{variant}"
    names = [_host_folder(parts.scheme, parts.host, parts.port), *map(_folder, folders)]
    leaf = _leaf(last, query, media_type)
    path = "/".join([*names, leaf])
    if len(path.encode()) > MAX_PATH:
        path = "/".join([names[0], "~~" + _digest("/".join(folders)), leaf])
    return LocalPath(path)


def as_local_path(text: str) -> LocalPath | None:
    """Return a stored text as a path; `None` if it isn't safe to join to the root and to open.

    The law may have been another one when the path was stored, so only what makes a path safe is checked: no name is
    empty, `.` or `..`, none has a separator or special character of any system, and it is neither the index page nor hidden.

    >>> as_local_path("example.org/a~.html"), as_local_path("../victim"), as_local_path(".mirror/lock")
    ('example.org/a~.html', None, None)
    """
    return None if _UNSAFE.search(text) or len(text.encode()) > _MOST_BYTES else LocalPath(text)


def href(target: LocalPath, origin: LocalPath) -> str:
    """Return the relative reference from one file of the tree to another. Its characters need no escape in any syntax.

    >>> href(LocalPath("example.org/a/b~.html"), LocalPath("example.org/c/d.html"))
    '../a/b~.html'
    """
    folder, _, name = target.rpartition("/")
    return _folder_reference(folder, origin.rpartition("/")[0]) + _quoted(name)


@lru_cache(maxsize=8192)  # folders contain many files
def _folder_reference(there: str, here: str) -> str:
    """Return the relative reference from one folder to another: empty, or with a slash at its end."""
    up, down = (folder.split("/") if folder else [] for folder in (here, there))
    shared = len(list(takewhile(bool, map(eq, up, down))))
    return "../" * (len(up) - shared) + "".join(f"{_quoted(name)}/" for name in down[shared:])


def _quoted(name: str) -> str:
    return name if _SAFE(name) else quote(name, safe="-._~@!+")


def _host_folder(scheme: str, host: str, port: int) -> str:
    if scheme == "file":
        return "_file"
    text = "".join(c if c in _HOST else f"%{ord(c):02X}" for c in host)
    text = _whole_name(_PORT_LIKE.sub("%5F", text))
    if text.startswith(".") or text == "index.html":  # .mirror/ and index.html in the root belong to the archive
        text = _first_escaped(text)
    is_plain = scheme == "https" and port == DEFAULT_PORTS[scheme]
    return _clipped(text, "" if is_plain else f"_{port}{_PORT_MARKS[scheme]}")


def _folder(segment: str) -> str:
    if not segment:
        return "%"
    text = _text(segment, lead=True)
    return _clipped(_whole_name(text), _capitals(text) + ("~~" if media_types.extension(text) else ""))


def _leaf(segment: str, query: str | None, media_type: str) -> str:
    """Return the file's name: text, the mark of its capitals, then its extension or the mark of an added one."""
    text = _text(segment, lead=True) or "index"
    ext = media_types.extension(text)
    if segment and query is None and ext and media_types.fits(media_type, ext):
        stem = text[: -len(ext) - 1]
        return _clipped(_without_device(stem), _capitals(text, is_index=stem.lower() == "index"), f".{ext}")
    added = media_types.EXTENSIONS.get(media_type, ("",))[0] or _kept_extension(media_type, ext)
    dotted = f".{added}" if added else ""
    if not segment and query is None and added:
        return text + dotted
    is_index = bool(segment) and text.lower() == "index"
    if query is not None:
        text += "@" + _text(query, lead=False)
    return _clipped(_without_device(text), _capitals(text, is_index=is_index), f"~{dotted}")


def _kept_extension(media_type: str, ext: str) -> str:
    """Return the extension for a type from which browsers infer nothing. It never makes a document of what is none."""
    if media_type == "text/plain":
        return "txt"
    return ext if ext and media_types.fits(media_type, ext) else media_types.NAMES.get(media_type, "")


def _text(segment: str, *, lead: bool) -> str:
    """Turn a part of a URL into a part of a name, by point 2. `lead`: a first `~` or `@` is no mark, and stays."""
    text = "".join(_shown(piece) for piece in _ESCAPES.findall(segment))
    if lead and segment[:1] in {"~", "@"}:
        text = segment[0] + text[3:]
    if text.startswith(" "):
        text = _first_escaped(text)
    if not text.isascii() and unicodedata.normalize("NFC", text) != text:
        text = "".join(c if c.isascii() else quote(c) for c in text)
    return text


def _shown(piece: str) -> str:
    if piece[0] != "%":
        return piece if piece in _LITERAL else f"%{ord(piece):02X}"
    if piece[1] in "89ABCDEF":
        return _decoded(piece)
    if piece == "%20":
        return " "
    character = chr(int(piece[1:], 16))
    hidden = "!" <= character <= "~" and character not in _LITERAL
    return "%25" + piece[1:] if hidden else piece


def _decoded(escapes: str) -> str:
    """Decode a run of escaped bytes over 0x7F. Characters that aren't safe in a name stay escaped."""
    raw = bytes.fromhex(escapes.replace("%", ""))
    try:
        return "".join(c if _has_one_form(c) else quote(c) for c in raw.decode())
    except UnicodeDecodeError:
        return escapes


def _has_one_form(character: str) -> bool:
    """Whether no file system that folds case or normalises treats the character as another one, or as none."""
    return (
        character.isprintable()
        and not _UNSEEN.match(character)
        and character.casefold() == character.lower() == character
        and character.upper().casefold() == character
        and unicodedata.normalize("NFC", character) == character
    )


def _capitals(text: str, *, is_index: bool = False) -> str:
    """Return the mark of the ASCII capitals: `~` and a number in base 26 with a bit for each letter, the lowest for the first.

    No number begins with a zero, which is written `a`. So an `a` in front can mark a page that is named index.
    """
    letters = [c for c in _ESCAPED.sub("", text) if c.isascii() and c.isalpha()]
    bits = sum(letter.isupper() << place for place, letter in enumerate(letters))
    digits = ""
    while bits:
        bits, digit = divmod(bits, 26)
        digits = chr(ord("a") + digit) + digits
    code = "a" * is_index + digits
    return code and "~" + code


def _first_escaped(text: str) -> str:
    return f"%{ord(text[0]):02X}{text[1:]}"


def _without_device(text: str) -> str:
    return _first_escaped(text) if _DEVICE.match(text) else text


def _whole_name(text: str) -> str:
    """Escape the characters that Windows drops at the end of a name, and the names that it reserves for devices."""
    text = _without_device(text)
    return text if text[-1] not in " ." else f"{text[:-1]}%{ord(text[-1]):02X}"


def _clipped(text: str, marks: str, ext: str = "") -> str:
    """Join `text`, `marks` and the extension to a name; by point 5 if that is too long."""
    name = text + marks + ext
    if len(name.encode()) <= MAX_NAME:
        return name
    tail = f"~~{_digest(name)}{ext if ext.startswith('~') else '~' + ext if ext else ''}"
    kept = text.encode()[: MAX_NAME - len(tail)].decode(errors="ignore")
    return kept.rstrip(" .%") + tail


def _digest(text: str) -> str:
    return b32encode(hashlib.sha256(text.encode()).digest()[:15]).decode().lower()
