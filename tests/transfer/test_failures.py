"""The words for a transfer that failed."""

import pycurl
import pytest

from mirror.transfer.curl_errors import TransferError, scrapy_exception
from mirror.transfer.failures import text


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (pycurl.E_COULDNT_RESOLVE_HOST, "Could not resolve host: a.example", "host does not resolve"),
        (pycurl.E_COULDNT_RESOLVE_PROXY, "Could not resolve proxy: p.example", "proxy does not resolve"),
        (pycurl.E_COULDNT_CONNECT, "Failed to connect to a.example port 1", "connection refused"),
        (pycurl.E_COULDNT_CONNECT, "Connection timed out after 9 ms", "timed out"),
        (pycurl.E_COULDNT_CONNECT, "CONNECT tunnel failed, response 403", "proxy refused the connection"),
        (pycurl.E_OPERATION_TIMEDOUT, "Operation timed out", "timed out"),
        (pycurl.E_PARTIAL_FILE, "end of response with 9 bytes missing", "cut short by the server"),
        (pycurl.E_GOT_NOTHING, "Empty reply from server", "connection closed by the server"),
        (pycurl.E_SSL_CONNECT_ERROR, "wrong version number", "TLS handshake failed"),
        (pycurl.E_PEER_FAILED_VERIFICATION, "SSL certificate problem: self-signed", "certificate not trusted"),
        (pycurl.E_RECV_ERROR, "Recv failure: Connection reset by peer", "connection closed by the server"),
        (1, "Received HTTP/0.9 when not allowed", "invalid HTTP: Received HTTP/0.9 when not allowed"),
    ],
)
def test_each_error_has_words_that_do_not_differ_from_url_to_url(code: int, said: str, told: str) -> None:
    assert text(scrapy_exception(TransferError(code, said))) == told
