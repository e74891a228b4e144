"""Decodes content codings, and never returns a part as if it were the whole (RFC 9110 8.4).

Input: a payload as transferred, at once or in blocks, and its Content-Encoding. Output: the decoded payload. `decoded` returns
it whole and verified, or raises `CodingError`. A `Decoder` returns its blocks as they arrive; they are the whole payload only
once `end` has returned. This module never exceeds the caller's bound or an expansion that honest encoders can reach, and its
memory doesn't grow with the expansion.

Browsers show what they can decode of a stream that ends too early. An archive must not, because the rest would never be
fetched. Everything else is as in browsers: a payload that is declared gzip but isn't is an error; an empty payload is valid;
"deflate" may lack the zlib wrapping; a word that is no coding (`none`, `UTF-8`, `binary`) means that there is none; and data
after a complete stream that doesn't begin another one is ignored. gzip (RFC 1952 2.2) and zstd (RFC 8878 3) allow several
streams in a row; between those of gzip there may be zeros.
"""

import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED: Final = "gzip, deflate, br, zstd"
"""The Accept-Encoding for which every answer can be decoded."""

MAX_CODINGS: Final = 5
"""Codings that a payload may have, one in another."""

MAX_EXPANSION: Final = 1032
"""The most that deflate can expand: 258 bytes for two bits. brotli, zstd and gzip in gzip have no such limit."""

FREE_EXPANSION: Final = 1 << 24
"""Bytes that any payload may expand to: brotli's largest window (RFC 7932 9.1), which may be in memory anyway."""

_ALIASES: Final = {"x-gzip": "gzip"}
_NOT_UNDONE: Final = frozenset({"aes128gcm", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})
"""Codings of IANA's registry that are not asked for. A payload that has one of these can't be read."""
_BLOCK = 1 << 12  # the rest of a block after each stream is copied, and there may be a stream every 20 bytes
_PIECE = 1 << 14  # brotli's buffer grows in steps, of which this allows only the first, 32 KB
_REPLAYED = 1 << 20  # bytes of brotli; data after a longer stream counts as damage, and isn't ignored
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_WINDOW: Final[dict[int, int]] = {
    zstd.DecompressionParameter.window_log_max: 23
}  # 8 MiB, the limit on the web (RFC 9659 3)
_GZIP_MAGIC: Final = b"\x1f\x8b"
_SHOWN = 40


class CodingError(ValueError):
    """A payload can't be decoded whole; the message is a short reason."""


class TooLongError(CodingError):
    """A payload is longer than the caller accepts."""


def decoded(payload: bytes, content_encoding: str, max_size: int) -> bytes:
    """Decode all codings of a Content-Encoding value, the last one first. `max_size` bounds each step, in bytes; 0: no bound.

    >>> decoded(zlib.compress(b"a"), "Deflate, identity", max_size=1)
    b'a'
    >>> decoded(b"a", "UTF-8", max_size=1)
    b'a'
    >>> decoded(b"a", "compress", max_size=1)
    Traceback (most recent call last):
    mirror.core.http.content_coding.CodingError: unknown content coding 'compress'
    """
    decoder = Decoder(content_encoding, max_size)
    content = b"".join(decoder.feed(payload))
    return content + decoder.end()


def codings(content_encoding: str) -> list[str]:
    """Return the codings to undo, in the order in which they were applied. None if one of the words is no coding.

    >>> codings("GZIP, identity, br"), codings("none"), codings("gzip, utf-8")
    (['gzip', 'br'], [], [])
    """
    words = [word for part in content_encoding.split(",") if (word := part.strip().lower())]
    if len(words) > MAX_CODINGS:
        raise CodingError(f"more than {MAX_CODINGS} content codings")
    names = [_ALIASES.get(word, word) for word in words if word != "identity"]
    return names if all(name in _CODINGS or name in _NOT_UNDONE for name in names) else []


