"""Directory listings: reads those of file servers, and writes the page that shows one to a reader.

Input: the answer to MLSD (RFC 3659), LIST or NLST (RFC 959), the long names of SFTP, which look like those of LIST, or the
entries of a folder from elsewhere. Output: `Entry`s; a page in HTML. This module uses no connection, no disk and no clock.

The law
-------
1. The references of a page, resolved against the folder's URL, are the URLs of its entries (`entry_url`) and of the folder
   above. Distinct entries have distinct URLs, whatever bytes their names contain.
2. A page is a function of the set of its entries. If nothing changed, the bytes are the same.
3. Names that can't be those of something in the folder are dropped: `.`, `..`, an empty name, one with a slash, and one with a
   NUL or a line end, which some servers would read as another command. So are entries that can't be fetched: devices, sockets,
   pipes.
4. A symbolic link is listed as a file. Only the server knows what it points to; for a folder it answers with a redirect.

An answer may contain anything. Lines that can't be read are left out.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote

from mirror.core.url.canonical import CanonicalURL, canonical, split


class NotAFolderError(ValueError):
    """The caller gave a URL whose path doesn't end with a slash, so references to entries wouldn't resolve below it."""


class Form(StrEnum):
    """The command that a listing answers."""

    MLSD = "MLSD"
    LIST = "LIST"
    NLST = "NLST"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder. `name` is in the server's bytes; `modified` is ISO 8601, as exact as the server gave it."""

    name: bytes
    is_folder: bool = False
    size: int | None = None
    modified: str | None = None


def parse(text: bytes, form: Form, today: date | None = None) -> list[Entry]:
    """Return the entries of a listing, in its order.

    Times of LIST, except in EPLF, are in the server's time zone, and are returned as days: `ls` leaves out the hour of files
    older than half a year, and the year of others. A missing year is the latest in which that day isn't after `today`. Without
    `today`, such an entry has no time.

    >>> parse(b"type=dir;modify=20261124101530; pub", Form.MLSD)
    [Entry(name=b'pub', is_folder=True, size=None, modified='2026-11-24T10:15:30Z')]
    >>> parse(b"total 1\\r\\n-rw-r--r-- 1 ftp ftp 42 Nov 24 2025 a b\\r\\n", Form.LIST)
    [Entry(name=b'a b', is_folder=False, size=42, modified='2025-11-24')]
    """
    lines = (line.removesuffix(b"\r") for line in text.split(b"\n"))
    read = _READERS[form]
    return [entry for line in lines if (entry := read(line, today)) and is_name(entry.name)]


def is_name(name: bytes) -> bool:
    """Whether this may be the name of something in a folder; see point 3.

    >>> is_name(b"a"), is_name(b".."), is_name(b"../a")
    (True, False, False)
    """
    return name not in {b"", b".", b".."} and not _NO_NAME.search(name)


def entry_url(folder: CanonicalURL, entry: Entry) -> CanonicalURL:
    """Return the URL of an entry of a folder; raises `NotAFolderError`.

    >>> entry_url(CanonicalURL("ftp://example.org/pub/"), Entry(b"a?b"))
    'ftp://example.org/pub/a%3Fb'
    """
    if not folder.endswith("/"):
        raise NotAFolderError(f"{folder} is no folder: it does not end with a slash")
    return canonical(folder + _reference(entry))


def page(folder: CanonicalURL, entries: Iterable[Entry]) -> bytes:
    """Return the page of a folder, in UTF-8; raises `NotAFolderError`."""
    if not folder.endswith("/"):
        raise NotAFolderError(f"{folder} is no folder: it does not end with a slash")
    rows = {} if canonical(f"{folder}../") == folder else {"../": _row("../", "..", "", "")}
    for entry in sorted((entry for entry in entries if is_name(entry.name)), key=_order):
        shown = entry.name.decode(errors="replace") + "/" * entry.is_folder
        size = "" if entry.size is None else str(entry.size)
        reference = _reference(entry)
        rows.setdefault(reference, _row(reference, shown, size, entry.modified or ""))
    path = unquote(split(folder).path, errors="replace")
    return _PAGE.format(title=_shown(f"Index of {path}"), rows="".join(rows.values())).encode()


