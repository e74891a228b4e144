"""The portable law of names: no two differ only in what some file system ignores, and each is legal everywhere.

Input: segments and queries of canonical URLs. Output: names of folders and files, on Linux, macOS and Windows. `local_paths`
has examples.

1. A name is the URL's own text. UTF-8 escapes become characters if these are printable, visible, NFC and without another case;
   an escaped space becomes a space if it is inside the name. A character that some system forbids is written `%XX`; an escape
   that would then read the same is written `%25XX`. Names that Windows reserves for devices, and dots and spaces at the end of
   a name, are escaped too.
2. The extension fits the media type; if the URL has another one or none, one is added behind `~`.
3. `~` and a number in base 26 tell which letters are capitals. An `a` in front of it: a crowded page that is named index.
4. A folder whose name has an extension ends in `~~`, so that no file has its name.
5. A name longer than `MAX_NAME` bytes is cut.
"""

import hashlib
import re
import unicodedata
from base64 import b32encode
from typing import Final
from urllib.parse import quote

from mirror.core.url import media_types
from mirror.core.url.canonical import DEFAULT_PORTS

MAX_NAME: Final = 200
"""Bytes of a name in UTF-8. File systems allow 255, encrypting ones fewer, and temporary files need room for a suffix."""

MAX_PATH: Final = 800
"""Bytes of a path from the root. macOS allows 1,024, and the root needs some of them."""

_HOST: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_[]")
_LITERAL: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._!$&'()+,;=[]{}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)(?:[0-9¹²³]))(?=\.|$| )", re.IGNORECASE)
_ESCAPES = re.compile(r"(?:%[89A-F][0-9A-F])+|%[0-9A-F]{2}|.", re.DOTALL)
_ESCAPED = re.compile(r"%(?:25)?[0-9A-F]{2}")
UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Characters that Python calls printable and Unicode Default_Ignorable: ext4 and HFS+ ignore them in names."""

_PORT_LIKE = re.compile(r"_(?=\d+(?:s|s?ftp|ftps)?$)|^_(?=file$)")
_PORT_MARKS: Final = {"http": "", "https": "s", "ftp": "ftp", "ftps": "ftps", "sftp": "sftp"}


def host_folder(scheme: str, host: str, port: int, bare: str) -> str:
    """Return the name of the folder of a host, of which `bare` is the scheme that shows no default port."""
    if scheme == "file":
        return "_file"
    text = "".join(c if c in _HOST else f"%{ord(c):02X}" for c in host)
    text = _whole_name(_PORT_LIKE.sub("%5F", text))
    if text.startswith(".") or text == "index.html":  # .mirror/ and index.html in the root belong to the archive
        text = _first_escaped(text)
    is_plain = scheme == bare and port == DEFAULT_PORTS[scheme]
    return _clipped(text, "" if is_plain else f"_{port}{_PORT_MARKS[scheme]}")


def folder(segment: str, *, crowded: bool) -> str:  # noqa: ARG001 - as `exact_names.folder`
    """Return the name of a folder."""
    if not segment:
        return "%"
    text = _text(segment, lead=True)
    return _clipped(_whole_name(text), _capitals(text) + ("~~" if media_types.extension(text) else ""))


def leaf(segment: str, query: str | None, media_type: str, *, crowded: bool) -> str:
    """Return the file's name: text, the mark of its capitals, then its extension or the mark of an added one."""
    text = _text(segment, lead=True) or "index"
    ext = media_types.extension(text)
    if segment and query is None and ext and media_types.fits(media_type, ext):
        stem = text[: -len(ext) - 1]
        return _clipped(
            _without_device(stem), _capitals(text, is_index=_has_index_mark(stem, crowded=crowded)), f".{ext}"
        )
    added = media_types.EXTENSIONS.get(media_type, ("",))[0] or kept_extension(media_type, ext)
    dotted = f".{added}" if added else ""
    if not segment and query is None and added:
        return text + dotted
    is_index = bool(segment) and text.lower() == "index"
    if query is not None:
        text += "@" + _text(query, lead=False)
    return _clipped(_without_device(text), _capitals(text, is_index=is_index), f"~{dotted}")


def _has_index_mark(stem: str, *, crowded: bool) -> bool:
    """Whether a page is marked as named index: if the page of its folder has that name, or if it differs in case from it."""
    return stem.lower() == "index" and (crowded or stem != "index")


def kept_extension(media_type: str, ext: str) -> str:
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
        and not UNSEEN.match(character)
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
    tail = f"~~{digest(name)}{ext if ext.startswith('~') else '~' + ext if ext else ''}"
    kept = text.encode()[: MAX_NAME - len(tail)].decode(errors="ignore")
    return kept.rstrip(" .%") + tail


def digest(text: str) -> str:
    """Return the digest that stands for a text in a name: 24 small letters and digits."""
    return b32encode(hashlib.sha256(text.encode()).digest()[:15]).decode().lower()
