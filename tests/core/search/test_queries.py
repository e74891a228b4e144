"""What a query finds in a text, by the rules of words alone: `core.search`."""

import sqlite3
import unicodedata
from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.search import words
from mirror.core.search.page_text import SEPARATE_LINES, PageText, Part
from mirror.core.search.query import parse
from mirror.core.search.reading import MAX_TEXT, html_text, plain_text, xhtml_text
from mirror.core.search.snippets import Snippet, snippet
from mirror.core.search.words import fold, searchable
from mirror.store.search.match import expression
from mirror.store.search.schema import CREATE


def finds(query: str, text: str) -> bool:
    """Whether FTS5 finds a text, in a table of the schema."""
    parsed = parse(query)
    assert parsed
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in CREATE:
            database.execute(statement)
        database.execute("INSERT INTO words (rowid, title, headings, body) VALUES (1, '', '', ?)", (searchable(text),))
        return bool(database.execute("SELECT 1 FROM words WHERE words MATCH ?", (expression(parsed),)).fetchall())


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("word", "a Word."),
        ("two words", "words, and then two"),
        ('"two words"', "Two  words"),
        ("begin*", "in the beginning"),
        ('"in the beg*"', "in the begin"),
        ('"in the begin"*', "in the beginning"),
        ("a OR b c", "c b"),
        ("OR a", "a"),
        ("a NOT", "a"),
        ("a NOT b", "a c"),
        ("cafe", "Café"),
        ("café", "CAFE\u0301"),
        ("Straße", "STRASSE"),
        ("ﬁne", "fine"),
        ("cooperate", "co\u00adoperate"),
        ("\uff21\uff22\uff23", "abc"),
        ("ёлка", "Елка"),
        ("שלום", "שָׁלוֹם"),
        ("محمد", "مُحَمَّد"),
        ("C++", "in C++ and C"),
        ("foo(bar", "foo(bar)"),
        ("e-mail", "an e mail"),
        ('"unclosed words', "unclosed words"),
        ('say "hello', "hello, say"),
        ("snake_case", "a snake_case name"),
        ("title:x", "title x"),
        ("near(a b)", "near a, b"),
        ("'; DROP TABLE words; --", "drop table words"),
        ("日", "日本語"),
        ("語", "日本語"),
        ("本", "日本語"),
        ("日本", "日本語"),
        ("本語", "日本語。"),
        ("日本語", "これは日本語です"),
        ("Python入門", "日本のPython入門書"),
        ("入門 Python", "日本のPython入門書"),
        ('"日本 語学"', "日本、語学"),
        ("日本*", "日本語"),
        ("ガ", "ｶﾞス"),
        ("ภาษา", "พูดภาษาไทย"),
        ("ที่", "อยู่ที่นี่"),
        ("한국", "한국어는"),
        ("हिन्दी", "हिन्दी भाषा"),
        ("中文 english", "english和中文"),
        ("𠮷野家", "𠮷野家で"),
    ],
)
def test_a_query_finds_a_text(query: str, text: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("word", "words"),
        ("two words", "two"),
        ('"two words"', "words two"),
        ("a NOT b", "a b"),
        ("a NOT b", "c"),
        ('a NOT "b c"', "a b c"),
        ("foo(bar", "foo and bar"),
        ("日語", "日本語"),
        ("本日", "日本"),
        ("日本語", "日本の語"),
        ("ไทยภาษา", "ภาษาไทย"),
        ("ha", "हिन्दी"),
        ("हि", "हिन्दी"),
    ],
)
def test_a_query_does_not_find_a_text(query: str, text: str) -> None:
    assert not finds(query, text)


@pytest.mark.parametrize("query", ["", " ", "+++", '"', '""', "*", "OR", "NOT NOT", "NOT a", '"*"', "\0"])
def test_without_a_word_there_is_no_query(query: str) -> None:
    assert parse(query) is None


ANY = st.text() | st.text('"*()ORNT ab日本ก\u0e31é\0', max_size=30)


@given(ANY, ANY)
def test_any_text_is_a_query_that_sqlite_can_read(query: str, text: str) -> None:
    text = "".join(line for _, line in plain_text(text).lines)
    if parsed := parse(query):
        readable = expression(parsed).encode(errors="replace").decode()
        with closing(sqlite3.connect(":memory:")) as database:
            for statement in CREATE:
                database.execute(statement)
            database.execute("INSERT INTO words (rowid, body) VALUES (1, ?)", (searchable(text),))
            database.execute("SELECT 1 FROM words WHERE words MATCH ?", (readable,)).fetchall()


@given(st.text("ab 日本語ไทย\u0e48é.", min_size=1, max_size=20), st.integers(0, 20), st.integers(1, 5))
def test_a_piece_of_a_run_is_found_in_it(text: str, begin: int, length: int) -> None:
    piece = text[begin : begin + length]
    if piece and all("\u0e01" <= c <= "\u0e4e" or c in "日本語" for c in piece):
        assert finds(piece, text)


def test_a_page_has_a_title_headings_and_a_body() -> None:
    found = html_text(
        "<title>The title</title><script>x</script><h1>A <i>big</i> heading</h1><p>Text<h2>Open heading"
        "<svg><title>no</title></svg>"
    )
    assert found.part(Part.TITLE) == "The title"
    assert found.part(Part.HEADING) == "A big heading\nOpen heading"
    assert found.part(Part.BODY) == "Text"


