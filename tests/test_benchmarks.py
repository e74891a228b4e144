"""The benchmark suite at its smallest: it can tell work that was done from work that was not. No clock is looked at."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from benchmarks.suite import cores, report, sites, starts
from benchmarks.suite.judging import File, Shares, judge
from benchmarks.suite.measure import memory, run
from benchmarks.suite.paced import endless
from benchmarks.suite.picture import draw
from benchmarks.suite.results import MEMORY, WALL, Results, Row, load, save
from benchmarks.suite.serving import ROOT
from benchmarks.suite.targets import TARGETS
from benchmarks.suite.workloads import HOST_PAGES, TWO_A_HOST, WORKLOADS
from tests.browser.conftest import program

PAGE: Final = ROOT / "docs" / "performance.md"
ORIGIN: Final = "http://127.0.0.1/"
PAGES: Final = 12


# The whole suite, from the command to the page


def test_starts_are_measured_until_the_end_or_the_first_request() -> None:
    found = starts.measured(1, lambda _: None)
    shown = starts.start_table(found)
    for what in ("--version", "snapshots DIR", "why DIR URL", "diff DIR"):
        assert f"| websucker | `{what}` | " in shown
    assert "| websucker | first request | " in shown
    assert "<!-- begin start -->" in PAGE.read_text()
    target = next(target for target in TARGETS if target.workload == starts.WORKLOAD)
    assert target.figure(Results(tuple(starts.rows(found)))) == found["websucker", "first request"][0].wall


def test_a_tool_does_not_inherit_the_project_of_its_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "mirror.settings")
    given = {"GIVEN": "x"}
    assert run(["sh", "-c", "env"], tmp_path, tmp_path / "output", 10, given).ended == "0"
    told = (tmp_path / "output").read_text().splitlines()
    assert "GIVEN=x" in told
    assert not [line for line in told if line.startswith("SCRAPY_")]


def test_what_the_crawl_and_its_workers_take_is_told_apart() -> None:
    program("nginx", "/usr/sbin")
    (alone,) = cores.measured("small", PAGES, [1])
    assert (alone.files, alone.wall is not None, alone.workers) == (PAGES, True, 0.0)
    (shared,) = cores.measured("small", PAGES, [len(os.sched_getaffinity(0)) + 3])
    assert shared.wall is None, "the machine has fewer cores"
    assert shared.workers > 0
    assert "| small | 1 | 0 | " in cores.cores_table([alone, shared])
    assert "<!-- begin cores -->" in PAGE.read_text()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a suite that has run four workloads, each as small as can be."""
    program("nginx", "/usr/sbin")
    page = tmp_path_factory.mktemp("bench") / PAGE.name
    page.write_text(re.sub(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", r"\1\3", PAGE.read_text(), flags=re.DOTALL))
    for workload, size, tools in (
        ("small", PAGES, ""),
        ("again", 3, "websucker"),
        ("large", 1, "curl,wget"),
        ("many", 2, "2 a host,16 processes"),
    ):
        words = [workload, f"--size={size}", f"--tools={tools}", "--rounds=1", f"--page={page}"]
        command = [sys.executable, "-m", "benchmarks.suite", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        sys.stderr.write(done.stderr)  # pytest shows what a tool said that failed
        assert done.returncode == 0, done.stderr
    return page


def test_each_tool_that_is_there_does_all_of_the_work(page: Path) -> None:
    results = load(page.with_suffix(".json"))
    assert {"websucker", "scrapy, bare"} <= set(results.tools("small"))
    for row in results.rows:
        if row.tool.startswith("wget2"):  # of Debian 12: ruins one page of each site
            assert row.done.files >= 1 - 1 / PAGES
        else:
            assert row.is_complete, row


def test_what_the_server_was_asked_for_is_counted(page: Path) -> None:
    results = load(page.with_suffix(".json"))
    (bare,), (ours,) = results.select("small", "scrapy, bare"), results.select("small", "websucker")
    assert bare.requests == PAGES + 1, "the start has two names"
    assert ours.requests == PAGES + 2, "and robots.txt"
    assert ours.sent >= bare.sent > 100_000


def test_a_second_run_asks_for_all_and_is_sent_next_to_nothing(page: Path) -> None:
    results = load(page.with_suffix(".json"))
    (first,), (second,) = results.select("again", "websucker"), results.select("again", "websucker, again")
    assert second.is_complete
    assert second.requests >= 3
    assert second.sent < first.sent / 2


def test_each_of_many_hosts_is_mirrored_whole(page: Path) -> None:
    results = load(page.with_suffix(".json"))
    (ours,) = results.select("many", TWO_A_HOST)
    assert ours.requests == 2 * (HOST_PAGES + 2), "each start has two names, and each host a robots.txt"
    assert ours.is_complete
    assert "wget, 16 processes" in results.tools("many")


def test_the_page_has_a_table_for_each_workload_that_ran_and_keeps_what_is_written_by_hand(page: Path) -> None:
    text = page.read_text()
    assert re.search(r"<!-- begin small -->\n\| 1 round .*?\n\| websucker \|.*<!-- end small -->", text, re.DOTALL)
    assert "<!-- begin docs -->\n<!-- end docs -->" in text, "what did not run has none"
    assert report.MISSED.read_text().strip() in text
    unmarked = [
        re.sub(r"(<!-- begin (\w+) -->).*?(<!-- end \2 -->)", "", one, flags=re.DOTALL)
        for one in (text, PAGE.read_text())
    ]
    assert unmarked[0] == unmarked[1]


def test_the_picture_names_the_tools(page: Path) -> None:
    assert "scrapy, bare" in page.with_suffix(".svg").read_text()


def test_a_part_is_not_written_to_the_page_of_the_project() -> None:
    before = PAGE.read_bytes()
    command = [sys.executable, "-m", "benchmarks.suite", "large", "--size=1", "--tools=no such tool"]
    subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert PAGE.read_bytes() == before


def test_an_unknown_workload_is_bad_usage() -> None:
    command = [sys.executable, "-m", "benchmarks.suite", "smal"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no such workload: smal" in done.stderr


# Judging


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, dict[str, File]]:
    """A copy whose links are relative, as a tool would have made it, and what is known of its site."""
    original, copy = tmp_path / "site", tmp_path / "copy"
    sites.make_pages(original, PAGES, 2000, 4)
    for path in original.rglob("*.html"):
        there = copy / path.relative_to(original)
        there.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * (len(there.relative_to(copy).parts) - 1)
        there.write_text(path.read_text().replace('href="/', f'href="{up}'))
    return copy, sites.known(original, map(sites.path_of, range(PAGES)))


def lose(copy: Path) -> None:
    (copy / sites.path_of(5)).unlink()


def cut(copy: Path) -> None:
    content = (copy / sites.path_of(5)).read_bytes()
    (copy / sites.path_of(5)).write_bytes(content[: len(content) // 2])


def lead_to_the_site(copy: Path) -> None:
    lead(copy, f'href="{ORIGIN}{sites.path_of(1)}"')


def lead_nowhere(copy: Path) -> None:
    lead(copy, 'href="nowhere.html"')


def lead_to_the_root_of_the_disk(copy: Path) -> None:
    lead(copy, f'href="/{sites.path_of(1)}"')


def lead(copy: Path, href: str) -> None:
    start = copy / "index.html"
    start.write_text(re.sub(r'href="[^"]*"', href, start.read_text(), count=1))


def test_a_copy_with_all_files_and_all_links_is_whole(site: tuple[Path, dict[str, File]]) -> None:
    copy, known = site
    assert judge(copy, known, ORIGIN).shares == Shares(1.0, 1.0, 1.0)


def test_names_are_the_tools_own_affair(site: tuple[Path, dict[str, File]]) -> None:
    copy, known = site
    shutil.move(copy, copy.with_name("elsewhere"))
    assert judge(copy.with_name("elsewhere"), known, ORIGIN).shares == Shares(1.0, 1.0, 1.0)


@pytest.mark.parametrize("harm", [lose, cut])
def test_a_file_that_is_missing_or_cut_is_noticed(
    site: tuple[Path, dict[str, File]], harm: Callable[[Path], None]
) -> None:
    copy, known = site
    harm(copy)
    work = judge(copy, known, ORIGIN)
    assert work.files == PAGES - 1
    assert work.size < work.size_of


@pytest.mark.parametrize("harm", [lose, lead_to_the_site, lead_nowhere, lead_to_the_root_of_the_disk])
def test_a_link_that_does_not_work_offline_is_noticed(
    site: tuple[Path, dict[str, File]], harm: Callable[[Path], None]
) -> None:
    copy, known = site
    harm(copy)
    work = judge(copy, known, ORIGIN)
    assert work.links < work.links_of


@pytest.mark.parametrize("target", [sites.path_of(1), ""])
def test_a_link_to_any_of_several_hosts_does_not_work_offline(tmp_path: Path, target: str) -> None:
    hosts = ("127.0.1.1", "127.0.1.2")
    known: dict[str, File] = {}
    for host in hosts:
        sites.make_pages(tmp_path / host, PAGES, 2000, 4, host)
        files = sites.known(tmp_path / host, map(sites.path_of, range(PAGES)))
        known |= {f"{host}/{path}": file for path, file in files.items()}
    assert len({file.fingerprint for file in known.values()}) == 2 * PAGES, "each host has pages of its own"
    lead(tmp_path / hosts[0], f'href="{sites.path_of(1)}"')
    before = judge(tmp_path, known, "http://")
    lead(tmp_path / hosts[0], f'href="http://{hosts[1]}/{target}"')
    work = judge(tmp_path, known, "http://")
    assert (work.files, work.links_of, work.links) == (2 * PAGES, before.links_of, before.links - 1)
    lead(tmp_path / hosts[0], 'href="http://127.0.2.1/"')
    assert judge(tmp_path, known, "http://").links_of == before.links_of - 1, (
        "what leads out of the site does not count"
    )


# Sites


def test_each_page_of_a_made_site_can_be_reached_and_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        sites.make_pages(tmp_path / name, 150, 500, 10)
    assert set(sites.reachable(tmp_path / "one")) == set(map(sites.path_of, range(150)))
    for path in map(sites.path_of, range(150)):
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_a_part_of_a_site_is_what_is_nearest_to_the_start(tmp_path: Path) -> None:
    sites.make_pages(tmp_path, 150, 500, 10)
    part = sites.reachable(tmp_path, 11)
    assert part[0] == "index.html"
    assert set(part[1:]) == {sites.path_of(page) for page in sites.linked(0, 150, 10)} - {"index.html"} | {part[-1]}
    assert len(part) == 11


def test_no_two_pages_of_the_endless_site_share_a_link_and_the_few_share_all() -> None:
    answer = endless(3)

    def hrefs(path: str) -> list[str]:
        status, _, body = answer(path)
        assert status == 200
        return re.findall(r'href="([^"]+)"', body.decode())

    start = hrefs("/many/")
    assert len({*start, *(link for page in start for link in hrefs(page))}) == 3 + 9
    assert hrefs("/few/") == hrefs(hrefs("/few/")[0])
    assert answer("/other")[0] == 404


# Measuring


def test_the_memory_of_all_processes_that_a_command_starts_is_counted() -> None:
    hold = "import subprocess, sys; held = bytearray(b'x') * 60_000_000; "
    inner = f"{hold}print('there', flush=True); sys.stdin.read()"
    outer = f"{hold}subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    for code, least in ((inner, 60_000_000), (outer, 120_000_000)):
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"there\n"
            assert least < memory(process.pid) < least + 60_000_000


def test_what_a_process_takes_right_before_its_end_is_counted(tmp_path: Path) -> None:
    code = "held = bytearray(b'x') * 600_000_000"
    assert run([sys.executable, "-c", code], tmp_path, tmp_path / "output", 60).memory > 600_000_000


def test_what_a_command_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    cost = run(["sh", "-c", "sleep 600 & echo $!"], tmp_path, tmp_path / "output", 60)
    assert cost.ended == "0"
    assert not Path("/proc", (tmp_path / "output").read_text().strip()).exists()


def test_a_command_that_takes_too_long_is_stopped_and_said_to_be(tmp_path: Path) -> None:
    assert run(["sleep", "600"], tmp_path, tmp_path / "output", 0.2).ended == "stopped after 0.2 s"


# Results

ROW: Final = Row("docs", "websucker", "websucker", 0, 4.0, 3.0, 200, 10, 1000, Shares(1.0, 1.0, 1.0), "0")


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:
    ours = [replace(ROW, round=number, wall=wall) for number, wall in enumerate([1.0, 10.0, 100.0])]
    wget = [replace(ROW, tool="wget", round=number, wall=wall) for number, wall in enumerate([2.0, 30.0, 200.0])]
    assert Results((*ours, *wget)).ratio("docs", "wget", "websucker", WALL) == 2.0


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, done=Shares(0.9, 1.0, 1.0)),
        replace(ROW, done=Shares(1.0, 0.9, 1.0)),
        replace(ROW, done=Shares(1.0, 1.0, 0.9)),
        replace(ROW, ended="stopped after 1 s"),
    ],
)
def test_a_tool_that_did_less_is_not_compared(row: Row) -> None:
    less = replace(row, tool="wget")
    assert Results((ROW, replace(ROW, tool="wget"))).ratio("docs", "wget", "websucker", WALL) == 1.0
    assert Results((ROW, less)).ratio("docs", "wget", "websucker", WALL) is None
    assert "*wget* (did" in report.workload_table(Results((ROW, less)), "docs")


def test_rows_come_back_from_their_file(tmp_path: Path) -> None:
    results = Results((ROW, replace(ROW, done=Shares(1.0), extra={"known": 3})), {"docs": {"wget": "1.21"}})
    save(results, tmp_path / "rows.json")
    assert load(tmp_path / "rows.json") == results


def test_new_rows_take_the_place_of_those_of_their_workload_alone() -> None:
    old = Results((ROW, replace(ROW, workload="small")))
    new = old.replaced([replace(ROW, wall=9.0)], {})
    assert [(row.workload, row.wall) for row in new.rows] == [("small", 4.0), ("docs", 9.0)]


def test_targets_say_by_how_much_they_are_met_or_missed() -> None:
    wget = replace(ROW, tool="wget", wall=5.0)
    large = replace(ROW, workload="large", memory=75_000_000)
    table = report.target_table(Results((ROW, wget, large)))
    assert (
        "| docs | wall time of wget / of Websucker | at least 1.3 | 1.25 | **missed**, by a factor of 1.04 |" in table
    )
    assert "| large | peak memory of Websucker, MB | at most 150 | 75.0 | met, by a factor of 2.00 |" in table


def test_each_target_and_each_workload_has_its_place_on_the_page() -> None:
    assert {target.workload for target in TARGETS} == {*WORKLOADS, starts.WORKLOAD}
    markers = re.findall(r"<!-- begin (\w+) -->", PAGE.read_text())
    assert sorted(markers) == sorted([*WORKLOADS, "cores", "missed", "start", "targets"])


def test_the_picture_tells_more_from_less() -> None:
    wget = replace(ROW, tool="wget", wall=8.0, memory=20)
    assert Results((ROW, wget)).ratio("docs", "wget", "websucker", MEMORY) == 0.1
    picture = draw(Results((ROW, wget)))
    assert ">2.00</text>" in picture
    assert ">0.10</text>" in picture
