"""The place of the script that runs before all others of a page. What it does is tested in a browser."""

import pytest

from mirror.core.replay.first_script import path_of, started_at, with_first_script

HERE = f'<script src="{path_of(5)}"></script>'


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("<!DOCTYPE html><html><head>", "<meta charset=utf-8><script>1</script>"),
        ("\ufeff<!-- <head> --><!DOCTYPE html>\n<HTML lang='a>b'>\n<HEAD id=\"x>y\">", "<script>1</script>"),
        ("<!DOCTYPE html>\n", "<title>t</title><script src=a></script>"),
        ('<?xml version="1.0"?><!DOCTYPE html>', "<header><script>1</script>"),
        ("", "<body><script>1</script>"),
        ("", "<script>1</script>"),
        ("<!-->", "<script>1</script>"),
    ],
)
def test_the_script_comes_first(before: str, behind: str) -> None:
    assert with_first_script(before + behind, 5) == before + HERE + behind


@pytest.mark.parametrize("text", ["", "<p>text", "<head><scripted>", "<!-- <script"])
def test_a_page_without_scripts_stays_as_it_is(text: str) -> None:
    assert with_first_script(text, 5) == text


def test_xml_stays_well_formed() -> None:
    assert with_first_script("<html><head/><script/></html>", 5, is_xml=True) == "<html><head/><script/></html>"
    assert with_first_script("<svg><script/></svg>", 5, is_xml=True) == "<svg><script/></svg>"
    start = "<html xmlns='http://www.w3.org/1999/xhtml'><head>"
    assert with_first_script(f"{start}<script/>", 5, is_xml=True) == f"{start}{HERE}<script/>"


@pytest.mark.parametrize(
    ("path", "expected"),
    [(path_of(7), 7), ("/.well-known/websucker/x.js", None), (f"{path_of(7)}?", None), ("/7.js", None)],
)
def test_the_path_tells_the_time(path: str, expected: int | None) -> None:
    assert started_at(path) == expected