# --- reading a listing --------------------------------------------------------------------------------------------------

Line = Callable[[bytes, date | None], Entry | None]
"""Reads a line of a listing."""

_NO_NAME: Final = re.compile(rb"[/\0\r\n]")
_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_YEARS_BACK: Final = 9
"""Years within which each day, the 29th of February too, comes at least once."""

_CENTURY: Final = 100
_FIRST_OF_1900S: Final = 70

_FACTS: Final = re.compile(rb"(?P<facts>(?:[^ ;=]++=[^;]*+;)*+) (?P<name>.++)", re.DOTALL)
_FILE_TYPE: Final = re.compile(rb"file|os\.[^=]+=(?:slink|symlink)(?::.*)?", re.DOTALL)
_MLSD_TIME: Final = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d++)?")

_UNIX: Final = rb"""
         (?P<type>[-dl])[-rwxsStTlL?]{9}[.+@]?[ \t].*?      # mode, links, owner, group: names may have spaces
         (?<=[ \t])(?P<size>\d{1,19})[ \t]++
         (?: (?P<month>%b)[ \t]++(?P<day>\d\d?)
           | (?P<day_first>\d\d?)\.?[ \t]++(?P<month_behind>%b)
           | (?P<iso>\d{4}-\d\d-\d\d) )
         [ \t]++(?: \d\d?:\d\d(?::\d\d(?:\.\d++[ ][+-]\d{4})?)? | (?P<year>\d{4}) )
         [ ](?P<name>.++)"""
_UNIX_FORMS: Final = [
    re.compile(_UNIX % (month, month), re.DOTALL | re.VERBOSE)
    for month in (b"(?i:%b)" % b"|".join(_MONTHS), rb"\d{0,2}[^\s\d]{3,12}")
]
"""The known months are tried before any word: in `user 10 2048`, a group and a size look like a day."""

_DOS: Final = re.compile(
    rb"""(?P<month>\d\d)-(?P<day>\d\d)-(?P<year>\d\d(?:\d\d)?)
         [ \t]++(?P<hour>\d\d):(?P<minute>\d\d)(?:[ \t]*+(?P<half>[AP])M)?
         [ \t]++(?: <(?:DIR|JUNCTION|SYMLINKD)>(?:[ ]{10}|[ \t]++) | (?:<SYMLINK>[ \t]++|(?P<size>[\d,.]{1,25})[ ]) )
         (?P<name>.++)""",
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)


_EPLF: Final = re.compile(rb"\+(?P<facts>[^\t]*+)\t(?P<name>.++)", re.DOTALL)
_LONGEST_TIME: Final = 11
"""Digits of a time in seconds since 1970."""


def _mlsd(line: bytes, _: date | None) -> Entry | None:
    match = _FACTS.fullmatch(line)
    if match is None:
        return None
    pairs = (fact.partition(b"=") for fact in match["facts"].split(b";"))
    facts = {name.lower(): value for name, _, value in pairs}
    what = facts.get(b"type", b"file").lower()
    if what != b"dir" and not _FILE_TYPE.fullmatch(what):
        return None
    size = facts.get(b"size", b"")
    is_sized = what == b"file" and size.isdigit() and len(size) <= len(str(1 << 63))
    return Entry(match["name"], what == b"dir", int(size) if is_sized else None, _utc(facts.get(b"modify", b"")))


def _utc(text: bytes) -> str | None:
    match = _MLSD_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (number.decode() for number in match.groups())
    return _valid(f"{year}-{month}-{day}T{hour}:{minute}:{second}Z")


def _list(line: bytes, today: date | None) -> Entry | None:
    for form in _UNIX_FORMS:
        match = form.fullmatch(line)
        if match:
            return _unix(match, today)
    match = _DOS.fullmatch(line)
    if match:
        return _dos(match)
    match = _EPLF.fullmatch(line)
    return _eplf(match) if match else None


def _unix(match: re.Match[bytes], today: date | None) -> Entry:
    """Read a line of `ls -l`."""
    name, what = match["name"], match["type"]
    if what == b"l":
        name = name.partition(b" -> ")[0]
    return Entry(name, what == b"d", int(match["size"]) if what == b"-" else None, _day(match, today))


