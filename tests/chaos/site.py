"""A website that changes at random, and remembers what it sent.

Each resource has an edition, which decides its content, and a manner in which it answers. `log` has what the server sent since
`clear_log()`: path -> digests of whole payloads, also of those that it confirmed by a 304, and the manner of each other answer.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Lock
from typing import Final

from tests.site import HTML, PNG, Handler, Page, Server, Site, serve

START: Final = "/"
SLICE: Final = 16 * 1024  # bytes of a download that are sent at once, so that a kill can come between two of them
WORDS: Final = (
    "amber",
    "birch",
    "cedar",
    "dune",
    "ember",
    "fjord",
    "grove",
    "heath",
    "islet",
    "jetty",
    "knoll",
    "larch",
)


class Manner(StrEnum):
    """How a resource answers."""

    WELL = "well"
    MISSING = "404"
    GONE = "410"
    BROKEN = "500"
    CUT = "cut short"
    CLOSED = "closed before the body"
    NO_CONTENT = "204"
    CHALLENGE = "202"
    EMPTY = "empty"


LEAVES: Final = frozenset({Manner.MISSING, Manner.GONE})
"""The manners by which a server says that it has the resource no more."""


class Kind(StrEnum):
    PAGE = "page"
    PICTURE = "picture"
    DOWNLOAD = "download"


@dataclass
class Resource:
    """What is at one path. `validator`: the header that names the edition, if there is one."""

    path: str
    kind: Kind
    links: list[str]
    validator: str
    edition: int = 1
    manner: Manner = Manner.WELL

    @property
    def marker(self) -> str:
        """A text that stands in the payloads of this resource only, whatever the edition."""
        return "marker-" + hashlib.sha256(self.path.encode()).hexdigest()[:20]

    @property
    def body(self) -> bytes:
        mark = f"{self.marker} edition {self.edition}"
        if self.kind is Kind.PAGE:
            anchors = "".join(f'<p><a href="{link}">{link}</a>\n' for link in self.links if "." not in link)
            media = "".join(f'<img src="{link}">\n' for link in self.links if link.endswith(".png"))
            files = "".join(f'<a href="{link}">get</a>\n' for link in self.links if link.endswith(".bin"))
            text = f"<!DOCTYPE html><title>{self.path}</title><h1>{mark}</h1>\n{anchors}{media}{files}"
            return text.encode()
        if self.kind is Kind.PICTURE:
            return PNG + mark.encode()
        return mark.encode() + Random(mark).randbytes(20 * SLICE)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def headers(self) -> dict[str, str]:
        types = {Kind.PAGE: HTML, Kind.PICTURE: "image/png", Kind.DOWNLOAD: "application/octet-stream"}
        named = {"ETag": f'"{self.edition}"', "Last-Modified": time_of(self.edition)}.get(self.validator)
        return {"Content-Type": types[self.kind]} | ({self.validator: named} if named else {})


def time_of(edition: int) -> str:
    """The time at which an edition was made: long ago, and another for each edition."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(1_000_000_000 + 100_000 * edition))