class Decoder:
    """Decodes the codings of a Content-Encoding value, block by block.

    No step may give more than `max_size` bytes (0: any number), nor more than `FREE_EXPANSION` plus `MAX_EXPANSION` times the
    bytes received so far. `is_gzip_file`: the payload should be a gzip file; if it is one only before the single coding gzip is
    undone, the server declares the format of the file, and the coding isn't undone.

    >>> decoder = Decoder("gzip", max_size=0)
    >>> b"".join(decoder.feed(zlib.compress(b"a", wbits=31)[:-1]))
    b'a'
    >>> decoder.end()
    Traceback (most recent call last):
    mirror.core.http.content_coding.CodingError: broken gzip
    """

    def __init__(self, content_encoding: str, max_size: int, *, is_gzip_file: bool = False) -> None:
        names = codings(content_encoding)
        self._steps = [_Step(name) for name in reversed(names)]
        self._max_size = max_size
        self._received = 0
        self._unread = 0
        self._undecided: bytes | None = b"" if is_gzip_file and names == ["gzip"] else None

    @property
    def undoes_any(self) -> bool:
        """Whether a coding is undone. Of a gzip file, this is known once a part of it was fed and read."""
        return bool(self._steps)

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Return what the block adds, in pieces of at most 64 KiB (without a coding, the block itself). Read all of it."""
        self._unread += 1
        return self._pieces(self._decided(block) if self._undecided is not None else block)

    def end(self) -> bytes:
        """Return the rest of the payload. Raises `CodingError` if what was fed and read is not the whole."""
        if self._unread:
            raise CodingError("not read to its end")
        rest = b""
        if self._undecided:  # it is too short for two bytes in it
            rest, self._undecided, self._steps = self._undecided, None, []
        for step in self._steps:
            step.end()
        return rest

    def _decided(self, block: bytes) -> bytes:
        """Hold the payload back until its first two bytes tell whether the coding is that of the file."""
        held = (self._undecided or b"") + block
        try:
            head = zlib.decompressobj(_GZIP).decompress(held, len(_GZIP_MAGIC))
        except zlib.error:
            head = _GZIP_MAGIC  # the step tells what is wrong
        self._undecided = held if len(head) < len(_GZIP_MAGIC) else None
        if head and not _GZIP_MAGIC.startswith(head):
            self._steps, self._undecided = [], None
        return b"" if self._undecided else held

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        pieces = self._received_parts(block) if self._steps else iter((block,))
        for step in self._steps:
            pieces = self._bounded(step, pieces)
        yield from filter(None, pieces)
        self._unread -= 1

    def _received_parts(self, block: bytes) -> Iterator[bytes]:
        """Split the block, and count its parts one by one, so that late parts allow no expansion of early ones."""
        for position in range(0, len(block), _BLOCK):
            part = block[position : position + _BLOCK]
            self._received += len(part)
            yield part

    def _bounded(self, step: "_Step", blocks: Iterator[bytes]) -> Iterator[bytes]:
        for piece in step.read(blocks):
            step.size += len(piece)
            if 0 < self._max_size < step.size:
                raise TooLongError(f"expands to more than {self._max_size} bytes")
            if step.size > FREE_EXPANSION + MAX_EXPANSION * self._received:
                raise CodingError(f"expands more than {MAX_EXPANSION} times")
            yield piece


class _Step:
    """Decodes one coding: its first stream, further streams if the coding allows them, and then nothing more."""

    def __init__(self, name: str) -> None:
        if name not in _CODINGS:
            raise CodingError(f"unknown content coding {name[:_SHOWN]!r}")
        self.size = 0
        self._name = name
        self._coding = _CODINGS[name]
        self._head = b""  # the beginning of the next stream, while it is too short to recognise
        self._stream: _Stream | None = None
        self._streams = 0
        self._is_over = False

    def read(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        for block in blocks:
            for position in range(0, len(block), _BLOCK):
                try:
                    yield from self._pieces(block[position : position + _BLOCK])
                except (zlib.error, brotli.error, zstd.ZstdError) as error:
                    raise CodingError(f"broken {self._name}") from error

    def end(self) -> None:
        if self._stream or (self._head and not self._streams):
            raise CodingError(f"broken {self._name}")

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        while block and not self._is_over:
            if self._stream is None:
                block = self._begin(block)
                continue
            yield from self._stream.inflate(block)
            block = b""
            if self._stream.eof:
                block = self._stream.unused_data
                self._stream = None
                self._streams += 1

    def _begin(self, block: bytes) -> bytes:
        """Open a stream if one begins, and return what there is of it."""
        head = self._head + block
        if self._streams:
            head = head.lstrip(self._coding.padding)
        is_short = len(head) < self._coding.head
        self._head = head if is_short else b""
        if is_short:
            return b""
        if self._streams and not (self._coding.magic and self._coding.magic.match(head)):
            self._is_over = True
        else:
            self._stream = self._coding.open(head)
        return head


class _Stream(Protocol):
    """The common interface of the libraries: a stream returns what a block adds, piece by piece, and knows its own end."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def inflate(self, block: bytes) -> Iterator[bytes]: ...


