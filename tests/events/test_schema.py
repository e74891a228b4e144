"""docs/events.md is the schema of the events: it describes each, with an example that has its fields and no others."""

import json
import re
from dataclasses import fields
from typing import Any, Final

import pytest

from mirror.events.types import EVENTS, VERSION, Event, Failed, Fetched, RunBegun, Wait, line
from tests.crawl.running import ROOT

TEXT: Final = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
SECTIONS: Final = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", TEXT, re.DOTALL | re.MULTILINE))
HEAD: Final = {"v", "time", "event"}


def example(kind: str) -> dict[str, Any]:
    [text] = re.findall(r"^```json\n(.*)\n```", SECTIONS[kind], re.MULTILINE)
    found: dict[str, Any] = json.loads(text)
    return found


def test_each_event_has_a_section_and_no_other_has_one() -> None:
    assert list(SECTIONS) == [kind.kind for kind in EVENTS]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.kind)
def test_the_example_has_the_fields_of_the_event(kind: type[Event]) -> None:
    shown = example(kind.kind)
    assert (shown["v"], shown["event"]) == (VERSION, kind.kind)
    assert list(shown) == ["v", "time", "event", *(one.name for one in fields(kind))]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.kind)
def test_the_example_is_what_the_program_writes(kind: type[Event]) -> None:
    shown = example(kind.kind)
    values = {name: value for name, value in shown.items() if name not in HEAD}
    if "waits" in values:
        values["waits"] = tuple(Wait(**one) for one in values["waits"])
    if "starts" in values:
        values["starts"] = tuple(values["starts"])
    assert json.loads(line(kind(**values), shown["time"])) == shown


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.kind)
def test_each_field_that_needs_words_has_some(kind: type[Event]) -> None:
    clear = {
        "url",
        "host",
        "why",
        "error",
        "media_type",
        "starts",
        "folder",
        "process",
        "exit_code",
        "elapsed",
        "failed",
        "skipped",
    }
    texts = SECTIONS[kind.kind] + SECTIONS["fetched"] + SECTIONS["failed"] + TEXT.partition("### ")[0]
    assert {one.name for one in fields(kind) if one.name not in clear and f"`{one.name}`" not in texts} == set()


def test_what_is_missing_before_an_event_is_in_its_line() -> None:
    assert json.loads(line(Fetched("http://a/", 200, None, 1, None, page=True), "now", 7))["missing"] == 7


def test_no_url_has_a_login_or_the_body_of_a_request() -> None:
    begun = RunBegun(
        1,
        resumed=False,
        starts=("ftp://me:spam@example.org/",),
        folder="/",
        host="h",
        process=1,
        waiting=1,
        interval=5.0,
        silent_after=60.0,
    )
    failed = Failed("https://me:spam@example.org/q#POST&=spam", None, "no", kept=False, guess=False)
    for event in (begun, failed):
        assert "spam" not in line(event, "now")


def test_a_line_has_nothing_that_controls_a_terminal() -> None:
    text = "".join(map(chr, range(0x300))) + "\N{LINE SEPARATOR}\ud800"
    written = line(Failed("http://a/", None, text, kept=False, guess=False), "now")
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written)["error"] == text