class ChangingSite:
    """Serves the resources, and changes them."""

    def __init__(self, chance: Random, size: int) -> None:
        self.resources: dict[str, Resource] = {}
        self.log: defaultdict[str, set[str]] = defaultdict(set)
        self.when_asked: Callable[[int], None] = lambda _: None
        """Called with the number of requests since `log` was cleared."""
        self._chance, self._asked, self._lock = chance, 0, Lock()
        for path in [START, *(f"/{WORDS[n % len(WORDS)]}-{n}" for n in range(1, size))]:
            self._add(path, Kind.PAGE)
        for n in range(size // 3):
            self._add(f"/pictures/{n}.png", Kind.PICTURE)
        for n in range(size // 10):
            self._add(f"/files/{n}.bin", Kind.DOWNLOAD)
        paths = list(self.resources)
        for n, path in enumerate(paths[1:size]):
            self.resources[paths[n // 3]].links.append(path)  # a tree of pages, so that all can be reached
        for path in paths[size:]:
            self.resources[chance.choice(paths[:size])].links.append(path)
        for resource in list(self.resources.values())[:size]:
            resource.links += chance.sample(paths, 2)

    def _add(self, path: str, kind: Kind) -> None:
        validator = self._chance.choice(["ETag", "ETag", "Last-Modified", ""])
        self.resources[path] = Resource(path, kind, [], validator)

    def clear_log(self) -> None:
        with self._lock:
            self.log.clear()
            self._asked = 0

    def change(self) -> str:
        """Change some resources; returns what was done."""
        done = []
        for _ in range(self._chance.randint(1, 6)):
            resource = self._chance.choice(list(self.resources.values()))
            done.append(self._chance.choice([self._edit, self._edit, self._spoil, self._spoil, self._relink])(resource))
        return ", ".join(done)

    def spoil_most(self, manner: Manner) -> str:
        """Let most pages, but not the start, answer in this manner."""
        for resource in self.resources.values():
            if resource.path != START and resource.kind is Kind.PAGE and self._chance.random() < 0.9:
                resource.manner = manner
        return f"most pages: {manner}"

    def heal(self) -> str:
        for resource in self.resources.values():
            resource.manner = Manner.WELL
        return "all is well again"

    def _edit(self, resource: Resource) -> str:
        resource.edition += 1
        return f"{resource.path} edited"

    def _spoil(self, resource: Resource) -> str:
        well = resource.manner is not Manner.WELL
        may = [Manner.WELL] if well else [manner for manner in Manner if manner is not Manner.WELL]
        if resource.path == START:
            may = [manner for manner in may if manner not in LEAVES]
        resource.manner = self._chance.choice(may)
        return f"{resource.path}: {resource.manner}"

    def _relink(self, resource: Resource) -> str:
        if resource.kind is not Kind.PAGE:
            return self._edit(resource)
        if resource.links and self._chance.random() < 0.5:
            left = resource.links.pop(self._chance.randrange(len(resource.links)))
            resource.edition += 1
            return f"{resource.path} links to {left} no more"
        resource.links.append(self._chance.choice(list(self.resources)))
        resource.edition += 1
        return f"{resource.path} links to {resource.links[-1]}"

    # --- answers -------------------------------------------------------------------------------------------------------

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serve(Site({path: self._answer(resource) for path, resource in self.resources.items()})) as server:
            yield server

    def _answer(self, resource: Resource) -> Callable[[Handler], None]:
        def answer(request: Handler) -> None:
            with self._lock:
                self._asked += 1
                asked = self._asked
            self.when_asked(asked)
            _ANSWERS[resource.manner](self, resource, request)

        return answer

    def _sent(self, resource: Resource, what: str) -> None:
        with self._lock:
            self.log[resource.path].add(what)

    def answer_well(self, resource: Resource, request: Handler) -> None:
        body, headers, digest = resource.body, resource.headers, resource.digest
        asked = {name.lower(): value for name, value in request.headers.items()}
        by = headers.get(resource.validator)
        if by and by in (asked.get("if-none-match"), asked.get("if-modified-since")):
            self._sent(resource, digest)
            request.reply(Page(304, {resource.validator: by}))
            return
        first = 0
        if by and asked.get("if-range") == by and asked.get("range", "").startswith("bytes="):
            first = int(asked["range"].removeprefix("bytes=").partition("-")[0])
        self._sent(resource, digest)
        if first:
            headers |= {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}
        request.send_response(206 if first else 200)
        for name, value in (headers | {"Content-Length": str(len(body) - first)}).items():
            request.send_header(name, value)
        request.end_headers()
        for at in range(first, len(body), SLICE):
            request.wfile.write(body[at : at + SLICE])
            request.wfile.flush()
            if resource.kind is Kind.DOWNLOAD:
                time.sleep(0.005)

    def answer_status(self, resource: Resource, request: Handler) -> None:
        self._sent(resource, resource.manner)
        request.reply(
            Page(int(resource.manner), {"Content-Type": HTML}, b"" if resource.manner is Manner.NO_CONTENT else b"no")
        )

    def answer_cut(self, resource: Resource, request: Handler) -> None:
        self._sent(resource, resource.manner)
        body = resource.body
        request.send_response(200)
        for name, value in (resource.headers | {"Content-Length": str(len(body))}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body[: len(body) // 2])
        request.close_connection = True

    def answer_closed(self, resource: Resource, request: Handler) -> None:
        self._sent(resource, resource.manner)
        request.send_response(200)
        request.send_header("Content-Type", resource.headers["Content-Type"])
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True

    def answer_empty(self, resource: Resource, request: Handler) -> None:
        self._sent(resource, resource.manner)
        request.reply(Page(200, resource.headers))


_ANSWERS: Final[dict[Manner, Callable[[ChangingSite, Resource, Handler], None]]] = {
    Manner.WELL: ChangingSite.answer_well,
    Manner.CUT: ChangingSite.answer_cut,
    Manner.CLOSED: ChangingSite.answer_closed,
    Manner.EMPTY: ChangingSite.answer_empty,
    **dict.fromkeys(
        (Manner.MISSING, Manner.GONE, Manner.BROKEN, Manner.NO_CONTENT, Manner.CHALLENGE), ChangingSite.answer_status
    ),
}