class _Zlib:
    def __init__(self, wrapping: int) -> None:
        self._stream = zlib.decompressobj(wrapping)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def inflate(self, block: bytes) -> Iterator[bytes]:
        piece = self._stream.decompress(block, _PIECE)
        yield piece
        while len(piece) == _PIECE and not self._stream.eof:  # more output may follow from the same input
            piece = self._stream.decompress(self._stream.unconsumed_tail, _PIECE)
            yield piece


class _Zstd:
    """A frame. Its first byte is fed alone: libzstd doesn't check the window of a frame that it gets at once."""

    def __init__(self) -> None:
        self._stream = zstd.ZstdDecompressor(options=_WINDOW)
        self._ahead = 1

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def inflate(self, block: bytes) -> Iterator[bytes]:
        if self._ahead:
            self._stream.decompress(block[: self._ahead])
            block = block[self._ahead :]
            self._ahead = 0
        yield self._stream.decompress(block, _PIECE)
        while not (self._stream.needs_input or self._stream.eof):
            yield self._stream.decompress(b"", _PIECE)


class _Brotli:
    """A stream (RFC 7932).

    If data follows a stream, the library fails, holds back the output before that data, and doesn't report where the stream
    ended. So up to `_REPLAYED` bytes of input are kept, and then fed again, the last block byte by byte.
    """

    unused_data = b""  # no further stream is allowed

    def __init__(self) -> None:
        self.eof = False
        self._stream = brotli.Decompressor()
        self._kept: list[bytes] = []
        self._fed = self._returned = 0

    def inflate(self, block: bytes) -> Iterator[bytes]:
        self._keep(block)
        try:
            for piece in self._drained(block):
                self._returned += len(piece)
                yield piece
        except brotli.error:
            if not self._kept:
                raise
            yield from self._replayed()

    def _keep(self, block: bytes) -> None:
        self._fed += len(block)
        self._kept.append(block)
        if self._fed > _REPLAYED:
            self._kept.clear()

    def _replayed(self) -> Iterator[bytes]:
        *blocks, last = self._kept
        blocks += [last[position : position + 1] for position in range(len(last))]
        self._stream = brotli.Decompressor()
        known = self._returned
        for block in blocks:
            for piece in self._drained(block):
                yield piece[known:]
                known -= min(known, len(piece))
            if self.eof:
                return

    def _drained(self, block: bytes) -> Iterator[bytes]:
        piece = self._stream.process(block, output_buffer_limit=_PIECE)
        while piece:
            yield piece
            piece = self._stream.process(b"", output_buffer_limit=_PIECE)
        self.eof = self._stream.is_finished()


def _deflate(head: bytes) -> _Zlib:
    """Open a zlib stream (RFC 1950), whose head no encoder writes at the start of a raw stream; else a raw one (RFC 1951)."""
    is_zlib = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
    return _Zlib(_ZLIB if is_zlib else _RAW)


@dataclass(frozen=True, slots=True)
class _Coding:
    """How to open a stream; the bytes that this needs; and how a further stream begins, if one is allowed."""

    open: Callable[[bytes], _Stream]
    head: int
    magic: re.Pattern[bytes] | None = None
    padding: bytes = b""


_CODINGS: Final = {
    "gzip": _Coding(lambda _: _Zlib(_GZIP), 2, re.compile(rb"\x1f\x8b"), padding=b"\0"),
    "deflate": _Coding(_deflate, 2),
    "br": _Coding(lambda _: _Brotli(), 1),
    "zstd": _Coding(lambda _: _Zstd(), 4, re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")),
}
