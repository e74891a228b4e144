"""The exact law of names: a file has the name that its URL has, unless a browser or the system needs another one.

Input: segments and queries of canonical URLs. Output: names of folders and files, for systems that tell capitals apart and keep
Unicode as it is. `local_paths` has examples.

1. A name is the URL's own text. Escapes become the characters that people read: all that are visible, except the separators
   `/` and `\\`, and except a space at either end.
2. From a disk, Chromium opens a file as HTML, XML or SVG, or uses it as a style sheet, by its extension only (so does Firefox
   with SVG). Web servers need the extension of scripts to name the type that modules must have. So files of these types get `~`
   and an extension if theirs does not fit. So do other files whose extension would make a browser open them as a page.
3. A query follows `@`. Behind it stands `~`, and the extension of the media type. The page of a folder is `index` here, so a
   page of that name is `%69ndex`.
4. The page of a folder is `index`, with the extension of its media type.
5. What is crowded out is written so that it tells its URL: an escape stays as it is if the character could stand there
   unescaped. `%25` becomes `%` only if no two digits follow. A name gets `~~` before its extension, unless it is marked
   already. That of the page of a folder is `%`, marked as in 2.
6. If a name that is marked by 2 or 3 is crowded out, an `@` that is not its first character is `%40`, and a `~` before the mark
   `%7E`. An escape that would then read the same is written `%25XX`; in a query, always. In the name of a folder that would
   read like that of a marked file, each `~` is `%7E`.
7. A name longer than `MAX_NAME` bytes is cut.
"""

import re
from typing import Final
from urllib.parse import quote

from mirror.core.url import media_types
from mirror.core.url.media_types import Document
from mirror.core.url.portable_names import UNSEEN, digest, kept_extension

MAX_NAME: Final = 255
"""Bytes of a name in UTF-8: what ext4, XFS, Btrfs and ZFS allow."""

MAX_PATH: Final = 2000
"""Bytes of a path from the root. Linux allows 4,096, and the root needs some of them."""

_ESCAPES = re.compile(r"(?:%[89A-F][0-9A-F])+|%[0-9A-F]{2}")
_PIECES = re.compile(rf"{_ESCAPES.pattern}|.", re.DOTALL)
_HEX_NEXT = re.compile(r"[0-9A-Fa-f]{2}")
_NEVER_IN_PATH: Final = frozenset(' "#<>?^`{}')
_NEVER_IN_QUERY: Final = frozenset(" \"<>'")
"""Characters that a canonical URL has only escaped there."""

_NEEDS_EXTENSION: Final = frozenset(
    media_type
    for media_type, syntax in media_types.DOCUMENTS.items()
    if syntax in {Document.HTML, Document.CSS, Document.JAVASCRIPT, Document.XML}
) - {"application/dash+xml"}
_OPENS_AS_PAGE: Final = frozenset(
    extension
    for media_type in ("text/html", "application/xhtml+xml", "image/svg+xml")
    for extension in media_types.EXTENSIONS[media_type]
)
_LOOKS_MARKED = re.compile(
    rf"^%~$|~\.[A-Za-z0-9]{{1,12}}$|~~$|.@.*~$|\.(?i:{'|'.join(sorted(_OPENS_AS_PAGE))})~$|~~[a-z2-7]{{24}}(?=[.~]|$)",
    re.DOTALL,
)
_INDEX: Final = "index"
_EMPTY: Final = "%"


def folder(segment: str, *, crowded: bool) -> str:
    """Return the name of a folder, in the path of a file that is crowded out or is not. No file that is marked has it."""
    if not segment:
        return _EMPTY
    name = _name(segment, crowded=crowded)
    return _clipped(name.replace("~", "%7E") if _LOOKS_MARKED.search(name) else name)


def leaf(segment: str, query: str | None, media_type: str, *, crowded: bool) -> str:
    """Return the name of a file."""
    added = media_types.EXTENSIONS.get(media_type, ("",))[0]
    if query is not None:
        stem = _stem(segment, crowded) if segment != _INDEX else f"%{ord(_INDEX[0]):02X}{_INDEX[1:]}"
        stem = stem or _INDEX
        ext = added or kept_extension(media_type, media_types.extension(stem))
        return _clipped(f"{stem}@{_query(query)}", "~" + _dotted(ext))
    if not segment:
        ext = added or kept_extension(media_type, "")
        return _clipped(_EMPTY, "~" + _dotted(ext)) if crowded else _INDEX + _dotted(ext)
    name = _name(segment, crowded=crowded)
    ext = media_types.extension(name)
    if _opens_as_what_it_is(media_type, ext):
        stem = name[: -len(ext) - 1] if ext else name
        return _clipped(stem, "~~" * crowded + _dotted(ext))
    ext = added or kept_extension(media_type, "")
    return _clipped(_stem(segment, crowded), "~" + _dotted(ext))


