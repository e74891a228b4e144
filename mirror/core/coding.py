"""Content codings undone, so that a part never passes for the whole (RFC 9110 8.4).

Enters: a payload as it was transferred and its Content-Encoding. Leaves: the payload that is meant, whole and checked, or
a `CodingError`. Never here: what a broken stream gave before it broke, and more than the caller's bound in memory.

Browsers show what came of a stream that ends too early; an archive must not, since nobody would fetch the rest. Otherwise it
is as they do it: a payload that is declared gzip and is none is an error, no payload at all is an empty one, "deflate" may
come without zlib's wrapping, and what follows a whole stream and begins no other one is ignored.
"""

import re
import zlib
from collections.abc import Callable
from typing import Final

ACCEPTED: Final = "gzip, deflate"
"""The Accept-Encoding of which each answer can be undone."""

MOST_CODINGS: Final = 5

_ALIASES: Final = {"x-gzip": "gzip"}
_BLOCK = 1 << 12  # what a stream leaves of its last block is copied, and a payload may have a stream in each 20 bytes
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_NEXT_MEMBER = re.compile(rb"\0*+(?=\x1f\x8b)")
_SHOWN = 40


class CodingError(ValueError):
    """A payload that can't be had whole; the message is the reason, in a few words."""


def decoded(payload: bytes, content_encoding: str, most: int) -> bytes:
    """Undo all codings of a Content-Encoding value, the last one first; no step may give more than `most` bytes.

    >>> decoded(zlib.compress(b"a"), "Deflate, identity", most=1)
    b'a'
    >>> decoded(b"a", "br", most=1)
    Traceback (most recent call last):
    mirror.core.coding.CodingError: unknown content coding 'br'
    """
    names = [name for part in content_encoding.split(",") if (name := part.strip().lower())]
    if len(names) > MOST_CODINGS:
        raise CodingError(f"more than {MOST_CODINGS} content codings")
    for name in reversed(names):
        payload = _undone(payload, _ALIASES.get(name, name), most)
    return payload


def _undone(payload: bytes, name: str, most: int) -> bytes:
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise CodingError(f"unknown content coding {name[:_SHOWN]!r}")
    try:
        return decoder(payload, most) if payload else payload
    except zlib.error as error:
        raise CodingError(f"broken {name}") from error


def _gunzip(payload: bytes, most: int) -> bytes:
    """All members of a gzip stream (RFC 1952 2.2), zeros between them or not."""
    found = bytearray()
    position = _inflate(payload, 0, _GZIP, found, most)
    while member := _NEXT_MEMBER.match(payload, position):
        position = _inflate(payload, member.end(), _GZIP, found, most)
    return bytes(found)


def _undeflate(payload: bytes, most: int) -> bytes:
    """A zlib stream (RFC 1950), which begins as no encoder begins a raw one; else a raw one (RFC 1951)."""
    found = bytearray()
    is_zlib = payload[0] & 0x0F == zlib.DEFLATED and int.from_bytes(payload[:2], "big") % 31 == 0
    _inflate(payload, 0, _ZLIB if is_zlib else _RAW, found, most)
    return bytes(found)


def _inflate(payload: bytes, position: int, wrapping: int, found: bytearray, most: int) -> int:
    """Add the stream that begins at a position to what was found; where it ends."""
    stream = zlib.decompressobj(wrapping)
    while not stream.eof:
        block = payload[position : position + _BLOCK]
        if not block:
            raise zlib.error("the end is missing")
        found += stream.decompress(block, most - len(found) + 1)
        if len(found) > most:
            raise CodingError(f"expands to more than {most} bytes")
        position += len(block) - len(stream.unused_data)
    return position


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "deflate": _undeflate,
    "identity": lambda payload, _: payload,
}
