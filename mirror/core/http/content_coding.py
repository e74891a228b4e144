"""Content codings undone, so that a part never passes for the whole (RFC 9110 8.4).

Enters: a payload as it was transferred, at once or block by block, and its Content-Encoding. Leaves: the payload that is
meant. `decoded` gives it whole and checked, or a `CodingError`; a `Decoder` gives its blocks as they come, and they are the
payload once its `end` has said so. Never here: more than the caller's bound, what no honest encoder makes, and memory that
grows with the expansion.

Browsers show what came of a stream that ends too early; an archive must not, since nobody would fetch the rest. Otherwise it
is as they do it: a payload that is declared gzip and is none is an error, no payload at all is an empty one, "deflate" may
come without zlib's wrapping, and what follows a whole stream and begins no other one is ignored. Of gzip (RFC 1952 2.2) and
zstd (RFC 8878 3) there may be several streams, one after the other; between those of gzip there may be zeros.
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
"""The Accept-Encoding of which each answer can be undone."""

MOST_CODINGS: Final = 5

MOST_EXPANSION: Final = 1032
"""What deflate can do at best: 258 bytes for two bits. What brotli and zstd can do has no such end, nor has gzip in gzip."""

FREE_EXPANSION: Final = 1 << 24
"""So much is given for any payload: brotli's largest window (RFC 7932 9.1), which may be in memory anyway."""

_ALIASES: Final = {"x-gzip": "gzip"}
_BLOCK = 1 << 12  # what a stream leaves of its last block is copied, and a payload may have a stream in each 20 bytes
_PIECE = 1 << 14  # brotli's buffer comes in steps of which the first, 32 KB, is all that this lets in
_REPLAYED = 1 << 20  # of brotli; what follows a longer stream is taken for damage, not for what can be ignored
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_WINDOW: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}  # 8 MiB, the web's bound (RFC 9659 3)
_SHOWN = 40


class CodingError(ValueError):
    """A payload that can't be had whole; the message is the reason, in a few words."""


class TooLongError(CodingError):
    """A payload that is longer than somebody wants it."""


def decoded(payload: bytes, content_encoding: str, most: int) -> bytes:
    """Undo all codings of a Content-Encoding value, the last one first; no step may give more than `most` bytes, 0 for any.

    >>> decoded(zlib.compress(b"a"), "Deflate, identity", most=1)
    b'a'
    >>> decoded(b"a", "rot13", most=1)
    Traceback (most recent call last):
    mirror.core.http.content_coding.CodingError: unknown content coding 'rot13'
    """
    decoder = Decoder(content_encoding, most)
    content = b"".join(decoder.feed(payload))
    decoder.end()
    return content


class Decoder:
    """Undoes the codings of a Content-Encoding value, block by block.

    No step gives more than `most` bytes, 0 for any number, nor more than `FREE_EXPANSION` and `MOST_EXPANSION` times what has
    been received by then.

    >>> decoder = Decoder("gzip", most=0)
    >>> b"".join(decoder.feed(zlib.compress(b"a", wbits=31)[:-1]))
    b'a'
    >>> decoder.end()
    Traceback (most recent call last):
    mirror.core.http.content_coding.CodingError: broken gzip
    """

    def __init__(self, content_encoding: str, most: int) -> None:
        names = [name for part in content_encoding.split(",") if (name := part.strip().lower())]
        if len(names) > MOST_CODINGS:
            raise CodingError(f"more than {MOST_CODINGS} content codings")
        self._steps = [_Step(_ALIASES.get(name, name)) for name in reversed(names) if name != "identity"]
        self._most = most
        self._received = 0
        self._unread = 0

    def feed(self, block: bytes) -> Iterator[bytes]:
        """What the block adds, in pieces of 64 KiB at most (where nothing is coded, as it is); to be read to its end."""
        self._unread += 1
        return self._pieces(block)

    def end(self) -> None:
        """Tell by a CodingError that what was fed, and read, is not the whole."""
        if self._unread:
            raise CodingError("not read to its end")
        for step in self._steps:
            step.end()

    def _pieces(self, block: bytes) -> Iterator[bytes]:
        pieces = self._received_of(block) if self._steps else iter((block,))
        for step in self._steps:
            pieces = self._bounded(step, pieces)
        yield from filter(None, pieces)
        self._unread -= 1

    def _received_of(self, block: bytes) -> Iterator[bytes]:
        """The block, in parts that are counted one by one: what comes late in it allows no expansion early in it."""
        for position in range(0, len(block), _BLOCK):
            part = block[position : position + _BLOCK]
            self._received += len(part)
            yield part

    def _bounded(self, step: "_Step", blocks: Iterator[bytes]) -> Iterator[bytes]:
        for piece in step.read(blocks):
            step.given += len(piece)
            if 0 < self._most < step.given:
                raise TooLongError(f"expands to more than {self._most} bytes")
            if step.given > FREE_EXPANSION + MOST_EXPANSION * self._received:
                raise CodingError(f"expands more than {MOST_EXPANSION} times")
            yield piece


class _Step:
    """One coding, undone: its first stream, those that follow where it has such, and then nothing any more."""

    def __init__(self, name: str) -> None:
        if name not in _CODINGS:
            raise CodingError(f"unknown content coding {name[:_SHOWN]!r}")
        self.given = 0
        self._name = name
        self._coding = _CODINGS[name]
        self._head = b""  # of the next stream, while it is too short to tell
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
        """Open a stream if one begins; what is there of it."""
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
    """What the libraries have in common: gives what a block adds, piece by piece, and knows its own end."""

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
        while len(piece) == _PIECE and not self._stream.eof:  # there may be more, though all was taken in
            piece = self._stream.decompress(self._stream.unconsumed_tail, _PIECE)
            yield piece


class _Zstd:
    """A frame. Its first byte goes ahead: in a frame that is given at once, libzstd does not look at the window."""

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
    """A stream (RFC 7932). Where one is followed by anything, the library fails, keeps what came before that, and does not
    tell where it was. So what was given is kept, while it is not too much, and given again then, byte by byte at the end.
    """

    unused_data = b""  # no other stream may follow

    def __init__(self) -> None:
        self.eof = False
        self._stream = brotli.Decompressor()
        self._kept: list[bytes] = []
        self._taken = self._given = 0

    def inflate(self, block: bytes) -> Iterator[bytes]:
        self._keep(block)
        try:
            for piece in self._drained(block):
                self._given += len(piece)
                yield piece
        except brotli.error:
            if not self._kept:
                raise
            yield from self._replayed()

    def _keep(self, block: bytes) -> None:
        self._taken += len(block)
        self._kept.append(block)
        if self._taken > _REPLAYED:
            self._kept.clear()

    def _replayed(self) -> Iterator[bytes]:
        *blocks, last = self._kept
        blocks += [last[position : position + 1] for position in range(len(last))]
        self._stream = brotli.Decompressor()
        known = self._given
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
    """A zlib stream (RFC 1950), which begins as no encoder begins a raw one; else a raw one (RFC 1951)."""
    is_zlib = head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
    return _Zlib(_ZLIB if is_zlib else _RAW)


@dataclass(frozen=True, slots=True)
class _Coding:
    """How a stream is opened, the least that has to be there of it, and how one that follows another begins, if one may."""

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
