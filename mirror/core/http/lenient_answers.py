"""Answers that are no valid HTTP/1.1, read as browsers read them.

Input: the bytes of a connection, block by block. Output: the status, the headers, and the bytes of the body. This module opens
no socket. It is for answers that a strict parser has refused: what it accepts is as in Chromium, which is not what RFC 9112
says.

The law
-------
1. Up to four bytes may stand before `HTTP`, in any case. A version may be missing or unknown; a status that has no three digits
   is 200. `ICY 200 OK` is a status line of streaming servers.
2. Lines end with LF; a CR before it is dropped, and one elsewhere is a space. A line without a colon, or without a name before
   it, is ignored. A line that begins with white space continues the one before. White space around a name is dropped.
3. If chunked is the last transfer-coding, chunks tell the end; else the length does, if it is a number; else the connection's.
   Other transfer-codings are ignored.
4. A NUL among the headers, two lengths and two locations that differ, a length of more than 64 bits, headers or trailers of
   more than 256 KB, and more than 100 interim answers are refused.

The time for a block does not depend on how the server cuts the answer, and what is held between blocks is bounded.
"""

import re
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

MAX_HEAD: Final = 256 << 10
"""Bytes of a status line with its headers, and of all trailers."""

_STATUS_LINE: Final = re.compile(rb".{0,4}?(?:http|icy)(?:/[0-9.]*)?[ \t]*([0-9]*)", re.IGNORECASE | re.DOTALL)
_BLANK_LINE: Final = re.compile(rb"\n\r*\n")
_CHUNK: Final = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_MAX_CHUNK_LINE: Final = 16 << 10
_MAX_INTERIM: Final = 100
_MAX_DIGITS: Final = len(str(1 << 63))
_SPACE: Final = " \t"
_SINGLE: Final = ("content-length", "location", "content-disposition")
"""Headers of which two that differ make an answer useless: an attacker may have added one (response splitting)."""


class InvalidAnswerError(ValueError):
    """No browser would show the answer; the message says what is wrong with it."""


class _Part(Enum):
    HEAD = auto()
    LENGTH = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    CLOSE = auto()
    TRAILER = auto()
    DONE = auto()


