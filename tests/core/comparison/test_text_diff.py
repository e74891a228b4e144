"""Differences between texts: the lines of a page, their changes, and a report that runs nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mirror.core.comparison.text_diff import (
    ALL_LINES,
    KINDS,
    TOO_LONG,
    Change,
    Section,
    page_lines,
    report,
    text_changes,
    titled_lines,
    unified,
)

LAW = settings(max_examples=200)

WHOLE = 1 << 30


def changes(before: str, now: str, context: int = 2) -> str:
    """Compare texts whose lines are letters; return the changes as "-a +b"."""
    return " ".join(change.sign + change.text for change in text_changes(before, now, context=context))


def patched(before: list[str], hunks: list[str]) -> list[str]:
    """Apply a unified diff, as `patch` does: each hunk has to fit where it says."""
    result: list[str] = []
    done = 0
    for line in hunks:
        if line.startswith("@@"):
            old, new = (span[1:].split(",") for span in line.split()[1:3])
            start = int(old[0]) - (old[1] != "0")
            result += before[done:start]
            done = start
            assert len(result) == int(new[0]) - (new[1] != "0")
            continue
        if line[0] != "+":
            assert before[done] == line[1:]
            done += 1
        if line[0] != "-":
            result.append(line[1:])
    return result + before[done:]


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")), st.integers(0, 3))
@LAW
def test_a_unified_diff_makes_the_new_text_of_the_old_one(before: list[str], now: list[str], context: int) -> None:
    hunks = list(unified(text_changes(before, now, context=ALL_LINES), context=context))
    assert patched(before, hunks) == now
    assert bool(hunks) == (before != now)


# --- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("<title> A \n B </title><p>c", ["A B", "c"]),
        (
            "<!doctype html><html><head><title>T</title><style>s</style><meta content=m></head><body>b</body></html>",
            ["T", "b"],
        ),
        ("<p>a<p>b<br>c<hr>d", ["a", "b", "c", "d"]),
        ("<div>a<div>b</div>c</div>d", ["a", "b", "c", "d"]),
        ("<p>a<b>b</b><i> c</i>\n<a href=x>d</a>", ["ab c d"]),
        ("<h1>a</h1><ul><li>b<li>c</ul>", ["a", "b", "c"]),
        ("<table><tr><th>a<td>b</td><tr><td>c</table>", ["a b", "c"]),
        ("<pre>a\n  b\n\nc</pre>d\ne", ["a", "b", "c", "d e"]),
        ("<p>a<script>s</script>b<style>s</style>c<template>t<p>t</template>d", ["abcd"]),
        ("<script>'<p>s'</script><noscript>n</noscript>", ["n"]),
        ("<p>a<!-- b --><![CDATA[c]]>", ["a"]),
        ("<title>T</title><svg><title>t</title><text>a</text></svg>", ["T", "a"]),
        ("<p>a&amp;b&nbsp;&lt;c&gt;&#x2003;d", ["a&b <c> d"]),
        ("<x-card>a</x-card>b", ["a", "b"]),
        ("a</body></html>b<p>c", ["a", "b", "c"]),
        ("<P>a</P ></b></nothing>b<", ["a", "b<"]),
        ("<script>never closed", []),
        ("a\0b", ["a\ufffdb"]),
        ("a\udcffb", ["a\ufffdb"]),
        ("<br>" * 2000 + "<template>a</template><pre>b\nc</pre>d", ["b", "c", "d"]),
        ("<b>" * 2000 + "</script>a<template>b</template><pre>c\nd</pre>e", ["a", "c", "d", "e"]),
    ],
)
def test_page_lines(html: str, lines: list[str]) -> None:
    assert page_lines(html) == lines


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<p>a", ""),
        ("<title>a</title><title>b</title>", "a"),
        ("<svg><title>a</title></svg><p>b", ""),
        ("<template><title>a</title></template><p>b", ""),
        ("<p>a<title> b\nc </title>", "b c"),
        ("<title>never closed", "never closed"),
    ],
)
def test_the_title_of_a_page(html: str, title: str) -> None:
    assert titled_lines(html)[0] == title


@pytest.mark.parametrize(
    ("html", "count"),
    [
        ("<div>" * 50_000 + "a", 1),
        ("<p>a" * 50_000, 50_000),
        ("<pre>" + "a\n" * 50_000, 50_000),
        ("a " * 500_000, 1),
        ("<b>a" * 50_000, 1),
        ("<template>" * 5_000 + "a", 0),
    ],
)
def test_page_lines_reads_any_size(html: str, count: int) -> None:
    assert len(page_lines(html)) == count


@LAW
@given(
    st.lists(
        st.sampled_from(
            ("<p>", "</p>", "<pre>", "</pre>", "<b>", "<script>", "</script>", "<title>", "</title>", "\n", "<td>")
        )
        | st.text()
    ).map("".join)
)
def test_lines_have_collapsed_white_space_and_are_not_empty(html: str) -> None:
    for line in page_lines(html):
        assert line
        assert " ".join(line.split()) == line


# --- changes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "context", "expected"),
    [
        ("", "", 2, ""),
        ("abc", "abc", 2, ""),
        ("", "ab", 2, "+a +b"),
        ("ab", "", 2, "-a -b"),
        ("abc", "abd", 2, " a  b -c +d"),
        ("abc", "xbc", 1, "-a +x  b  c"),
        ("abcd", "xbcd", 1, "-a +x  b …2 lines"),
        ("abcdefg", "abcxefg", 0, "…3 lines -d +x …3 lines"),
        ("abcdefg", "abcxefg", 1, "…2 lines  c -d +x  e …2 lines"),
        ("abcdefgh", "xbcdefgy", 1, "-a +x  b …4 lines  g -h +y"),
        ("abcd", "xbcy", 0, "-a +x …2 lines -d +y"),
        ("abcd", "xbcy", 1, "-a +x  b  c -d +y"),
        ("aaa", "aa", 2, " a  a -a"),
        ("ab", "ba", 2, "+b  a -b"),
    ],
)
def test_text_changes(before: str, now: str, context: int, expected: str) -> None:
    assert changes(before, now, context) == expected


LINES = st.lists(st.sampled_from("abc") | st.text(max_size=3), max_size=30)


@LAW
@given(LINES, LINES)
def test_both_sides_can_be_read_from_the_changes(before: list[str], now: list[str]) -> None:
    found = text_changes(before, now, context=WHOLE)
    if before == now:
        assert found == []
    else:
        assert [change.text for change in found if change.sign in {" ", "-"}] == before
        assert [change.text for change in found if change.sign in {" ", "+"}] == now


@LAW
@given(LINES, LINES, st.integers(0, 4))
def test_notes_count_the_lines_that_are_left_out(before: list[str], now: list[str], context: int) -> None:
    def size(change: Change) -> int:
        return int(change.text.split()[0]) if change.sign == "…" else 1

    found = text_changes(before, now, context=context)
    whole = text_changes(before, now, context=WHOLE)
    assert sum(map(size, found)) == len(whole)
    assert [change for change in found if change.sign in "+-"] == [change for change in whole if change.sign in "+-"]


def test_long_pages_are_compared_where_they_differ() -> None:
    lines = [str(number) for number in range(100_000)]
    found = text_changes(lines, [*lines[:50_000], "new", *lines[50_001:]], context=1)
    assert [change.sign + change.text for change in found] == [
        "…49,999 lines",
        " 49999",
        "-50000",
        "+new",
        " 50001",
        "…49,998 lines",
    ]


def test_texts_that_would_take_too_long_are_not_compared_in_order() -> None:
    kept = [str(number) for number in range(20_000)]
    found = text_changes(["a", *kept, "b", "c"], ["x", *reversed(kept), "c", "b"])
    assert found == [Change("…", TOO_LONG), Change("-", "a"), Change("+", "x")]


def test_frequent_lines_cost_no_work() -> None:
    before = [line for number in range(1_000) for line in (f"old {number}", "reply", f"same {number}")]
    now = [line.replace("old", "new") for line in before]
    assert len(text_changes(before, now, context=WHOLE)) == 4_000


# --- report ---------------------------------------------------------------------------------------------------------


URL = "https://example.org/a"
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{title}"


def test_report() -> None:
    text_of = [Change("…", "9 lines"), Change(" ", "same"), Change("-", "old"), Change("+", "<new>")]
    text = report(
        "1 & 2", [Section(URL, "changed", "text", text_of), Section(URL, "moved", "to /b"), Section("/b", "added")]
    )
    assert "<title>1 &amp; 2</title>" in text
    assert text.index("<h2>Added (1)") < text.index("<h2>Changed (1)") < text.index("<h2>Moved (1)")
    assert "<h2>Removed" not in text
    assert (
        '<li><a href="https://example.org/a" rel="noreferrer">https://example.org/a</a> <small>to /b</small></li>'
        in text
    )
    assert "<li>/b</li>" in text
    assert "<pre><i>… 9 lines</i><span>  same</span><del>- old</del><ins>+ &lt;new&gt;</ins></pre>" in text


def test_nothing_changed() -> None:
    assert "Nothing changed." in report("x", [])


@pytest.mark.parametrize("kind", [*KINDS, EVIL])
@pytest.mark.parametrize("url", [URL, EVIL, f"https://example.org/{EVIL}", "javascript:alert(1)", "\udcff"])
def test_a_report_loads_and_runs_nothing(kind: str, url: str) -> None:
    text = report(EVIL, [Section(url, kind, EVIL, [Change("+", EVIL)])])
    root = etree.fromstring(text.encode(), etree.HTMLParser(encoding="utf-8"))
    attributes = {(element.tag, name) for element in root.iter() for name in element.keys()}  # noqa: SIM118
    assert {element.tag for element in root.iter()} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "ul", "li", "a", "small", "pre", "ins"),
    }
    assert attributes <= {
        *(("html", "lang"), ("meta", "charset"), ("meta", "http-equiv"), ("meta", "content"), ("meta", "name")),
        *(("a", "href"), ("a", "rel")),
    }
    assert root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content") == [
        "default-src 'none'; style-src 'unsafe-inline'"
    ]
    assert all(href.startswith("https://") for href in root.xpath("//a/@href"))
    assert root.xpath("string(//h1)") == root.xpath("string(//small)") == EVIL
    assert root.xpath("string(//ins)") == f"+ {EVIL}"
