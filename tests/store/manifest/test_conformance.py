"""Conformance: the laws of `store.manifest.interface`, for every backend in `BACKENDS`.

A new backend adds a function that opens it in a folder. No test here looks behind the interface.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.core.policy.scope import Reason, Role
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, canonical
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.objects import Digest
from mirror.store.disk.publications import Published
from mirror.store.manifest.history_records import FileGroup
from mirror.store.manifest.interface import Manifest, Open
from mirror.store.manifest.records import (
    Entry,
    ErrorPages,
    Lack,
    Lane,
    Outcome,
    Resource,
    Shortfall,
    Snapshot,
    Standing,
    State,
)
from mirror.store.sqlite.manifest import SQLiteManifest

HOME = canonical("http://example.org/")
PAGE = frozenset({Role.PAGE})
PICTURE = frozenset({Role.REQUISITE})
LISTING = frozenset({Role.LISTING})
Found = tuple[int, Reference]


def sqlite(folder: Path) -> Manifest:
    return SQLiteManifest(folder / "manifest.sqlite")


NOW: Final = "2026-01-01T00:00:00+00:00"
LATER: Final = "2026-03-01T00:00:00+00:00"
BACKENDS: Final[tuple[Open, ...]] = (sqlite,)


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
def open_manifest(request: pytest.FixtureRequest) -> Open:
    backend: Open = request.param
    return backend


@pytest.fixture
def manifest(open_manifest: Open, tmp_path: Path) -> Iterator[Manifest]:
    opened = open_manifest(tmp_path)
    yield opened
    opened.close()


def url(n: object) -> CanonicalURL:
    return canonical(f"http://example.org/{n}")


def entry(url_id: int, roles: frozenset[Role] = PAGE, **changes: Any) -> Entry:
    return Entry(url_id, url(url_id), State.PENDING, roles, depth=0)._replace(**changes)


def done(url_id: int, roles: frozenset[Role] = PAGE, **changes: Any) -> Entry:
    return entry(url_id, roles, state=State.DONE, **changes)


def admitted(manifest: Manifest, *entries: Entry) -> None:
    with manifest.transaction():
        assert manifest.frontier.identify([entry.url for entry in entries]) == {
            entry.url: entry.id for entry in entries
        }
        manifest.frontier.admit(entries)


def resource(url_id: int, path: str | None = None, **changes: Any) -> Resource:
    place = LocalPath(path) if path else None
    known = Resource(url_id, url(url_id), NOW, 200, [("A", "b")], None, 7, "text/html", place, None)
    return replace(known, **changes)


def recorded(manifest: Manifest, snapshot: Snapshot, now: Resource, references: Sequence[Found] | None) -> Resource:
    return manifest.resources.record(snapshot, manifest.resources.current(now.url_id), now, references)


# Transactions


def test_a_transaction_is_stored_as_a_whole_or_not_at_all(manifest: Manifest) -> None:
    def write() -> None:
        with manifest.transaction():
            manifest.frontier.identify([url(1)])
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert manifest.frontier.find([url(1)]) == {}
    with manifest.transaction():
        manifest.frontier.identify([url(1)])
    assert manifest.frontier.find([url(1)]) == {url(1): 1}


def test_the_next_process_sees_what_was_committed(manifest: Manifest, open_manifest: Open, tmp_path: Path) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
    admitted(manifest, entry(1))
    other = open_manifest(tmp_path)
    other.runs.select(snapshot.id)
    assert other.frontier.entries([1]) == {1: entry(1)}
    other.close()


def test_savepoints_fail_one_by_one_and_are_committed_together(
    manifest: Manifest, open_manifest: Open, tmp_path: Path
) -> None:
    def undone() -> None:
        with manifest.savepoint():
            manifest.frontier.identify([url(2)])
            raise ZeroDivisionError

    with manifest.savepoint():
        manifest.frontier.identify([url(1)])
    with pytest.raises(ZeroDivisionError):
        undone()
    assert manifest.has_uncommitted
    with manifest.savepoint():
        manifest.frontier.identify([url(3)])
    assert sorted(manifest.frontier.find([url(1), url(2), url(3)])) == [url(1), url(3)]
    other = open_manifest(tmp_path)
    assert other.frontier.find([url(1), url(3)]) == {}
    manifest.commit()
    assert not manifest.has_uncommitted
    assert sorted(other.frontier.find([url(1), url(3)])) == [url(1), url(3)]
    other.close()


# URLs and the frontier


def test_urls_keep_their_ids(manifest: Manifest) -> None:
    with manifest.transaction():
        assert manifest.frontier.identify([url(1), url(2)]) == {url(1): 1, url(2): 2}
        assert manifest.frontier.identify([url(3), url(2)]) == {url(3): 3, url(2): 2}
        assert manifest.frontier.identify([]) == {}
    assert manifest.frontier.find([url(2), url(9)]) == {url(2): 2}


def test_references_get_the_ids_of_their_urls(manifest: Manifest) -> None:
    page, again, new = (Reference(url(n), kind) for n, kind in ((2, Kind.PAGE), (2, Kind.FEED), (9, Kind.PAGE)))
    with manifest.transaction():
        manifest.frontier.identify([url(1), url(2)])
        assert manifest.frontier.with_ids([again, page]) == [(2, again), (2, page)], "in their order"
        assert manifest.frontier.with_ids([new, page, new]) == [(3, new), (2, page), (3, new)], "a new URL gets one id"
        assert manifest.frontier.with_ids([]) == []
    assert manifest.frontier.find([url(9)]) == {url(9): 3}


def test_an_entry_is_read_as_it_was_stored(manifest: Manifest) -> None:
    entries = [
        entry(1, frozenset(Role), depth=3, guess=True, referrer_id=2),
        entry(2, frozenset(), state=State.SKIPPED, reason=Reason.HOP),
        *(entry(2 + role, frozenset({role})) for role in Role),
    ]
    admitted(manifest, *entries)
    assert list(manifest.frontier.entries([e.id for e in entries]).values()) == entries
    with manifest.transaction():
        manifest.frontier.admit([entry(1, state=State.DONE)])
    assert manifest.frontier.entries([1, 99]) == {1: entry(1, state=State.DONE)}


def test_lanes_are_taken_apart_the_nearest_first(manifest: Manifest) -> None:
    admitted(
        manifest,
        entry(1, depth=2),
        entry(2, depth=1, referrer_id=1),
        entry(3, PICTURE, depth=5),
        entry(4, PAGE | PICTURE, depth=4),
        entry(5, depth=1, state=State.DONE),
        entry(6, state=State.SKIPPED, reason=Reason.LIMIT),
        entry(7, LISTING, depth=9),
        entry(8, LISTING | PAGE, depth=8),
        entry(9, LISTING | PICTURE, depth=9),
    )
    assert manifest.frontier.count_waiting() == 7
    with manifest.transaction():
        assert [e.id for e in manifest.frontier.take(2, Lane.NEEDED)] == [4, 3]
        assert [e.id for e in manifest.frontier.take(9, Lane.NEEDED)] == [9]
        assert [e.id for e in manifest.frontier.take(9, Lane.LISTING)] == [8, 7]
        [near, far] = manifest.frontier.take(9, Lane.PAGE)
        assert manifest.frontier.take(9, Lane.PAGE) == []
    assert (near.id, near.referrer, far.id, far.referrer) == (2, url(1), 1, None)
    assert manifest.frontier.entries([1])[1].state is State.IN_FLIGHT
    assert manifest.frontier.count_waiting() == 7


def test_waiting_entries_that_no_page_needs_can_be_skipped(manifest: Manifest) -> None:
    admitted(
        manifest,
        entry(1),
        entry(2, state=State.IN_FLIGHT),
        entry(3, PICTURE),
        entry(4, state=State.DONE),
        entry(5, LISTING),
        entry(6, LISTING | PAGE),
        entry(7, LISTING | PICTURE),
    )
    with manifest.transaction():
        manifest.frontier.skip_waiting_pages(Reason.LIMIT)
    states = {url_id: e.state for url_id, e in manifest.frontier.entries(range(1, 8)).items()}
    assert [url_id for url_id, state in states.items() if state is State.SKIPPED] == [1, 2, 5, 6]
    assert (states[3], states[4], states[7]) == (State.PENDING, State.DONE, State.PENDING)
    assert manifest.frontier.entries([1])[1].reason is Reason.LIMIT


def test_what_a_copy_lacks_by_rules(manifest: Manifest) -> None:
    """A guess is not missing, nor is what the user did not ask for."""
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
    rows = [
        (PAGE, Reason.NOFOLLOW),
        (PAGE, Reason.NOFOLLOW),
        (PICTURE, Reason.ROBOTS),
        (PAGE, Reason.PRIVATE),
        (frozenset({Role.FRAME}), Reason.ROBOTS),
        (frozenset(), Reason.HOP),
        (frozenset(), Reason.HOP),
        (frozenset(), Reason.OUTSIDE),
    ]
    skipped = [
        entry(n, roles, state=State.SKIPPED, reason=reason, referrer_id=1) for n, (roles, reason) in enumerate(rows, 2)
    ]
    guess = entry(10, PICTURE, state=State.SKIPPED, reason=Reason.ROBOTS, guess=True)
    seen = entry(11, PICTURE, state=State.SKIPPED, reason=Reason.ROBOTS, referrer_id=1)
    linked = entry(12, PAGE, state=State.SKIPPED, reason=Reason.ROBOTS, referrer_id=1, depth=1)
    style = seen._replace(id=13, url=CanonicalURL("http://example.org/a.css?1"))
    admitted(manifest, done(1), *skipped, guess, seen, linked, style)
    with manifest.transaction():
        manifest.decisions.set_rule(4, "Disallow: /4 (line 2)")
        found = [(n, Reference(url(n), Kind.REQUISITE)) for n in (4, 13)]
        found += [*((n, Reference(url(n), Kind.FRAME)) for n in (6, 7))]
        page = recorded(manifest, snapshot, resource(1, "index.html"), found)
        manifest.links.add_seen(page, [(11, Reference(url(11), Kind.REQUISITE))])
    assert manifest.runs.shortfalls() == [
        Shortfall(Lack.STARTS, Reason.PRIVATE, 1, url(5), url(1)),
        Shortfall(Lack.LINKS, Reason.NOFOLLOW, 2, url(2), url(1)),
        Shortfall(Lack.LINKS, Reason.ROBOTS, 1, url(12), url(1)),
        Shortfall(Lack.STYLES, Reason.ROBOTS, 1, style.url, url(1)),
        Shortfall(Lack.NEEDED, Reason.ROBOTS, 1, url(4), url(1), "Disallow: /4 (line 2)"),
        Shortfall(Lack.REQUESTED, Reason.ROBOTS, 1, url(11), url(1)),
        Shortfall(Lack.FRAMES, Reason.ROBOTS, 1, url(6), url(1)),
        Shortfall(Lack.FRAMES, Reason.HOP, 1, url(7), url(1)),
    ]


# Snapshots


def test_a_run_is_resumed_until_it_is_finished(manifest: Manifest) -> None:
    options = {"depth": None, "starts": [HOME]}
    with manifest.transaction():
        first = manifest.runs.begin([HOME], options, NOW)
        assert not first.resumed
        manifest.runs.extend_starts(first, [HOME, url(1)])
    admitted(manifest, entry(1, state=State.IN_FLIGHT))
    with manifest.transaction():
        again = manifest.runs.begin([HOME], options, "second")
        assert (again.id, again.started, again.starts, again.resumed) == (first.id, NOW, (HOME, url(1)), True)
        assert manifest.frontier.entries([1])[1].state is State.PENDING
        manifest.runs.finish(again, "third")
        new = manifest.runs.begin([HOME], options, "fourth")
    assert new.id != first.id
    assert not new.resumed
    assert manifest.frontier.entries([1]) == {}
    assert manifest.runs.starts() == [HOME, url(1)]


def test_hash_routes_of_starts_are_known_by_start(manifest: Manifest) -> None:
    with manifest.transaction():
        first = manifest.runs.begin([HOME], {"routes": [f"{HOME}#/a", f"{HOME}#/b"]}, NOW)
        manifest.runs.finish(first, NOW)
        manifest.runs.begin([HOME, url(1)], {"routes": [f"{HOME}#/b", f"{url(1)}#!/c"]}, NOW)
    assert manifest.runs.routes() == {HOME: ["#/a", "#/b"], url(1): ["#!/c"]}


@pytest.mark.parametrize(("starts", "options"), [([url(1)], {}), ([HOME, url(1)], {}), ([HOME], {"depth": 1})])
def test_a_run_with_other_options_is_a_new_run(
    manifest: Manifest, starts: list[CanonicalURL], options: dict[str, Any]
) -> None:
    with manifest.transaction():
        first = manifest.runs.begin([HOME], {}, NOW)
        other = manifest.runs.begin(starts, options, NOW)
    assert other.id != first.id
    assert not other.resumed


# Resources and links


def test_a_new_version_replaces_the_current_one(manifest: Manifest) -> None:
    references = [(2, Reference(url(2), Kind.PAGE)), (3, Reference(url(3), Kind.REQUISITE, guess=True))]
    with manifest.transaction():
        snapshot = manifest.runs.begin([url(1)], {}, NOW)
        manifest.frontier.identify([url(1), url(2), url(3)])
        first = recorded(manifest, snapshot, resource(1, "a.html"), references)
        assert manifest.links.of(first) == references
        second = recorded(manifest, snapshot, resource(1, status=404, error="404 Not Found"), references[1:])
    assert second.id == first.id
    assert manifest.resources.current(1) == second
    assert manifest.links.of(second) == references[1:]
    assert manifest.resources.current(2) is None
    assert list(manifest.resources.all()) == []


def resolutions(manifest: Manifest, document: Resource) -> dict[CanonicalURL, LocalPath]:
    """The resolutions that a document needs: those of its stored links, which are those of its references."""
    found = manifest.locations.resolutions(document)
    assert manifest.locations.resolutions(document, manifest.links.of(document)) == found
    return found


def test_documents_become_stale_when_a_target_moves(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([url(1)], {}, NOW)
        manifest.frontier.identify([url(1), url(2), url(3)])
        document = recorded(manifest, snapshot, resource(1, "a.html"), [(2, Reference(url(2), Kind.PAGE))])
        recorded(manifest, snapshot, resource(3, "c.html"), [])
    with manifest.transaction():  # in the transaction that first met a URL, no published document refers to it yet
        assert resolutions(manifest, document) == {}
        manifest.locations.expect([(2, LocalPath("b.html"))])
        assert resolutions(manifest, document) == {url(2): "b.html"}
        assert list(manifest.resources.all(stale=True)) == [replace(document, stale=True)]
        manifest.resources.mark_published([Published(document.id, manifest.resources.staleness(document)[0], None)])
        manifest.locations.expect([(2, LocalPath("b.png"))])
        assert resolutions(manifest, document) == {url(2): "b.html"}
        manifest.resources.mark_published([Published(document.id, manifest.resources.staleness(document)[0], None)])
        manifest.locations.settle([(2, None)])
        assert resolutions(manifest, document) == {}
        assert list(manifest.resources.all(stale=True)) == [replace(document, stale=True)]
        manifest.locations.settle([])
    assert [r.id for r in manifest.resources.all()] == [1, 2]


def test_an_iteration_gives_every_version_however_many_there_are(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
        ids = manifest.frontier.identify([url(n) for n in range(2100)])
        for n in range(2100):
            leads = [(ids[url(0)], Reference(url(0), Kind.REDIRECT))] if n == 7 else []
            recorded(manifest, snapshot, resource(ids[url(n)], f"{n}.html"), leads)
    assert [r.path for r in manifest.resources.all()] == [f"{n}.html" for n in range(2100)]
    assert [row[0] for row in manifest.locations.all_urls()] == sorted(ids.values())
    with manifest.transaction():
        manifest.locations.settle([(ids[url(n)], LocalPath(f"{n}.html")) for n in range(2099)])
    assert list(manifest.locations.unsettled()) == [
        (ids[url(7)], "7.html", "7.html", ids[url(0)]),
        (ids[url(2099)], None, "2099.html", None),
    ]
    assert manifest.locations.place(ids[url(7)]) == ("7.html", ids[url(0)])
    assert manifest.locations.place(9999) == (None, None)


# Counts


def test_counts_and_failures_of_a_run(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
    admitted(
        manifest,
        done(1),
        done(2, PICTURE),
        done(3),
        done(4, guess=True),
        done(5),
        entry(6, frozenset(), state=State.SKIPPED, reason=Reason.OUTSIDE),
        entry(7),
        done(8, frozenset({Role.LISTING})),
        done(9),
        entry(10, frozenset(), state=State.SKIPPED, reason=Reason.HOP),
        entry(11, frozenset(), state=State.SKIPPED, reason=Reason.OUTSIDE),
    )
    with manifest.transaction():
        recorded(manifest, snapshot, resource(2, "2.png", media_type="image/png"), [])
        assert not manifest.runs.has_fetched(), "no link leads to a picture of a page"
        recorded(manifest, snapshot, resource(1, "1.html"), [])
        assert manifest.runs.has_fetched()
        recorded(manifest, snapshot, resource(3, status=500, error="500 Internal Server Error", discovered_from=1), [])
        recorded(manifest, snapshot, resource(4, status=404, error="404 Not Found"), [])
        recorded(manifest, snapshot, resource(5, "5.html", status=302), [])
        recorded(manifest, snapshot, resource(8, "robots.txt", media_type="text/plain"), [])
        recorded(manifest, snapshot, resource(9, "9.pdf", media_type="application/pdf"), [])
    counts = manifest.runs.counts(snapshot)
    assert (counts.fetched, counts.pages, counts.requisites, counts.size) == (2, 1, 2, 21)
    assert (counts.redirects, counts.pending) == (1, 1)
    assert counts.skipped == {Reason.OUTSIDE: 2, Reason.HOP: 1}
    assert counts.failed == {"500 Internal Server Error": 1}
    assert manifest.runs.failures(9) == [(url(3), "500 Internal Server Error", url(1))]
    assert manifest.runs.failures(0) == []
    assert manifest.frontier.count_pages() == 1


def test_pages_of_errors_are_counted_by_status(manifest: Manifest) -> None:
    snapshot = manifest.runs.begin((), {}, NOW)
    admitted(manifest, *(done(n)._replace(depth=int(n > 1)) for n in range(1, 7)))
    with manifest.transaction():
        for n, status in ((1, 404), (2, 404), (3, 410), (4, 404), (5, 200)):
            recorded(manifest, snapshot, resource(n, f"{n}.html", status=status), [])
        recorded(manifest, snapshot, resource(6, status=404, error="404 Not Found", standing=Standing.GONE), [])
    assert manifest.runs.error_pages() == [
        ErrorPages(404, are_starts=True, count=1, url=url(1)),
        ErrorPages(404, are_starts=False, count=2, url=url(2)),
        ErrorPages(410, are_starts=False, count=1, url=url(3)),
    ]


def test_what_only_a_browser_saw_is_told_apart(manifest: Manifest) -> None:
    snapshot = manifest.runs.begin((), {}, NOW)
    admitted(manifest, *(done(n) for n in range(1, 6)))
    with manifest.transaction():
        guess = Reference(url(3), Kind.PAGE, guess=True)
        page = recorded(manifest, snapshot, resource(1, "1.html"), [(2, Reference(url(2), Kind.PAGE)), (3, guess)])
        manifest.links.add_seen(page, [(n, Reference(url(n), Kind.ROUTE)) for n in (2, 3)])
        manifest.links.add_seen(page, [(4, Reference(url(4), Kind.PAGE))])
        assert not manifest.links.is_route(2)  # before that, nothing can be queried by target
        manifest.links.build_index()
        assert [manifest.links.is_route(n) for n in range(1, 6)] == [False, True, True, False, False]
        assert [manifest.links.is_seen_only(n) for n in range(1, 6)] == [False, False, True, True, False]


# Versions


def two_snapshots(manifest: Manifest) -> tuple[Snapshot, Snapshot]:
    with manifest.transaction():
        first = manifest.runs.begin([HOME], {}, "2026-01-01T00:00:00+00:00")
        manifest.frontier.identify([url(1), url(2), url(3)])
        manifest.runs.finish(first, "2026-01-01T01:00:00+00:00")
        return first, manifest.runs.begin([HOME], {}, "2026-02-01T00:00:00+00:00")


def digest(letter: str) -> Digest:
    return Digest(letter * 64)


def test_a_new_version_begins_only_if_something_changed(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    links = [(2, Reference(url(2), Kind.PAGE))]
    with manifest.transaction():
        same = recorded(manifest, first, resource(1, "1.html", digest=digest("a")), links)
        other = recorded(manifest, first, resource(2, "2.html", digest=digest("b")), links)
        assert recorded(manifest, second, resource(1, "1.html", digest=digest("a")), None).id == same.id
        now = recorded(manifest, second, resource(2, "2.html", digest=digest("c")), None)
    assert now.id != other.id
    assert (same.since, now.since) == (first.id, second.id)
    assert manifest.links.of(now) == links
    at = [manifest.history.version(url(2), snapshot.id) for snapshot in (first, second)]
    assert [version and version.digest for version in at] == [digest("b"), digest("c")]
    [difference] = manifest.history.differences(first.id, second.id)
    assert difference.now == manifest.resources.current(2)
    assert list(manifest.history.changed(second.id)) == [(difference.before, difference.now)]
    assert list(manifest.history.changed(first.id)) == []
    with manifest.transaction():
        manifest.history.count(second.id, noise=1)
    assert [one.numbers.noise for one in manifest.history.snapshots()] == [0, 1]
    assert [version.id for version in manifest.history.all()] == [same.id, other.id, now.id]


def test_a_version_that_was_not_requested_keeps_its_last_request(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        known = recorded(manifest, first, resource(1, "1.html"), [])
        manifest.resources.end_as(second, replace(known, standing=Standing.UNLINKED))
        assert [one.url_id for one, _, _ in manifest.resources.unvisited(second)] == [1]
    current = manifest.resources.current(1)
    assert current
    assert (current.standing, current.since, current.checked) == (Standing.UNLINKED, second.id, known.checked)


def test_a_failing_url_has_the_time_since_when(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        recorded(manifest, first, resource(1, "1.html"), [])
        assert manifest.resources.failing_since(1, LATER) is None
        recorded(manifest, second, resource(1, "1.html", standing=Standing.KEPT, error="timed out"), None)
    assert manifest.resources.failing_since(1, LATER) == second.started


@pytest.mark.parametrize(
    ("times", "since"),
    [
        (["2026-01-01", "2036-01-01", "2026-01-03", "2026-01-04"], "2026-01-03"),  # the first time is not believed
        (
            ["2026-01-01", "1970-01-01", "2026-01-03", "2026-01-04"],
            "2026-01-01",
        ),  # it is no earlier than the run before it
        (["2026-01-05", "2026-01-02", "2026-01-03", "2026-01-04"], "2026-01-05"),
    ],
)
def test_a_failing_url_has_a_time_that_can_be_true(manifest: Manifest, times: list[str], since: str) -> None:
    good, bad = resource(1, "1.html"), resource(1, "1.html", standing=Standing.KEPT, error="timed out")
    with manifest.transaction():
        manifest.frontier.identify([url(1)])
        for number, day in enumerate(times):
            snapshot = manifest.runs.begin([HOME], {}, f"{day}T00:00:00+00:00")
            recorded(manifest, snapshot, bad if number else good, [] if not number else None)
            manifest.runs.finish(snapshot, f"{day}T01:00:00+00:00")
    assert manifest.resources.failing_since(1, LATER) == f"{since}T00:00:00+00:00"
    assert [day[:10] for _, day in manifest.runs.after(LATER)] == [day for day in times if day > LATER]


@pytest.mark.parametrize("day", ["2036-01-01", "1970-01-01"])
def test_the_newest_snapshot_is_that_of_the_last_run_whatever_the_clock_said(manifest: Manifest, day: str) -> None:
    with manifest.transaction():
        for one in ("2026-01-01", day, "2026-01-02"):
            manifest.runs.finish(manifest.runs.begin([HOME], {}, f"{one}T00:00:00+00:00"), f"{one}T01:00:00+00:00")
    numbers = [one.id for one in manifest.history.snapshots()]
    assert numbers == sorted(numbers)
    latest = manifest.history.find("latest")
    assert latest is not None
    assert latest.id == numbers[-1] == 3


def test_links_that_a_browser_saw_follow_those_of_the_document(manifest: Manifest) -> None:
    own, seen = (2, Reference(url(2), Kind.PAGE)), (3, Reference(url(3), Kind.REQUISITE))
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        page = recorded(manifest, first, resource(1, "1.html", digest=digest("a")), [own])
        manifest.links.add_seen(page, [seen, own, seen])
        assert manifest.links.of(page) == [own, seen]
        assert manifest.links.seen(page) == [seen]
        same = recorded(manifest, second, resource(1, "1.html", digest=digest("a")), [own])
        assert manifest.links.of(same) == [own, seen]
        other = recorded(manifest, second, resource(1, "1.html", digest=digest("b")), [own])
        assert manifest.links.of(other) == [own]


# Departures, lost objects, decisions


def test_a_file_leaves_once_it_is_released_unless_its_url_has_it_again(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        recorded(manifest, first, resource(1, "1.html"), [])
        manifest.departures.add(LocalPath("1.html"), 1, lost=True)
        manifest.departures.add(LocalPath("2.html"), 2, lost=True)
        assert manifest.departures.released() == []
        manifest.departures.release()
        assert manifest.departures.released() == manifest.departures.all() == ["2.html"]
        manifest.departures.remove(LocalPath("2.html"))
        assert manifest.departures.all() == []
        manifest.runs.finish(second, "later", Outcome.HELD)
        manifest.departures.accept_loss("2019-01-03T00:00:00+00:00")
    [_, held] = manifest.history.snapshots()
    assert (held.outcome, held.finished) == (Outcome.COMPLETE, "2019-01-03T00:00:00+00:00")


def test_pages_are_compared_with_the_newest_complete_snapshot(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    a, b, c = (digest(letter) for letter in "abc")
    with manifest.transaction():
        for n, content in ((1, a), (2, b), (3, c)):
            recorded(manifest, first, resource(n, f"{n}.html", digest=content), [])
        recorded(manifest, second, resource(1, "1.html", digest=c, status=301), [])
        recorded(manifest, second, resource(2, standing=Standing.GONE, error="404"), [])
        assert [(page.url_id, page.content, page.standing) for page in manifest.departures.changed_pages()] == [
            (1, a, Standing.PRESENT),
            (2, b, Standing.GONE),
        ]
        assert [manifest.departures.had_content(content) for content in (c, digest("d"))] == [True, False]
        assert [manifest.departures.has_content(content) for content in (a, b, c)] == [False, False, True]
        recorded(manifest, second, resource(4, "4.html", digest=digest("d")), [])
        assert manifest.departures.count_pages() == 3  # a new page is none of them
        restored = manifest.resources.reopen(1)
        assert restored == manifest.resources.current(1)
        assert restored is not None
        assert (restored.digest, restored.status) == (a, 200)
        assert manifest.resources.reopen(99) is None
        manifest.runs.finish(second, "later", Outcome.HELD)
        assert [page.url_id for page in manifest.departures.changed_pages()] == [2]  # still
        manifest.departures.accept_loss("at last")
        assert list(manifest.departures.changed_pages()) == []


def test_versions_with_a_lost_object_are_stale_and_pending_again(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
    admitted(manifest, done(1), done(2))
    with manifest.transaction():
        recorded(manifest, snapshot, resource(1, "1.html", digest=digest("a")), [])
        recorded(manifest, snapshot, resource(2, "2.html", digest=digest("b")), [])
        manifest.resources.mark_lost([digest("a")])
    assert [one.url_id for one in manifest.resources.all(stale=True)] == [1]
    states = {url_id: entry.state for url_id, entry in manifest.frontier.entries([1, 2]).items()}
    assert states == {1: State.PENDING, 2: State.DONE}


def test_a_file_that_became_stale_while_it_was_written_stays_stale(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
        manifest.frontier.identify([url(1)])
        page = recorded(manifest, snapshot, resource(1, "1.html", digest=digest("a"), stale=True), [])
        planned, _ = manifest.resources.staleness(page)
        manifest.resources.mark_stale([page.id])
        manifest.resources.mark_published([Published(page.id, planned, digest("c"))])
        assert [one.id for one in manifest.resources.all(stale=True)] == [page.id]
        assert manifest.resources.copy(page) == digest("c")
        manifest.resources.mark_published([Published(page.id, manifest.resources.staleness(page)[0], None)])
    assert list(manifest.resources.all(stale=True)) == []
    assert manifest.resources.copy(page) is None


def test_objects_are_unsynced_until_they_are_removed_from_the_list(manifest: Manifest) -> None:
    with manifest.transaction():
        manifest.resources.add_unsynced([digest("a"), digest("b"), digest("a")])
        manifest.resources.remove_unsynced([digest("a"), digest("c")])
    assert manifest.resources.unsynced() == [digest("b")]


def test_aliases_facts_families_and_needs_are_stored(manifest: Manifest) -> None:
    decisions = manifest.decisions
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
        manifest.frontier.identify([url(1), url(2)])
        page = recorded(manifest, snapshot, resource(1, "1.html", digest=digest("a")), [])
        recorded(manifest, snapshot, resource(2, "2.html", digest=digest("a")), [])
        assert list(decisions.same_contents()) == [[url(1), url(2)]]
        decisions.set_aliases([(2, 1)])
        assert (decisions.is_alias(1), decisions.is_alias(2), decisions.aliases()) == (False, True, [2])
        assert manifest.history.same_as(url(2)) == url(1)
        decisions.set_aliases([(2, None)])
        assert decisions.aliases() == []
        decisions.set_fact("reader", "3")
        decisions.set_fact("reader", "4")
        decisions.save_families({"a": {"n": 1}, "b": {"n": 2}}, ["b"])
        decisions.add_needs(page.id, ["fetches data"])
        decisions.add_needs(page.id, ["module scripts", "fetches data"])
    assert (decisions.fact("reader"), decisions.fact("writer")) == ("4", None)
    assert decisions.families() == {"a": {"n": 1}}
    assert decisions.needing(1) == (1, [(url(1), "fetches data, module scripts")])


def test_urls_that_begin_with_a_text_are_those_that_a_snapshot_shows(manifest: Manifest) -> None:
    names = ["a", "a?", "a?x=1&_=1", "a?x=1&_=2", "a?x=2", "ab"]
    with manifest.transaction():
        first = manifest.runs.begin([HOME], {}, NOW)
        manifest.frontier.identify([url(name) for name in names])
        for n, name in enumerate(names, 1):
            recorded(manifest, first, replace(resource(n, None if name == "a?x=2" else f"{n}"), url=url(name)), [])
    found = manifest.history.beginning_with
    assert found(url("a?"), first.id, 10) == [url("a?"), url("a?x=1&_=1"), url("a?x=1&_=2")]
    assert found(url("a?x=1"), first.id, 1) == [url("a?x=1&_=1")]
    assert found(url("a?"), first.id - 1, 10) == []
    assert (manifest.history.started(first.id), manifest.history.started(first.id + 1)) == (NOW, None)


def test_what_was_folded_is_found_with_the_documents_that_refer_to_it(manifest: Manifest) -> None:
    with manifest.transaction():
        snapshot = manifest.runs.begin([HOME], {}, NOW)
        manifest.frontier.identify([url(n) for n in range(1, 5)])
        folded = entry(2, state=State.SKIPPED, roles=frozenset(), reason=Reason.SESSION)
        other = entry(3, state=State.SKIPPED, roles=frozenset(), reason=Reason.DEPTH)
        manifest.frontier.admit([done(1), folded, other, entry(4)])
        recorded(manifest, snapshot, resource(1, "1.html"), [(2, Reference(url(2), Kind.PAGE))])
        manifest.decisions.set_aliases([(2, 1), (4, 1)])
    assert [one.id for one in manifest.frontier.skipped([Reason.SESSION, Reason.TRACKING])] == [2]
    assert [one.id for one in manifest.frontier.linking_to([2, 3])] == [1]
    assert manifest.frontier.linking_to([3]) == []
    assert sorted(manifest.decisions.aliases_of(1)) == [2, 4]
    assert manifest.decisions.sampled() == [(4, url(4), 1)]


def test_versions_name_the_snapshots_that_show_them(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        recorded(manifest, first, resource(1, "1.html", digest=digest("a")), [])
        manifest.runs.finish(second, LATER)
        third = manifest.runs.begin([HOME], {}, LATER)
        recorded(manifest, third, resource(1, "1.html", digest=digest("b")), [])
    spans = [(one.first, one.last, one.began, one.ended) for one in manifest.history.versions(url(1))]
    assert spans == [(1, 2, "2026-01-01T00:00:00+00:00", LATER), (3, 3, LATER, None)]
    assert [one.resource.digest for one in manifest.history.versions(url(1))] == [digest("a"), digest("b")]
    assert manifest.history.versions(url(9)) == []
    with manifest.transaction():
        manifest.retention.prune([second.id, third.id])
    assert [(one.first, one.last) for one in manifest.history.versions(url(1))] == [(2, 2), (3, 3)]


def test_a_file_moved_to_where_its_payload_is_new(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        old = recorded(manifest, first, resource(1, "1.html", digest=digest("a")), [])
        recorded(manifest, first, resource(3, "3.html", digest=digest("a")), [])
        recorded(manifest, second, resource(1, standing=Standing.GONE, error="404"), [])
        new = recorded(manifest, second, resource(2, "2.html", digest=digest("a")), [])
    assert manifest.history.moved_to(old, second.id) == url(2)
    assert manifest.history.moved_from(new) == url(1)
    assert manifest.history.moved_to(new, second.id) is None
    assert manifest.history.moved_from(old) is None


def test_statistics_count_what_a_snapshot_shows(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    other = canonical("http://other.example:8000/x.png")
    with manifest.transaction():
        assert manifest.frontier.identify([other]) == {other: 4}
        manifest.frontier.admit([done(1), done(2, depth=1), done(3, depth=1), done(4, PICTURE, depth=2, url=other)])
        recorded(manifest, first, resource(1, "1.html", digest=digest("a")), [])
        recorded(manifest, first, resource(2, "2.html", digest=digest("b"), size=100), [])
        third = recorded(manifest, first, resource(3, "3.html", status=301), [])
        recorded(
            manifest, first, resource(4, "4.png", digest=digest("c"), url=other, media_type="image/png", size=50), []
        )
        recorded(manifest, second, resource(2, standing=Standing.FAILED, status=None, error="refused"), [])
    counted = manifest.history.statistics(first.id, 2)
    assert counted.types == [FileGroup("text/html", 2, 0, 107), FileGroup("image/png", 0, 1, 50)]
    assert counted.hosts == [
        FileGroup("http://example.org", 2, 0, 107),
        FileGroup("http://other.example:8000", 0, 1, 50),
    ]
    assert counted.depths == [FileGroup("0", 1, 0, 7), FileGroup("1", 1, 0, 100)]
    assert counted.statuses == [FileGroup("200", 2, 1, 157), FileGroup("301", 0, 1, 0)]
    assert [(one.url, one.size) for one in counted.largest] == [(url(2), 100), (other, 50)]
    assert counted.slowest == []
    assert manifest.history.statistics(second.id, 2).statuses[-1] == FileGroup("", 0, 1, 0)
    numbers = manifest.history.numbers(first.id)
    assert (numbers.pages, numbers.files, numbers.size) == (2, 1, 157)
    with manifest.transaction():
        manifest.resources.set_latencies({third.id: 5})
        manifest.resources.set_latencies({third.id: 7, third.id + 1: 9})
    assert manifest.history.statistics(first.id, 2).slowest == [(other, 9), (url(3), 7)]
    with manifest.transaction():
        manifest.retention.forget(other, "2026-01-01T00:00:00+00:00")
    assert manifest.history.statistics(first.id, 2).slowest == [(url(3), 7)]


# Retention


def test_pruning_deletes_versions_that_only_pruned_snapshots_showed(manifest: Manifest) -> None:
    first, second = two_snapshots(manifest)
    with manifest.transaction():
        recorded(manifest, first, resource(1, "1.html", digest=digest("a")), [])
        recorded(manifest, first, resource(2, "2.html", digest=digest("b")), [])
        recorded(manifest, second, resource(1, "1.html", digest=digest("c")), [])
        assert manifest.retention.objects_in_use() == {digest("a"), digest("b"), digest("c")}
        manifest.retention.prune([second.id])
    assert manifest.retention.objects_in_use() == {digest("b"), digest("c")}
    assert [listed.id for listed in manifest.history.snapshots()] == [second.id]
    assert manifest.history.has_before(second.id)
    assert [shown.resource.digest for shown in manifest.history.at(second.id)] == [digest("b"), digest("c")]


def test_which_urls_show_a_text_and_when(manifest: Manifest) -> None:
    """Of three runs, the second finds another text at the first URL; the second URL always has the first text."""
    one, two, picture = (Digest(letter * 64) for letter in "abc")
    admitted(manifest, entry(1), entry(2), entry(3))
    states = []
    for texts in ((one, one), (two, one), (one, one)):
        with manifest.transaction():
            snapshot = manifest.runs.begin([HOME], {}, NOW)
            for number, digest in enumerate(texts, 1):
                recorded(manifest, snapshot, resource(number, f"example.org/{number}.html", digest=digest), [])
            moved = resource(3, "example.org/3.png", digest=picture, media_type="image/png", status=301)
            recorded(manifest, snapshot, moved, [])
        states.append(manifest.retention.state())
        with manifest.transaction():
            manifest.runs.finish(snapshot, NOW)
        states.append(manifest.retention.state())
    assert len(set(states)) == 6
    assert manifest.history.complete() == [1, 2, 3]
    found = [text for some in manifest.retention.texts(["text/html"]) for text in some]
    assert sorted(found) == [(one, "text/html")] * 3 + [(two, "text/html")]
    assert list(manifest.retention.texts(["image/png"])) == []
    assert manifest.retention.needed([one, picture, Digest("d" * 64)]) == {one}

    types = ["text/html", "application/pdf"]

    def shown(digests: list[Digest], at: int | None, glob: str = "*") -> list[tuple[str, int, int | None]]:
        showing = manifest.retention.showing(digests, types, at, glob)
        assert len(manifest.retention.ids_showing(digests, types, at, glob)) == len({one.url for one in showing})
        return sorted((one.url[-1], one.since, one.until) for one in showing)

    assert shown([one], 1) == [("1", 1, 2), ("2", 1, None)]
    assert shown([one], 2) == [("2", 1, None)]
    assert shown([one, two], None) == [("1", 1, 2), ("1", 2, 3), ("1", 3, None), ("2", 1, None)]
    assert shown([one], 3, "*/1") == [("1", 3, None)]
    assert shown([picture], None) == []
    assert [one.digest for one in manifest.retention.showing_at("*/1", types, 2, 9)] == [two]
    assert len(manifest.retention.showing_at("*", types, None, 2)) == 2
    assert manifest.retention.showing_at("*", ["text/plain"], None, 2) == []
    assert manifest.retention.showing([one], ["text/plain"], None) == []
    assert manifest.retention.ids_showing([one], ["text/plain"], None) == set()
    ever = manifest.retention.showings([url(1), url(9)], types)
    assert [(one.digest, one.since) for one in ever] == [(one, 1), (two, 2), (one, 3)]
    before = manifest.retention.state()
    with manifest.transaction():
        manifest.retention.forget(url(2), NOW)
    assert manifest.retention.state() != before


def test_a_forgotten_url_has_no_versions_and_a_tombstone(manifest: Manifest) -> None:
    first, _ = two_snapshots(manifest)
    with manifest.transaction():
        assert manifest.frontier.identify([url(4)]) == {url(4): 4}
        links = [(n, Reference(url(n), Kind.PAGE)) for n in (2, 4)]
        recorded(manifest, first, resource(1, "1.html", digest=digest("a")), links)
        recorded(manifest, first, resource(2, "2.html", digest=digest("b")), [])
        recorded(manifest, first, resource(3, "3.html", digest=digest("a")), [])
        assert manifest.retention.sharing(url(1)) == [url(3)]
        assert manifest.retention.sharing(url(2)) == []
        assert manifest.retention.forget(url(1), NOW) == 1
    assert manifest.frontier.find([url(1), url(2), url(4)]) == {url(1): 1, url(2): 2}
    assert manifest.decisions.tombstones() == [url(1)]
    assert manifest.resources.current(1) is None
    assert [user.url_id for user in manifest.retention.users_of(digest("a"))] == [3]
    assert [user.url_id for user in manifest.retention.users_of(digest("b"))] == [2]
    assert manifest.departures.released() == ["1.html"]