def _opens_as_what_it_is(media_type: str, ext: str) -> bool:
    """Whether a browser treats a local file with this extension as its media type, by rule 2."""
    if media_type in _NEEDS_EXTENSION:
        return media_types.fits(media_type, ext)
    return ext.lower() not in _OPENS_AS_PAGE or media_type == media_types.UNKNOWN


def _name(segment: str, *, crowded: bool) -> str:
    """Return the text of a name without marks."""
    return _text(segment, _NEVER_IN_PATH) if crowded else _with_spaces_inside(_ESCAPES.sub(_readable, segment))


def _readable(escapes: re.Match[str]) -> str:
    """Decode escapes by rule 1."""
    text = escapes[0]
    if text[1] in "89ABCDEF":
        return _decoded(text)
    character = chr(int(text[1:], 16))
    return character if " " <= character <= "~" and character not in "/\\" else text


def _with_spaces_inside(text: str) -> str:
    """Escape a space at either end; and a dot of a name that is a folder of the system, though no canonical URL has one."""
    if text in {".", ".."}:
        return f"%2E{text[1:]}"
    if text.startswith(" "):
        text = f"%20{text[1:]}"
    return f"{text[:-1]}%20" if text.endswith(" ") else text


def _stem(segment: str, crowded: bool) -> str:  # noqa: FBT001 - as the functions above
    """Return the text of a name, to which a mark will be added."""
    if not crowded:
        return _name(segment, crowded=False)
    first, rest = (segment[0], segment[1:]) if segment[:1] == "@" else ("", segment)
    return _before_mark(first + _text(rest, _NEVER_IN_PATH, "@"))


def _query(query: str) -> str:
    """Return the text of a query, to which a mark will be added."""
    return _before_mark(_text(query, _NEVER_IN_QUERY, "/\\#"))


def _before_mark(text: str) -> str:
    return f"{text[:-1]}%7E" if text.endswith("~") else text


def _text(part: str, never_plain: frozenset[str], escaped: str = "") -> str:
    """Turn a part of a URL into a part of a name that tells it. `escaped` are characters that it may not have."""
    if part == "%25":  # `%` is the name of an empty segment
        return part
    pieces = ((match[0], part[match.end() : match.end() + 2]) for match in _PIECES.finditer(part))
    return _with_spaces_inside("".join(_shown(*piece, never_plain, escaped) for piece in pieces))


def _shown(piece: str, behind: str, never_plain: frozenset[str], escaped: str) -> str:
    """Return how one character, or the escapes of several, are written. `behind` are the two characters behind them."""
    if piece[0] != "%":
        return f"%{ord(piece):02X}" if piece in escaped else piece
    if piece[1] in "89ABCDEF":
        return _decoded(piece)
    if piece == "%25":
        return "%" if not _HEX_NEXT.match(behind) else "%2525" if escaped else "%25"
    character = chr(int(piece[1:], 16))
    if character in never_plain:
        return character
    return f"%25{piece[1:]}" if character in escaped else piece


def _decoded(escapes: str) -> str:
    """Decode a run of escaped bytes over 0x7F. Characters that people can't see stay escaped."""
    try:
        text = bytes.fromhex(escapes.replace("%", "")).decode()
    except UnicodeDecodeError:
        return escapes
    return "".join(c if c.isprintable() and not UNSEEN.match(c) else quote(c) for c in text)


def _dotted(ext: str) -> str:
    return f".{ext}" if ext else ""


def _clipped(text: str, tail: str = "") -> str:
    """Join the text and the end of a name; by rule 7 if that is too long."""
    name = text + tail
    if len(name.encode()) <= MAX_NAME:
        return name
    end = f"~~{digest(name)}{tail.removeprefix('~~')}"
    return text.encode()[: MAX_NAME - len(end)].decode(errors="ignore").rstrip(" %") + end