@pytest.mark.parametrize("read", [html_text, plain_text])
def test_a_text_of_very_many_lines_is_a_few(read: Callable[[str], PageText]) -> None:
    """Behind those of which one is shown, the lines of each part are joined; their words are all there, in order."""
    end = "<br>" if read is html_text else "\n"
    text = read("".join(f"a{number}{end}" for number in range(100_000)) + "<h1>head</h1>last")
    assert len(text.lines) <= SEPARATE_LINES + len(Part)
    assert text.lines[1] == (Part.BODY, "a1")
    words = [f"a{number}" for number in range(100_000)]
    assert text.part(Part.BODY).split() == [*words, "last"] if read is html_text else [*words, "<h1>head</h1>last"]
    assert text.part(Part.HEADING) == ("head" if read is html_text else "")


@pytest.mark.parametrize(
    ("xhtml", "lines"),
    [
        ("<html><title/><script/><style/><p>a</p></html>", ["a"]),
        ("<html><script>x</script><h:p xmlns:h='http://www.w3.org/1999/xhtml'>a<![CDATA[<b]]></h:p></html>", ["a<b"]),
        ('<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd"><html>caf&eacute; &amp;</html>', ["café &"]),
        ("<html><svg xmlns='http://www.w3.org/2000/svg'><title>name</title><text>a</text></svg></html>", ["a"]),
        ("<p>no<p>XML", ["no", "XML"]),
        ("<!DOCTYPE x [<!ENTITY e SYSTEM '/etc/passwd'>]><p>a &e;</p>", ["]>", "a &e;"]),
    ],
)
def test_xhtml_is_read_as_xml(xhtml: str, lines: list[str]) -> None:
    assert [line for part, line in xhtml_text(xhtml).lines if part is Part.BODY] == lines


def test_a_text_is_bounded_and_readable() -> None:
    assert sum(len(line) for _, line in plain_text("a\0\ud800 " * MAX_TEXT).lines) <= MAX_TEXT
    assert plain_text("a\0\ud800").lines == ((Part.BODY, "a\ufffd\ufffd"),)
    found = html_text(f"<p>{'a' * (MAX_TEXT + 5)}<p>behind")
    assert sum(len(line) for _, line in found.lines) == MAX_TEXT


def shown(query: str, *lines: str, title: str = "") -> Snippet:
    parsed = parse(query)
    assert parsed
    head = ((Part.TITLE, title),) if title else ()
    return snippet(PageText((*head, *((Part.BODY, line) for line in lines))), parsed)


@pytest.mark.parametrize(
    ("query", "line", "pieces"),
    [
        ("word", "a Word.", ("a ", "Word", ".")),
        ("cafe", "the Cafe\u0301s café", ("the Cafe\u0301s ", "café", "")),
        ("cafe", "a cafe\u0301.", ("a ", "cafe\u0301", ".")),
        ("begin*", "beginning", ("", "begin", "ning")),
        ('"foo bar"', "a foo-(bar)", ("a ", "foo-(bar", ")")),
        ("日本", "今日本語", ("今", "日本", "語")),
        ("strasse", "Die Straße.", ("Die ", "Straße", ".")),
        ("a b", "b a", ("", "b", " ", "a", "")),
    ],
)
def test_a_snippet_marks_what_was_found(query: str, line: str, pieces: tuple[str, ...]) -> None:
    assert shown(query, line).pieces == pieces


def test_a_snippet_is_the_line_with_the_most_words_and_is_cut_around_them() -> None:
    assert shown("a b", "only a", "a and b", title="a b").pieces == ("", "a", " and ", "b", "")
    assert shown("a", "nothing", title="a title").pieces == ("", "a", " title")
    long = shown("found", f"{'x ' * 500}found {'y ' * 500}")
    assert long.pieces[1] == "found"
    assert len("".join(long.pieces)) < 200
    assert long.pieces[0].startswith("…")
    assert long.pieces[2].endswith("…")


@given(st.text(), st.text())
def test_a_snippet_of_any_line_is_a_piece_of_it(query: str, line: str) -> None:
    if parsed := parse(query):
        pieces = snippet(PageText(((Part.BODY, line),)), parsed).pieces
        assert not pieces or "".join(pieces).strip("…") in line


@pytest.mark.parametrize("marks", ["\u0315\u0300", "\u093c\u094d", "\u0300", "\u0f71\u0f72"])
def test_a_run_of_marks_takes_no_time_of_its_own(marks: str) -> None:
    """Without the bound, this takes minutes: the test has no clock, but does not end."""
    assert searchable("x" + marks * 300_000 + " word").endswith(" word")


def test_marks_are_folded_as_without_the_bound() -> None:
    for text in ("e\u0301" * 50, "\u0915\u094d\u0937" * 50, "a" + "\u0300" * 29, "─" * 100, "日本" * 40):
        plain = unicodedata.normalize("NFKD", text.casefold())
        assert fold(text) == unicodedata.normalize("NFC", words.IGNORED.sub("", plain)).replace("\u034f", "").casefold()


def test_characters_that_become_many_have_a_bound() -> None:
    assert len(searchable("\ufdfa" * 2_500_000)) == words.MOST
    assert len(searchable("日" * 9_000_000)) == words.MOST
