"""The queue of pages for a browser: which pages wait, and in which order, across kills and runs."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from mirror.core.document.documents import find_references
from mirror.core.policy.scope import Scope
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import State
from mirror.store.manifest.rendering_records import (
    MAX_TRIES,
    RenderingCounts,
    RenderingOutcome,
    RenderingTask,
    RenderMode,
)
from mirror.store.run.crawl import Crawl
from tests.mirroring import answer, complete, files, run, sqlite
from tests.site import PNG, Site

HOME: Final = "http://example.org"
TEXT: Final = "<p>" + "A paragraph that says something. " * 20 + "</p>"
SHELL: Final = "<div id=root></div><script src=/app.js></script>"
SCRIPT: Final = f"{TEXT}<script src=/count.js></script>"


def site() -> Site:
    found = Site().file("/app.js", "1", "text/javascript").file("/count.js", "1", "text/javascript")
    return (
        found.page("/", SHELL, links=["/plain"])
        .page("/plain", TEXT)
        .page("/built", SHELL)
        .file("/p.png", PNG, "image/png")
    )


@contextmanager
def crawling(out: Path, when: RenderMode = RenderMode.AUTO) -> Iterator[Crawl]:
    with closing(Archive(out)) as archive:
        yield Crawl(archive, Scope((canonical(HOME),)), rendering=when, now=lambda: "2026-11-24T12:00:00+00:00")


def tasks(crawl: Crawl) -> list[RenderingTask]:
    """Claim all pages that wait now, without finishing them."""
    return [found[0] for found in iter(crawl.pages.next, None)]


def names(found: list[RenderingTask]) -> list[str]:
    return [task.url.removeprefix(HOME) for task in found]


def requisite(path: str) -> Reference:
    return Reference(canonical(HOME + path), Kind.REQUISITE)


def link(path: str) -> Reference:
    return Reference(canonical(HOME + path), Kind.PAGE)


def rendered(crawl: Crawl, task: RenderingTask, *seen: Reference, dom: bytes | None = None) -> None:
    crawl.pages.finish(task, seen, dom, RenderingOutcome(), ())


@pytest.mark.parametrize(
    ("when", "expected"),
    [(RenderMode.NEVER, []), (RenderMode.AUTO, ["/"]), (RenderMode.DOM, ["/"]), (RenderMode.ALWAYS, ["/", "/plain"])],
)
def test_which_pages_wait_for_a_browser(tmp_path: Path, when: RenderMode, expected: list[str]) -> None:
    with crawling(tmp_path, when) as crawl:
        run(crawl, {HOME: site()})
        assert names(tasks(crawl)) == expected


def test_what_a_page_requests_is_handed_out_first(tmp_path: Path) -> None:
    many = site().page("/", SHELL + "".join(f"<img src=/{n}.png>" for n in range(50)), links=["/plain", "/built"])
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: many}, most=2, flying=1)
        found = crawl.pages.next()
        assert found is not None
        entry = crawl.pages.want(found[0], requisite("/p.png"))
        assert entry is not None
        assert crawl.pages.wait_for(entry.id)[0] == entry
        following = crawl.next()
        assert following is not None
        assert following.url == f"{HOME}/p.png"
        # The same holds for entries that were already taken from the manifest.
        entry = crawl.pages.want(found[0], requisite("/40.png"))
        assert entry is not None
        crawl.pages.wait_for(entry.id)
        following = crawl.next()
        assert following is not None
        assert following.url == f"{HOME}/40.png"
        response = answer({HOME: many}, following.url)
        assert response is not None
        heard: list[int] = []
        crawl.answers.when_answered = heard.append
        crawl.record(following, response, find_references(response))
        assert heard == [following.id]
        done, resource = crawl.pages.wait_for(following.id)
        assert done is not None
        assert done.state is State.DONE
        assert resource is not None
        assert resource.status == 404


def test_what_the_scope_leaves_out_is_not_waited_for(tmp_path: Path) -> None:
    with closing(Archive(tmp_path)) as archive:
        scope = Scope((canonical(HOME),), exclude=__import__("re").compile("secret"))
        crawl = Crawl(archive, scope, rendering=RenderMode.AUTO, now=lambda: "2026-11-24T12:00:00+00:00")
        run(crawl, {HOME: site()})
        (task,) = tasks(crawl)
        entry = crawl.pages.want(task, requisite("/secret.json"))
        assert entry is not None
        assert (entry.state, entry.roles) == (State.SKIPPED, frozenset())


def test_what_a_browser_saw_is_followed_also_in_a_later_run(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site()})
        (task,) = tasks(crawl)
        rendered(crawl, task, link("/built"), requisite("/p.png"))
        assert set(run(crawl, {HOME: site()})) == {f"{HOME}/built", f"{HOME}/p.png"}
        assert crawl.pages.counts() == RenderingCounts(done=1, unfinished=0, spared=0, found=2)
        for task in tasks(crawl):
            rendered(crawl, task)
        assert crawl.is_done
        complete(crawl)
    with crawling(tmp_path) as crawl:
        answered = run(crawl, {HOME: site()})
        assert {f"{HOME}/built", f"{HOME}/p.png"} <= set(answered)
        assert tasks(crawl) == []  # nothing that they need has changed
        complete(crawl)
    with crawling(tmp_path, RenderMode.NEVER) as crawl:
        assert {f"{HOME}/built", f"{HOME}/p.png"} <= set(run(crawl, {HOME: site()}))


def test_a_page_that_changed_is_rendered_again(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site()})
        (task,) = tasks(crawl)
        rendered(crawl, task, requisite("/p.png"))
        run(crawl, {HOME: site()})
        complete(crawl)
    other = site().page("/", SHELL + "changed", links=["/plain"])
    with crawling(tmp_path) as crawl:
        assert f"{HOME}/p.png" not in run(crawl, {HOME: other})
        assert names(tasks(crawl)) == ["/"]


def test_a_page_is_rendered_again_if_something_that_it_needs_has_changed(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site()})
        (task,) = tasks(crawl)
        rendered(crawl, task, requisite("/p.png"))
        run(crawl, {HOME: site()})
        complete(crawl)
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site().file("/p.png", PNG + b"x", "image/png")})
        assert names(tasks(crawl)) == ["/"]


def test_a_resumed_run_renders_what_was_not_done(tmp_path: Path) -> None:
    pages = site().page("/", SHELL, links=["/built"])
    for tries in range(1, MAX_TRIES + 1):
        with crawling(tmp_path) as crawl:
            run(crawl, {HOME: pages})
            assert [(task.tries, crawl.is_done) for task in tasks(crawl)] == [(tries, False)] * 2
    with crawling(tmp_path) as crawl:  # it is this page that crashes the process
        assert tasks(crawl) == []
        assert crawl.is_done
        assert crawl.pages.counts() == RenderingCounts(done=2, unfinished=2, spared=0, found=0)


def test_what_went_wrong_with_rendered_pages_is_counted(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site().page("/", SHELL, links=["/built"])})
        refused = [f"POST {HOME}/a", f"POST {HOME}/b", "more than 1,000 requests"]
        for number, task in enumerate(tasks(crawl)):
            crawl.pages.finish(task, [], None, RenderingOutcome("slow" if number else "", refused), [])
        assert crawl.pages.problems() == [
            ("refused: POST", 2, f"{HOME}/"),
            ("refused: more than 1,000 requests", 2, f"{HOME}/"),
            ("slow", 1, f"{HOME}/built"),
        ]


def test_a_page_that_was_put_back_comes_after_the_others(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site().page("/", SHELL, links=["/built"])})
        first = crawl.pages.next()
        assert first is not None
        crawl.pages.put_back(first[0])
        assert names(tasks(crawl)) == ["/built", "/"]


def template(count: int) -> Site:
    found = Site().file("/count.js", "1", "text/javascript")
    for n in range(count):
        found.page(f"/{n}" if n else "/", SCRIPT, links=[f"/{n + 1}"] if n + 1 < count else [])
    return found


def through(crawl: Crawl, give: Callable[[str], tuple[Reference, ...]]) -> list[str]:
    """Render one page after the other."""
    done = []
    while found := crawl.pages.next():
        rendered(crawl, found[0], *give(found[0].url.removeprefix(HOME)))
        done.append(found[0].url.removeprefix(HOME))
    return done


def test_a_template_that_finds_nothing_new_is_spared(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: template(60)})
        done = through(crawl, lambda _: ())
        assert done[:3] == ["/", "/1", "/2"]
        assert 3 < len(done) < 8  # every twentieth page is rendered even so
        renderings = crawl.pages.counts()
        assert renderings is not None
        assert renderings.spared == 60 - len(done)
        complete(crawl)


def test_if_a_page_finds_something_after_all_the_spared_ones_are_rendered(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: template(60)})
        seen: list[str] = []

        def give(path: str) -> tuple[Reference, ...]:
            seen.append(path)
            return (requisite(f"{path}.png"),) if len(seen) > 3 else ()

        assert len(through(crawl, give)) == 60


def test_a_template_that_finds_something_each_time_is_not_spared(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: template(12)})
        assert len(through(crawl, lambda path: (requisite(f"{path}.png"),))) == 12


def test_the_tree_shows_the_dom_that_is_kept(tmp_path: Path) -> None:
    with crawling(tmp_path, RenderMode.DOM) as crawl:
        run(crawl, {HOME: site()})
        (task,) = tasks(crawl)
        dom = b"<!DOCTYPE html><html><head></head><body><a href='/plain'>built</a><img src='/p.png'></body></html>"
        rendered(crawl, task, requisite("/p.png"), dom=dom)
        run(crawl, {HOME: site()})
        complete(crawl)
        page = files(tmp_path)["example.org/index.html"]
        assert b'href="plain~.html"' in page or b"href='plain~.html'" in page
        assert b"p.png" in page
        crawl.archive.collect()
        assert crawl.archive.objects.has(Digest(sha256(dom).hexdigest()))
        before = files(tmp_path)
        for _ in crawl.archive.publish_all():
            pass
        assert files(tmp_path) == before
    with crawling(tmp_path, RenderMode.AUTO) as crawl:  # without When.DOM, the tree shows the original again
        run(crawl, {HOME: site()})
        for task in tasks(crawl):
            rendered(crawl, task, requisite("/p.png"), dom=dom)
        complete(crawl)
    assert b"built" not in files(tmp_path)["example.org/index.html"]


def test_pages_that_do_not_work_from_a_disk_are_reported(tmp_path: Path) -> None:
    pages = site().page("/", "<script type=module src=/app.js></script>" + TEXT, links=["/built", "/plain"])
    with crawling(tmp_path, RenderMode.NEVER) as crawl:
        run(crawl, {HOME: pages})
        complete(crawl)
        assert crawl.archive.manifest.decisions.needing(5) == (1, [(f"{HOME}/", "module scripts")])
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: pages})
        for task in tasks(crawl):
            crawl.pages.finish(
                task,
                [requisite("/p.png")] if task.url.endswith("built") else [],
                None,
                RenderingOutcome(),
                ["fetches data"],
            )
        run(crawl, {HOME: pages})
        complete(crawl)
        assert crawl.archive.manifest.decisions.needing(1) == (2, [(f"{HOME}/", "fetches data, module scripts")])
        account = crawl.archive.history.account(canonical(f"{HOME}/built"))
        assert account is not None
        assert account.needs == "fetches data, scripts that load more"


def test_a_missing_page_that_only_a_script_links_to_is_no_failure(tmp_path: Path) -> None:
    with crawling(tmp_path) as crawl:
        run(crawl, {HOME: site()})
        (task,) = tasks(crawl)
        rendered(crawl, task, link("/route"), requisite("/missing.json"))
        run(crawl, {HOME: site()})
        complete(crawl)
        assert [url for url, _, _ in crawl.archive.manifest.runs.failures(9)] == []


def test_pruned_snapshots_take_their_renderings_along(tmp_path: Path) -> None:
    for n in range(3):
        with crawling(tmp_path) as crawl:
            pages = site().page("/", f"{SHELL}{n}")
            run(crawl, {HOME: pages})
            for task in tasks(crawl):
                rendered(crawl, task, requisite("/p.png"))
            run(crawl, {HOME: pages})
            complete(crawl)
    with closing(Archive(tmp_path)) as archive, archive.manifest.transaction():
        database = sqlite(archive)
        assert database.run("SELECT count(*) FROM renderings").fetchone() == (3,)
        archive.manifest.retention.prune([3])
        assert database.run("SELECT since, state FROM renderings").fetchall() == [(3, 1)]
        archive.manifest.retention.forget(f"{HOME}/*", "2026-11-25T12:00:00+00:00")
        assert database.run("SELECT count(*) FROM renderings").fetchone() == (0,)
