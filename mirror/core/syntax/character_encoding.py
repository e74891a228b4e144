"""Decodes the bytes of a document to text and back, without losing a byte.

Input: a payload and its Content-Type. Output: a `Text`. If the text didn't change, its `encode` returns the same bytes,
whatever they were. This module never puts a replacement character in the place of bytes, because that would lose them.
"""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from w3lib.encoding import html_body_declared_encoding, http_content_type_encoding, read_bom, resolve_encoding

_UNREAD: Final = 0xDC00  # as surrogateescape maps bytes over 0x7F
_SINGLE_BYTE: Final = (
    "cp866 iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10 iso8859-13 iso8859-14 "
    "iso8859-15 iso8859-16 koi8-r koi8-u mac-roman mac-cyrillic cp874 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 "
    "cp1257 cp1258"
)
_MULTI_BYTE: Final = "utf-8 gb18030 big5hkscs cp932 euc_jp iso2022_jp cp949"
_WINDOWS: Final = frozenset(
    ["cp874", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"]
)
_CONTROLS: Final = {_UNREAD + byte: byte for byte in range(0x80, 0xA0)}
"""Bytes that Python's codecs of Windows lack -> what browsers have there, the control of that number (WHATWG Encoding 9)."""

_WIDE: Final = "utf-16 utf-16-le utf-16-be"
_CODECS: Final = frozenset(f"{_SINGLE_BYTE} {_MULTI_BYTE} {_WIDE}".split())
"""The encodings of browsers (WHATWG Encoding 4.2), as Python's codecs. A declaration of any other is ignored."""

_CSS_CHARSET: Final = b'@charset "'
_LABEL: Final = re.compile(r"charset[ \t]*=[ \t]*[\"']?([\w.:+\-]+)", re.IGNORECASE | re.ASCII)
_READ: Final = 4096
_MAX_HEAD: Final = 1 << 20
"""Bytes of a document in which a declaration is looked for."""
_CHARSET: Final = re.compile(rb"charset", re.IGNORECASE)
_PART_OF_HEAD: Final = re.compile(
    rb"""<!--.*?(?:-->|\Z) | <(?P<raw>script|style|title|noscript|template)\b.*?(?:</(?P=raw)\b|\Z)
      | (?P<meta><meta\b(?:[^>"']|"[^"]{0,999}"|'[^']{0,999}')*+>) | <(?:link|base|html|head|meta)\b
      | (?P<other><[a-z])""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_LATIN_1: Final = "latin-1"
_RESTORABLE: Final = "surrogateescape"
_BLOCK: Final = 1 << 12
_OR_REFERENCE: Final = "mirror.core.syntax.character_encoding.or_reference"


@dataclass(frozen=True, slots=True)
class Text:
    """A document as text. `encoding` is a Python codec; each byte that it can't decode is a surrogate, U+DC00 plus the byte.

    `rest` is an incomplete code unit at the end of a text in UTF-16.
    """

    text: str
    encoding: str
    rest: bytes = b""

    def encode(self, text: str) -> bytes:
        """Encode a changed text. A character that the encoding lacks becomes a numeric reference."""
        errors = "surrogatepass" if self.encoding in _WIDE.split() else _OR_REFERENCE
        return text.encode(self.encoding, errors) + self.rest


def decode(payload: bytes, content_type: str | None = None, fallback: str = "utf-8", plain: str = "utf-8") -> Text:
    """Decode a payload by its BOM, its Content-Type, or its own declaration; else as UTF-8; else as windows-1252.

    `fallback` takes the place of UTF-8, and `plain` if the payload is ASCII. Of an HTML page, this is windows-1252: browsers
    encode the characters in the queries of its links in it, such as `&eacute;`.

    The order is that of WHATWG HTML 13.2.3.2. Some codecs decode two codes to the same character. Of these, the code that the
    codec wouldn't encode to stays as bytes. If the text still wouldn't encode to the same bytes, decode it as Latin-1: that
    keeps markup and bytes, and loses only the identity of characters.

    >>> decode(b"caf\\xe9", "text/html; charset=iso-8859-1").text
    'café'
    """
    encoding = _encoding(payload, content_type, plain if payload.isascii() else fallback)
    odd = len(payload) % 2 if encoding in _WIDE.split() else 0
    whole, rest = payload[: len(payload) - odd], payload[len(payload) - odd :]
    for read in (_decoded, _decoded_by_pieces):
        try:
            text = read(whole, encoding)
            found = Text(text.translate(_CONTROLS) if encoding in _WINDOWS else text, encoding, rest)
            if encoding == "utf-8" or found.encode(found.text) == payload:
                return found
        except UnicodeError:
            pass
    return Text(payload.decode(_LATIN_1), _LATIN_1)


def _decoded(payload: bytes, encoding: str) -> str:
    return payload.decode(encoding, "surrogatepass" if encoding in _WIDE.split() else _RESTORABLE)


def _decoded_by_pieces(payload: bytes, encoding: str) -> str:
    """Decode a payload; each code that the encoder wouldn't write stays as bytes. Blocks without such codes are fast."""
    decoder = codecs.getincrementaldecoder(encoding)(_RESTORABLE)
    pieces: list[str] = []
    start = 0  # of the code that is being decoded
    for begin in range(0, len(payload), _BLOCK):
        end = min(begin + _BLOCK, len(payload))
        state = decoder.getstate()
        text = decoder.decode(payload[begin:end], end == len(payload))
        whole = end - len(decoder.getstate()[0])
        if text.encode(encoding, _RESTORABLE) == payload[start:whole]:
            pieces.append(text)
            start = whole
        else:
            decoder.setstate(state)
            for place in range(begin + 1, end + 1):
                piece = decoder.decode(payload[place - 1 : place], place == len(payload))
                if piece:
                    pieces.append(_as_written(payload[start:place], piece, encoding))
                    start = place
    return "".join(pieces)


def _as_written(code: bytes, text: str, encoding: str) -> str:
    """Return the character of a code, or its bytes if the encoder would write other ones."""
    other = code.removesuffix(text.encode(encoding, _RESTORABLE))
    return "".join(chr(_UNREAD + byte) for byte in other) + text * (other != code)


def _encoding(payload: bytes, content_type: str | None, fallback: str) -> str:
    by_bom, _ = read_bom(payload)
    if by_bom in _CODECS:
        return by_bom
    declared = http_content_type_encoding(content_type)
    if declared in _CODECS:
        return "utf-16-le" if declared == "utf-16" else declared
    in_text = _css_charset(payload) or html_body_declared_encoding(payload) or _late_declaration(payload)
    if in_text in _WIDE.split():  # the declaration was read as ASCII, so it can't be true (WHATWG HTML 13.2.3.2)
        return "utf-8"
    if in_text in _CODECS:
        return in_text
    return fallback if _is_utf8(payload) else "cp1252"


def header_charset(payload: bytes, content_type: str | None) -> tuple[str, str]:
    """Return the label in a Content-Type, and its codec; ("", "") if it names none that browsers know, or a mark outweighs it.

    >>> header_charset(b"", "text/html; charset=ISO-8859-9"), header_charset(b"\\xef\\xbb\\xbf", "text/html; charset=koi8-r")
    (('ISO-8859-9', 'cp1254'), ('', ''))
    """
    label = label_in(content_type)
    codec = codec_of(label)
    return (label, codec) if codec and read_bom(payload)[0] not in _CODECS else ("", "")


def label_in(value: str | None) -> str:
    """Return the label of the encoding in a Content-Type, or in a `<meta>` with one; "" if there is none."""
    match = _LABEL.search(value or "")
    return match[1] if match else ""


def codec_of(label: str) -> str:
    """Return the codec of a label; "" if browsers don't know it."""
    codec = resolve_encoding(label.strip()) if label else None
    codec = "utf-16-le" if codec == "utf-16" else codec
    return codec if codec and codec in _CODECS else ""


def is_wide(codec: str) -> bool:
    """Whether a codec writes characters of ASCII in two bytes."""
    return codec in _WIDE.split()


def _css_charset(payload: bytes) -> str | None:
    if not payload.startswith(_CSS_CHARSET):
        return None
    label = payload[len(_CSS_CHARSET) : 128].partition(b'"')[0].decode("ascii", "ignore")
    return resolve_encoding(label)


def _late_declaration(payload: bytes) -> str | None:
    """Return the encoding that a `<meta>` in a long head declares, behind the 4,096 bytes that w3lib reads.

    As in Chromium (HTMLMetaCharsetParser), the head ends at the first tag that is none of it.
    """
    if len(payload) <= _READ or not payload.lstrip().startswith(b"<") or not _CHARSET.search(payload, _READ, _MAX_HEAD):
        return None
    for part in _PART_OF_HEAD.finditer(payload, 0, _MAX_HEAD):
        if part["meta"] and (found := html_body_declared_encoding(part["meta"])):
            return found
        if part["other"] and part.start() > _READ:
            return None
    return None


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _or_reference(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return b"".join(_byte(c) or f"&#{ord(c)};".encode() for c in lost), error.end


def _byte(character: str) -> bytes:
    """Return the byte that a character stands for: one that the codec lacks, or a control of an encoding of Windows."""
    code = ord(character)
    return bytes([code & 0xFF]) if code - _UNREAD in range(256) or code in _CONTROLS.values() else b""


codecs.register_error(_OR_REFERENCE, _or_reference)
