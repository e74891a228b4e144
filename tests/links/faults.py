"""A site with planted faults, and with traps: what looks broken and is not. The rows are in the modules `rows_…`.

A row is a link in the source of a page (`planted.py` has the pages). Its markup has the link between « and », so that the place
of the link is known without any parser; the marks are not served. Each row has a target of its own, `/t/NAME` or `#NAME`, so a
report that names the target names the row. The pages (`Holder`) hold the rows, one a line.

What an ideal checker says of a row are its `kinds`, in the words of `websucker links`: one of them; nothing if there are none.
What it may say besides are those in `may`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from tests.site import HTML, PNG, Handler, Page, Resource, Site

OPEN: Final = "«"
CLOSE: Final = "»"
KINDS: Final = ("broken", "fragment", "redirect", "mixed", "skipped", "orphan", "duplicate", "unclear")
_NAME = re.compile(r"/t/([a-z0-9]+(?:-[a-z0-9]+)*)|#([a-z0-9-]+)$")
_BODIES: Final[dict[str, tuple[str, bytes]]] = {
    "css": ("text/css", b"p { color: inherit }\n"),
    "js": ("text/javascript", b"export {};\n"),
    "mp3": ("audio/mpeg", b"ID3\4\0\0\0\0\0\0"),
    "mp4": ("video/mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    "pdf": ("application/pdf", b"%PDF-1.4\n%%EOF\n"),
    "png": ("image/png", PNG),
    "xml": ("application/xml", b"<target/>\n"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A link and what is right to say about it.

    `status` is the last one that a client gets which asks for the target; `None`: it gets no answer; 0: nothing to ask for.
    `hops` are the redirects on the way: pairs of a status and the Location. `target` is the URL that the link resolves to;
    by default what the standard library makes of it. `also` are further resources of the row.
    """

    name: str
    markup: str
    kinds: tuple[str, ...] = ()
    why: str = ""
    status: int | None = 200
    hops: tuple[tuple[int, str], ...] = ()
    instead: str | None = None
    target: str = ""
    may: tuple[str, ...] = ()
    serves: Page | Callable[[Handler], None] | None = None
    also: Mapping[str, Resource] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """The link as written."""
        return self.markup.partition(OPEN)[2].partition(CLOSE)[0]


@dataclass(frozen=True, slots=True)
class Holder:
    """A page, or another file, that holds rows. `around` has them at `{}`; `headers` may hold rows instead of the body."""

    path: str
    group: str
    rows: tuple[Row, ...]
    around: str = "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{path}</title>\n{rows}\n"
    content_type: str = HTML
    encoding: str = "utf-8"
    newline: str = "\n"
    headers: Mapping[str, str] = field(default_factory=dict)
    is_linked: bool = True
    base: str = ""
    """The URL that links are relative to, if it is not the page's own."""

    @property
    def marked(self) -> str:
        """The source, with the marks."""
        rows = self.newline.join(row.markup for row in self.rows)
        return self.around.replace("\n", self.newline).replace("{path}", self.path).replace("{rows}", rows)

    def page(self) -> Page:
        """What is served."""
        if self.headers:
            value = unmarked(self.rows[0].markup)
            headers = {name: template.replace("{rows}", value) for name, template in self.headers.items()}
            body = f"<!DOCTYPE html>\n<title>{self.path}</title>\n".encode()
            return Page(200, {"Content-Type": self.content_type, **headers}, body)
        body = unmarked(self.marked).encode(self.encoding)
        return Page(200, {"Content-Type": self.content_type}, body)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a link is, counted from 1 in characters: its own beginning, and the beginning of the value that it is in.

    They differ in `srcset` and `style`. A header has no lines: all are 0.
    """

    page: str
    line: int
    column: int
    value_column: int


def unmarked(source: str) -> str:
    return source.replace(OPEN, "").replace(CLOSE, "")


def place(holder: Holder, row: Row) -> Place:
    """Where a row's link is in the source as received."""
    if holder.headers:
        return Place(holder.path, 0, 0, 0)
    before, found, _ = holder.marked.partition(row.markup.partition(CLOSE)[0])
    assert found, row.name
    before = unmarked(before) + row.markup.partition(OPEN)[0]
    lines = re.split(r"\r\n|\r|\n", before)
    opened = list(re.finditer(r"""=\s*(?:"|'|(?=[^\s"'>]))""", row.markup.partition(OPEN)[0]))
    inside = len(row.markup.partition(OPEN)[0]) - (opened[-1].end() if opened else 0)
    is_css = not opened or "<style" in row.markup
    column = len(lines[-1]) + 1
    return Place(holder.path, len(lines), column, column if is_css else column - inside)


def target_of(holder: Holder, row: Row) -> str:
    """The URL of a row's target, with placeholders for the servers.

    The page's encoding does not matter for it: rows for which it does say what the target is.
    """
    if row.target:
        return row.target if "//" in row.target or row.status == 0 else "{self}" + row.target
    link = unescape(row.link).strip()
    if link.startswith(("{self}", "{other}", "http:", "https:")):
        return link
    if link.startswith("{//"):
        return link.replace("{//", "{")
    joined = urljoin(f"http://self{holder.base or holder.path}", link)
    return "{self}" + quote(joined.removeprefix("http://self"), safe="%/:=&?~#+!$,;'@()*[]|")


def row_of(url: str, rows: Mapping[str, Row]) -> Row | None:
    """The row that a reported URL belongs to.

    >>> row_of("http://127.0.0.1:1/t/gone/1?x#y", {"gone": Row(name="gone", markup="")}).name
    'gone'
    """
    found = _NAME.search(url)
    return rows.get(found[1] or found[2]) if found else None


def is_external(holder: Holder, row: Row) -> bool:
    """Whether a row's target is on another host."""
    return not target_of(holder, row).startswith("{self}")


def add_target(main: Site, other: Site, holder: Holder, row: Row) -> None:
    """Add what answers at a row's target to the site where it is."""
    for path, resource in row.also.items():
        (other if path.startswith("{other}") else main)[path.removeprefix("{other}")] = resource
    target = target_of(holder, row)
    where = main if target.startswith("{self}") else other if target.startswith("{other}") else None
    if where is None or row.status == 0 or "://" in target:
        return
    parts = urlsplit(re.sub(r"^\{\w+\}", "", target))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if row.hops:
        _add_hops(where, path, row)
    elif row.serves is not None:
        where[path] = row.serves
    elif row.status != 404 and path not in where:
        where[path] = answer(path, row.status or 200)


def _add_hops(where: Site, path: str, row: Row) -> None:
    for number, (status, location) in enumerate(row.hops):
        where[path] = Page(status, {"Location": location})
        path = urlsplit(location).path
        is_last = number == len(row.hops) - 1
        if is_last and row.status == 200 and path not in where:
            where[path] = row.serves or answer(path, 200)


def answer(path: str, status: int) -> Page:
    """A target with nothing in it but its own path, so that no two are alike."""
    extension = path.partition("?")[0].rpartition(".")[2]
    content_type, body = _BODIES.get(extension, (HTML, f"<!DOCTYPE html>\n<title>{quote(path)}</title>\n".encode()))
    return Page(status, {"Content-Type": content_type}, body)
