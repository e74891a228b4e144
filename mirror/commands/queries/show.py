"""`websucker show DIR URL[@SNAPSHOT]`: write what the archive has of a URL to stdout."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from rich.filesize import decimal

from mirror.cli.archive_command import open_reader
from mirror.cli.archived_url import find_url_and_snapshot, find_version
from mirror.core.http.messages import MAX_READ, header, status_text
from mirror.reports.exit_codes import Exit
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError
from mirror.store.manifest.records import Resource
from mirror.terminal.console import exit_with_error, print_bytes, print_line, print_message, print_text

if TYPE_CHECKING:
    from mirror.reports.page_text import PageText

_BLOCK: Final = 1 << 18
_TEXTS: Final = frozenset({"application/json", "application/xml", "application/xhtml+xml", "image/svg+xml"})
"""Media types of text that do not begin with `text/`."""


def run(given: Namespace) -> int:
    """Writes the body as it was received; exits with 1 if the snapshot has none."""
    if given.text and given.headers:
        exit_with_error("--text and --headers: give one of them", Exit.USAGE)
    with open_reader(given.folder) as archive:
        url, snapshot = find_url_and_snapshot(archive, given.url, given.snapshot)
        if given.headers:
            found = archive.shown(url, snapshot.id)
            _show_headers(found if found and found.status else find_version(archive, url, snapshot))
            return Exit.WELL
        resource = find_version(archive, url, snapshot)
        _tell(url, resource)
        if given.text:
            _show_text(archive, resource)
        elif sys.stdout.isatty():
            print_text(_decoded(archive, resource))
        else:
            print_bytes(blocks(archive, resource))
    return Exit.WELL


def _tell(url: str, resource: Resource) -> None:
    """Say what the user may not expect."""
    if resource.url != url:
        print_message(f"{url} is the same as {resource.url}\n")
    if resource.is_redirect:
        print_message(f"{resource.url} redirects to {header(resource.headers, 'location')}\n")


def _show_headers(resource: Resource) -> None:
    """Write the status and the headers as they were received; on a terminal, without control characters."""
    lines = [f"HTTP {status_text(resource.status or 0)}", *(f"{name}: {value}" for name, value in resource.headers)]
    if sys.stdout.isatty():
        for line in lines:
            print_line(line)
    else:
        print_bytes(f"{line}\n".encode("latin-1", "backslashreplace") for line in lines)


def _show_text(archive: ArchiveReader, resource: Resource) -> None:
    from mirror.reports.page_text import PageTexts, is_page  # noqa: PLC0415 - it loads parsers

    if not is_page(resource):
        print_text(_decoded(archive, resource))
        return
    text: PageText = PageTexts(archive).of(resource)
    if text.damage:
        raise StorageError(f"{resource.url}: {text.damage}")
    if text.lines is None:
        exit_with_error(_too_long(resource), Exit.SOME_FAILED)
    for line in text.lines:
        print_line(line)


def _decoded(archive: ArchiveReader, resource: Resource) -> str:
    """The body as text; anything else ends the program."""
    kind = resource.media_type or ""
    if not kind.startswith("text/") and kind not in _TEXTS:
        exit_with_error(
            f"{resource.url} is no text but {kind or 'data'}: write it to a file with > FILE", Exit.SOME_FAILED
        )
    if resource.size > MAX_READ:
        exit_with_error(_too_long(resource), Exit.SOME_FAILED)
    from mirror.core.syntax import character_encoding  # noqa: PLC0415 - it loads parsers

    payload = b"".join(blocks(archive, resource))
    return character_encoding.decode(payload, header(resource.headers, "content-type")).text


def _too_long(resource: Resource) -> str:
    return f"{resource.url} has {decimal(resource.size)}, too much to be shown as text: write it to a file with > FILE"


def blocks(archive: ArchiveReader, resource: Resource) -> Iterator[bytes]:
    """Yield the body in blocks. Raises `StorageError` at its end if it is not what was received."""
    if not archive.has_payload(resource) or resource.digest is None:
        raise StorageError(f"the content of {resource.url} is missing: `verify --repair` fetches it again")
    left, found = resource.size, sha256()
    with archive.objects.open(resource.digest) as file:
        while block := file.read(min(_BLOCK, left)):
            left -= len(block)
            found.update(block)
            yield block
        is_whole = not left and not file.read(1) and found.hexdigest() == resource.digest
    if not is_whole:
        raise StorageError(f"the content of {resource.url} is damaged: `verify --repair` fetches it again")