class LenientAnswer:
    """An answer while it arrives. `status` is 0 until the headers of the final answer are there.

    >>> answer = LenientAnswer()
    >>> answer.feed(b"HTTP/1.1 200 OK\\r\\nno header\\r\\nContent-Length: 2\\r\\n\\r\\nhi"), answer.headers, answer.is_complete
    (b'hi', [('Content-Length', '2')], True)
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._part = _Part.HEAD
        self._held = bytearray()
        self._searched = 0  # how much of what is held ends no headers
        self._left = 0
        self._interim = 0

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer is there. One without a length ends with the connection."""
        return self._part is _Part.DONE

    @property
    def ends_with_connection(self) -> bool:
        return self._part is _Part.CLOSE

    def feed(self, block: bytes) -> bytes:
        """Receive a block of the connection, and return what it adds to the body. Raises `InvalidAnswerError`."""
        self._held += block
        body: list[bytes] = []
        while self._step(body):
            pass
        return b"".join(body)

    def _step(self, body: list[bytes]) -> bool:
        """Read the next part of what is held. Return whether there may be more to read."""
        match self._part:
            case _Part.HEAD:
                return self._read_head()
            case _Part.LENGTH | _Part.CLOSE:
                taken = len(self._held) if self._part is _Part.CLOSE else min(self._left, len(self._held))
                body.append(self._take(taken))
                self._left -= taken
                if self._part is _Part.LENGTH and not self._left:
                    self._part = _Part.DONE
            case _Part.CHUNK if self._left:
                taken = min(self._left, len(self._held))
                body.append(self._take(taken))
                self._left -= taken
                self._part = _Part.CHUNK if self._left else _Part.CHUNK_END
                return bool(self._held)
            case _Part.CHUNK:
                return self._read_chunk_line()
            case _Part.CHUNK_END:
                return self._read_chunk_end()
            case _Part.TRAILER:
                return self._read_trailer()
        return False

    def _take(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    # --- the head ------------------------------------------------------------------------------------------------------

    def _read_head(self) -> bool:
        start = 0
        while start < len(self._held) and self._held[start] in b"\r\n":
            start += 1
        end = _BLANK_LINE.search(self._held, max(start, self._searched))
        if end is None:
            self._searched = max(self._held.rfind(b"\n"), 0)  # the next part may go on with a second one
            if len(self._held) > MAX_HEAD:
                raise InvalidAnswerError(f"headers of more than {MAX_HEAD:,} bytes")
            return False
        head, self._searched = self._take(end.end()), 0
        if b"\0" in head:
            raise InvalidAnswerError("a NUL byte in a header")
        first, *lines = head[start:].rstrip(b"\r\n").split(b"\n")
        status = _status(first)
        if status // 100 == 1 and status != HTTPStatus.SWITCHING_PROTOCOLS:  # an answer in between
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                raise InvalidAnswerError(f"more than {_MAX_INTERIM} answers before the final one")
            return bool(self._held)
        self.status, self.headers = status, _fields(lines)
        self._begin_body()
        return True

    def _begin_body(self) -> None:
        codings = [one.strip().lower() for one in ",".join(self._values("transfer-encoding")).split(",")]
        length = next(iter(self._values("content-length")), "")
        if codings[-1] == "chunked":
            self._part = _Part.CHUNK
            self.headers = [pair for pair in self.headers if pair[0].lower() != "content-length"]
        elif length.isascii() and length.isdigit():
            if len(length) > _MAX_DIGITS:
                raise InvalidAnswerError("a length of more than 64 bits")
            self._part, self._left = _Part.LENGTH, int(length)
        else:
            self._part = _Part.CLOSE
        if self.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
            self._part = _Part.DONE
        if self._part is not _Part.CHUNK:
            self.headers = [pair for pair in self.headers if pair[0].lower() != "transfer-encoding"]

    def _values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]

    # --- chunks --------------------------------------------------------------------------------------------------------

    def _read_chunk_line(self) -> bool:
        end = self._held.find(b"\n")
        if end < 0:
            if len(self._held) > _MAX_CHUNK_LINE:
                raise InvalidAnswerError("a chunk has no length")
            return False
        size = _CHUNK.match(self._held)
        if size is None:
            raise InvalidAnswerError("a chunk has no length")
        self._left = int(size[1], 16)
        del self._held[: end + 1]
        if not self._left:
            self._part, self._left = _Part.TRAILER, MAX_HEAD
        return True

    def _read_trailer(self) -> bool:
        end = self._held.find(b"\n")
        if (len(self._held) if end < 0 else end) > self._left:
            raise InvalidAnswerError(f"trailers of more than {MAX_HEAD:,} bytes")
        if end < 0:
            return False
        line = self._take(end + 1)
        self._left -= len(line)
        self._part = _Part.TRAILER if line.strip() else _Part.DONE
        return bool(self._held)

    def _read_chunk_end(self) -> bool:
        if self._held[:1] == b"\n":
            self._take(1)
        elif self._held[:2] == b"\r\n":
            self._take(2)
        elif self._held and self._held != b"\r":
            raise InvalidAnswerError("a chunk is longer than its length")
        else:
            return False
        self._part = _Part.CHUNK
        return True


def _status(line: bytes) -> int:
    found = _STATUS_LINE.match(line)
    if found is None:
        raise InvalidAnswerError("no status line (HTTP/0.9)")
    return int(found[1]) if len(found[1]) == len("200") and found[1] >= b"100" else 200


def _fields(lines: list[bytes]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in lines:
        text = line.rstrip(b"\r").replace(b"\r", b" ").decode("latin-1")
        name, colon, value = (part.strip(_SPACE) for part in text.partition(":"))
        if text[:1] in {" ", "\t"}:
            if found:
                before, start = found[-1]
                found[-1] = (before, f"{start} {text}".strip(_SPACE))
        elif colon and name:
            found.append((name, value))
    lengths = ",".join(value for name, value in found if name.lower() == "content-length")
    if lengths:
        first, *others = dict.fromkeys(one.strip() for one in lengths.split(","))
        found = [pair for pair in found if pair[0].lower() != "content-length"]
        found += [("Content-Length", one) for one in (first, *others)]
    for single in _SINGLE:
        if len({value for name, value in found if name.lower() == single}) > 1:
            raise InvalidAnswerError(f"two {single} headers that differ")
    return found
