"""Whether a stream of HTTP/2 ended with END_STREAM, which says that its payload is whole (RFC 9113, 8.1).

A server may also reset a stream with the code NO_ERROR. Behind the end of an answer that means nothing; in its middle the
payload is cut short. libcurl takes both for the end, and reports the same for them (curl/curl#6015; by HTTP/3 it does so too).
It matters only for payloads that neither a length nor a content-coding bounds.

Only libcurl's trace of frames tells the two apart. It costs too much to be on for all servers, so a transfer that needs it is
repeated with it, and so are all later ones from that server. HTTP/3 has no such trace: such a server is asked by HTTP/2. If
libcurl has no trace at all, it is asked by HTTP/1.1, where a last chunk ends such a payload.
"""

import ctypes
import re
from functools import cache
from typing import ClassVar, Final

import pycurl
from pycurl import _pycurl

_FILTER: Final = b"http/2"
_LINE: Final = re.compile(rb"\[HTTP/2\] \[(\d+)\] (.*)", re.DOTALL)
_FRAME: Final = b"<- FRAME["
_END_STREAM: Final = b"eos=1"
_CLOSED: Final = b"CLOSED"


class StreamEnd:
    """Reads the trace of one transfer. `is_seen`: its stream ended with END_STREAM.

    libcurl gives a frame to the trace of whichever transfer it reads the connection for, and at once says in the trace of the
    frame's own transfer that the stream was closed. So the last frame is shared, and lines about another stream make it void.
    """

    _last: ClassVar[tuple[bytes, bool]] = (b"", False)
    """The last frame that came for any transfer: its stream, and whether it has END_STREAM."""

    def __init__(self) -> None:
        self.is_seen = False

    def set_options(self, easy: pycurl.Curl) -> bool:
        """Make the transfer show the end of its payload. Returns that the handle is unfit for other transfers."""
        if can_trace():
            easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2TLS)
            easy.setopt(pycurl.DEBUGFUNCTION, self.on_debug)
            easy.setopt(pycurl.VERBOSE, 1)
        else:
            easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        return True

    def on_debug(self, kind: int, text: bytes) -> None:
        """Receive a line of the trace."""
        if kind != pycurl.INFOTYPE_TEXT:
            return
        line = _LINE.match(text)
        stream, words = line.groups() if line else (b"", b"")
        if words.startswith(_FRAME):
            StreamEnd._last = stream, _END_STREAM in words
        elif stream != StreamEnd._last[0]:
            StreamEnd._last = b"", False
        elif words.startswith(_CLOSED):
            self.is_seen = StreamEnd._last[1]


@cache
def can_trace() -> bool:
    """Turn on libcurl's trace of frames, for the transfers that ask for it; return whether it has one.

    pycurl has no name for `curl_global_trace`, so it is looked up in the library that pycurl uses.
    """
    try:
        library = ctypes.CDLL(_pycurl.__file__)
        return int(library.curl_global_trace(_FILTER)) == 0
    except (OSError, AttributeError):
        return False
