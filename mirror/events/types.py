"""The events of a run: a dataclass for each, and the JSON line in which others read it.

Input: what happened, in plain values. Output: one line of JSON. docs/events.md describes each event and each of its fields; a
field may be added in any version of Websucker, but a field that goes or changes its meaning is a new `VERSION`.

Three kinds are for this process only, because there are too many of them: `FileBegun`, `FileReceived` and `FileEnded`. Others
read of them as `Progress`, at most one a second for each file.
"""

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from mirror.core.http.redaction import hidden
from mirror.core.http.request_variants import without_variant
from mirror.core.url.canonical import CanonicalURL

VERSION: Final = 1
"""The version of the schema."""


@dataclass(frozen=True, slots=True)
class RunBegun:
    """A run begins. `run` is the number of its snapshot, `folder` the archive; `waiting` URLs are in the frontier already.

    A heartbeat comes every `interval` seconds. Without one for `silent_after` seconds, something is wrong.
    """

    kind: ClassVar[str] = "run_begun"
    run: int
    resumed: bool
    starts: tuple[str, ...]
    folder: str
    host: str
    process: int
    waiting: int
    interval: float
    silent_after: float


@dataclass(frozen=True, slots=True)
class Fetched:
    """The archive has a new version of a URL. A redirect is one, too. `path` is in the tree; `None`: it has no file there."""

    kind: ClassVar[str] = "fetched"
    url: str
    status: int | None
    media_type: str | None
    size: int
    path: str | None
    page: bool


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The version that the archive had is still the right one. `status` is `None` if the server was not asked."""

    kind: ClassVar[str] = "unchanged"
    url: str
    status: int | None
    size: int
    path: str | None
    page: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A URL could not be fetched. `kept`: an earlier copy stays. A `guess` may be no URL at all, and does not count."""

    kind: ClassVar[str] = "failed"
    url: str
    status: int | None
    error: str
    kept: bool
    guess: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """A URL is not fetched. `rule`: the words behind the reason, such as a line of robots.txt, if there are any."""

    kind: ClassVar[str] = "skipped"
    url: str
    reason: str
    rule: str | None


@dataclass(frozen=True, slots=True)
class HostSlowed:
    """A host gets fewer requests from now on: none for `wait` seconds, and then one every `interval` seconds.

    `given_up`: it gets none before the time of MIRROR_HOST_GIVEN_UP_FOR is over, and what waits for it fails.
    """

    kind: ClassVar[str] = "host_slowed"
    host: str
    why: str
    wait: float
    interval: float
    given_up: bool


@dataclass(frozen=True, slots=True)
class TrapFound:
    """Links into a part of a site are no longer followed. `url` is the first of them."""

    kind: ClassVar[str] = "trap"
    rule: str
    url: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A browser has opened a page. `found` references were in it; `outcome` says what went wrong, if anything did."""

    kind: ClassVar[str] = "rendered"
    url: str
    found: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A file that takes longer than a second: so many bytes of it are here, of `total`, if that is known."""

    kind: ClassVar[str] = "progress"
    url: str
    path: str
    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A host that the run waits for, for so many seconds, and why."""

    host: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The run lives. All counts are since this process began.

    `state`: `crawling`, `paused` (the disk is nearly full) or `ending`. `done` URLs were answered, failed or were skipped.
    `queued` wait or are `in_flight`; `None`: nobody knows. `pages`, `requisites`, `bytes`: what was saved; `received`: the
    bytes that came from the network,`rate` and `byte_rate`: URLs done and bytes received a
    second, over the last minute. `most`: how many URLs there will be if as many are found as in the last minute; `None` if
    that has no end. `dropped`: events that the reader of this stream missed.
    """

    kind: ClassVar[str] = "heartbeat"
    state: str
    elapsed: float
    done: int
    queued: int | None
    in_flight: int
    pages: int
    requisites: int
    bytes: int
    failed: int
    skipped: int
    received: int
    rate: float
    byte_rate: float
    most: int | None
    waits: tuple[Wait, ...]
    dropped: int


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run ends. `how`: `finished`, `interrupted`, `quota` or `storage`. `outcome` is that of the snapshot."""

    kind: ClassVar[str] = "run_ended"
    run: int
    how: str
    outcome: str
    exit_code: int
    dropped: int


@dataclass(slots=True, eq=False)
class File:
    """A response while it arrives. `total` is `None` if the server did not announce it."""

    url: str
    path: str
    total: int | None
    received: int = 0


@dataclass(frozen=True, slots=True)
class FileBegun:
    """A file begins to arrive. `is_known`: its status is known, and says that it is a file; it may have bytes already."""

    file: File
    is_known: bool


@dataclass(frozen=True, slots=True)
class FileReceived:
    """A part of a file arrived."""

    file: File
    size: int


@dataclass(frozen=True, slots=True)
class FileEnded:
    """A response ended; `is_saved`: it is a whole file."""

    file: File
    is_saved: bool


Event = (
    RunBegun
    | Fetched
    | Unchanged
    | Failed
    | Skipped
    | HostSlowed
    | TrapFound
    | Rendered
    | Progress
    | Heartbeat
    | RunEnded
)
"""What others may read."""

EVENTS: Final[tuple[type[Event], ...]] = (
    RunBegun,
    Fetched,
    Unchanged,
    Failed,
    Skipped,
    HostSlowed,
    TrapFound,
    Rendered,
    Progress,
    Heartbeat,
    RunEnded,
)

_NAMES: Final = {kind: tuple(one.name for one in fields(kind)) for kind in (*EVENTS, Wait)}


def values(event: Event | Wait) -> dict[str, Any]:
    """Return the fields of an event as JSON has them. No URL has a login, and none has the body of a request.

    >>> values(TrapFound("a calendar", "http://user:secret@example.org/2026/#POST&=a"))
    {'rule': 'a calendar', 'url': 'http://...@example.org/2026/'}
    """
    return {name: _shown(name, getattr(event, name)) for name in _NAMES[type(event)]}


def line(event: Event, time: str, dropped: int = 0) -> str:
    """Return the line of an event, without its end. `dropped`: how many events before this one are missing.

    >>> line(TrapFound("a calendar", "http://example.org/"), "2026-11-30T18:00:00.000Z")
    '{"v":1,"time":"2026-11-30T18:00:00.000Z","event":"trap","rule":"a calendar","url":"http://example.org/"}'
    """
    head: dict[str, Any] = {"v": VERSION, "time": time, "event": event.kind}
    if dropped:
        head["missing"] = dropped
    return _encode({**head, **values(event)}).replace("\x7f", "\\u007f")


def moment(time: float) -> str:
    """Return POSIX time as text.

    >>> moment(1_795_000_001.0)
    '2026-11-18T11:06:41.000Z'
    """
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(name: str, value: Any) -> Any:
    if name == "url":
        return _shown_url(value)
    if name == "starts":
        return [_shown_url(url) for url in value]
    if isinstance(value, tuple):
        return [values(one) if isinstance(one, Wait) else one for one in value]
    return round(value, 3) if isinstance(value, float) else value


def _shown_url(url: str) -> str:
    return hidden(without_variant(CanonicalURL(url)))


_encode: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