def _day(match: re.Match[bytes], today: date | None) -> str | None:
    if match["iso"]:
        return _valid(match["iso"].decode())
    month = (match["month"] or match["month_behind"]).lower()
    if month not in _MONTHS:
        return None
    day = f"{_MONTHS.index(month) + 1:02}-{int(match['day'] or match['day_first']):02}"
    if match["year"]:
        return _valid(f"{match['year'].decode()}-{day}")
    if today is None:
        return None
    latest = (today + timedelta(days=1)).isoformat()  # in the server's time zone it may be tomorrow
    days = (_valid(f"{year:04}-{day}") for year in range(int(latest[:4]), today.year - _YEARS_BACK, -1))
    return next((day for day in days if day and day <= latest), None)


def _dos(match: re.Match[bytes]) -> Entry:
    """Read a line of `DIR`, as the FTP server of Windows writes it."""
    year, hour = int(match["year"]), int(match["hour"])
    if year < _CENTURY:
        year += 1900 if year >= _FIRST_OF_1900S else 2000
    if match["half"]:
        hour = hour % 12 + 12 * (match["half"] in b"pP")
    month, day, minute = (match[name].decode() for name in ("month", "day", "minute"))
    modified = _valid(f"{year:04}-{month}-{day}T{hour:02}:{minute}")
    digits = re.sub(rb"\D", b"", match["size"] or b"")
    is_folder = match["size"] is None and b"<SYMLINK>" not in match[0][: match.start("name")].upper()
    return Entry(match["name"], is_folder, int(digits) if digits else None, modified)


def _eplf(match: re.Match[bytes]) -> Entry | None:
    """Read a line in the easily parsed LIST format: facts, each of a letter and a value (https://cr.yp.to/ftp/list/eplf.html).

    `/` is a folder, `r` a file that can be fetched, `s` a size in bytes, `m` a time in seconds since 1970.
    """
    facts = {fact[:1]: fact[1:] for fact in match["facts"].split(b",")}
    if b"/" not in facts and b"r" not in facts:
        return None
    size, time = facts.get(b"s", b""), facts.get(b"m", b"")
    is_sized = b"/" not in facts and size.isdigit() and len(size) <= len(str(1 << 63))
    is_timed = time.isdigit() and len(time) <= _LONGEST_TIME
    modified = datetime.fromtimestamp(int(time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if is_timed else None
    return Entry(match["name"], b"/" in facts, int(size) if is_sized else None, modified)


def _nlst(line: bytes, _: date | None) -> Entry | None:
    return Entry(line)


def _valid(text: str) -> str | None:
    """Return a day or time in ISO 8601, or `None` if it doesn't exist."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


_READERS: Final[dict[Form, Line]] = {Form.MLSD: _mlsd, Form.LIST: _list, Form.NLST: _nlst}

# --- writing a page -----------------------------------------------------------------------------------------------------

_PLANES_END: Final = "".join(f"{chr((plane << 16) + 0xFFFE)}{chr((plane << 16) + 0xFFFF)}" for plane in range(17))
_UNSHOWN: Final = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef" + _PLANES_END + "]"
)
"""Characters that HTML can't contain, and those that change the direction of the text after them."""


def _reference(entry: Entry) -> str:
    return quote(entry.name, safe="") + "/" * entry.is_folder


def _order(entry: Entry) -> tuple[bytes, bool, int, str]:
    return entry.name, entry.is_folder, -1 if entry.size is None else entry.size, entry.modified or ""


def _row(reference: str, *cells: str) -> str:
    name, *others = map(_shown, cells)
    return f'<tr><td><a href="{reference}">{name}</a>' + "".join(f"<td>{cell}" for cell in others) + "</tr>\n"


def _shown(text: str) -> str:
    return html.escape(_UNSHOWN.sub("\ufffd", text))


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>td {{ padding-right: 2em; white-space: pre-wrap }}</style>
<h1>{title}</h1>
<table>
{rows}</table>
</html>
"""
