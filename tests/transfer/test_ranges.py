"""Refused ranges of FTP: a server that can't start in the middle of a file is asked for the whole."""

from types import SimpleNamespace
from typing import Any

import pycurl
import pytest
from scrapy import Request

from mirror.core.url.canonical import canonical
from mirror.store.disk.spool import PartialDownload, Promise
from mirror.transfer.curl_errors import TransferError
from mirror.transfer.curl_operation import RangeRefusedError
from mirror.transfer.file_transfer import FileTransfer

HANDLER: Any = SimpleNamespace(crawler=None, spools=None, max_size=0, warn_size=0)
PART = PartialDownload(Promise(canonical("ftp://example.org/a.iso"), "yesterday", 10), 5)


@pytest.mark.parametrize(
    "code",
    [
        pycurl.E_FTP_COULDNT_USE_REST,
        pycurl.E_RANGE_ERROR,
        pycurl.E_BAD_DOWNLOAD_RESUME,
        pycurl.E_FTP_COULDNT_RETR_FILE,  # 550 to RETR after REST
        pycurl.E_REMOTE_FILE_NOT_FOUND,
        pycurl.E_REMOTE_ACCESS_DENIED,
    ],
)
def test_a_refused_rest_of_a_file_is_followed_by_the_whole(code: int) -> None:
    request = Request(PART.promise.url)
    with pytest.raises(RangeRefusedError):
        FileTransfer(HANDLER, request, PART).failed(TransferError(code, "550 Failed"))
    with pytest.raises(Exception, match=r"404|403|550"):  # without a part, the file is refused
        FileTransfer(HANDLER, request, None).failed(TransferError(code, "550 Failed"))
