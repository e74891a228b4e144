"""Each promise of SECURITY.md, and each row of docs/reliability.md, names a test that is there.

A test is named as `tests/FOLDER/test_FILE.py::test_NAME`; rows of its table may follow, in italics. A row that begins with the
name of an attack is tested by `tests/hostile/test_attacks.py`, and needs no further test.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.crawl.running import ROOT
from tests.hostile.attacks import ATTACKS

SECURITY: Final = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
RELIABILITY: Final = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISES: Final = "What Websucker promises"
_NAMED: Final = re.compile(r"`(tests/[\w/.]+)(?:::(\w+))?`")
_ITALIC: Final = re.compile(r"(?<![*\w])\*([^*]+)\*(?![*\w])")
_NO_ROW: Final = "Tested by"


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level.

    >>> section("## A\\na\\n## B\\nb\\n", "A")
    'a\\n'
    """
    return re.split(r"^## ", text.partition(f"## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def promises(text: str) -> list[str]:
    """The promises of a section: what begins with bold words, up to the next; each item of a list; each row of a table.

    >>> promises("Before.\\n\\n**A** holds.\\n\\n- an item\\n\\n**B**:\\n\\n| x | y |\\n|---|---|\\n| 1 | 2 |\\n\\nMore.\\n")
    ['**A** holds.', '- an item', '**B**:\\nMore.', '| 1 | 2 |']
    """
    found: list[str] = []
    bold: list[int] = []
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("|"):
            found += rows(block)
        elif block.startswith("- "):
            found += re.split(r"\n(?=- )", block.rstrip())
        elif block.startswith("**"):
            bold.append(len(found))
            found.append(block.rstrip())
        elif bold and block.strip():
            found[bold[-1]] += f"\n{block.rstrip()}"
    return found


def prose(text: str) -> str:
    """A text without its tables.

    >>> prose("One.\\n| x |\\n|---|\\n| 1 |\\nTwo.\\n")
    'One.\\nTwo.\\n'
    """
    return re.sub(r"^\|.*\n?", "", text, flags=re.MULTILINE)


def rows(text: str) -> list[str]:
    """The rows of the tables of a text, without their heads, and without rows that are headings in bold.

    >>> rows("| x | y |\\n|---|---|\\n| ***K*** | |\\n| 1 | 2 |\\n\\n| z |\\n|---|\\n| 3 |\\n")
    ['| 1 | 2 |', '| 3 |']
    """
    found = []
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        found += [row for row in table.splitlines()[2:] if not row.startswith("| ***")]
    return found


def missing(text: str) -> list[str]:
    """The tests that a text names and that are not there, and the rows that these tests do not have; "" if it names none."""
    named = _NAMED.findall(text)
    rows_of_all = frozenset().union(*(strings(ROOT / file) for file, _ in named), ATTACKS)
    return [
        *(f"{file}::{name}" for file, name in named if name not in collected(ROOT / file)),
        *(row for row in italics(text) if named and row not in {*rows_of_all, _NO_ROW}),
        *([] if named else [""]),
    ]


def italics(text: str) -> list[str]:
    """The words in italics, which lines may break.

    >>> italics("**Bold** *one*, *two\\nthree*, a*b*c")
    ['one', 'two three']
    """
    return [" ".join(words.split()) for words in _ITALIC.findall(text)]


@cache
def collected(file: Path) -> frozenset[str]:
    """The tests that pytest finds in a file: neither what it imports, nor functions within others."""
    if not file.name.startswith("test_"):
        return frozenset()
    return frozenset(
        node.name for node in parsed(file).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


@cache
def strings(file: Path) -> frozenset[str]:
    """The strings of a file and the names of its functions, among which are the names of its rows."""
    nodes = list(ast.walk(parsed(file)))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    names = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return frozenset([*(text for text in texts if isinstance(text, str)), *names])


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8") if file.is_file() else "")


def first_words(text: str) -> str:
    return re.sub(r"\W+", " ", text)[:60].strip()


@pytest.mark.parametrize("promise", promises(section(SECURITY, PROMISES)), ids=first_words)
def test_a_promise_names_its_test(promise: str) -> None:
    assert missing(promise) == []


@pytest.mark.parametrize("row", rows(RELIABILITY), ids=first_words)
def test_a_row_says_what_is_promised_and_names_its_test(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("| ").split(" | ")]
    assert cells[0] in ATTACKS or missing(cells[-1]) == []
    assert all(cells), "what happens, what is promised, and the test"


@pytest.mark.parametrize("heading", sorted(set(re.findall(r"^## (.*)$", RELIABILITY, re.MULTILINE)) - {"Other tools"}))
def test_a_section_names_its_tests(heading: str) -> None:
    """Also where it has no table."""
    assert [name for name in missing(prose(section(RELIABILITY, heading))) if name] == []
    assert _NAMED.search(section(RELIABILITY, heading))


def test_the_pages_have_promises() -> None:
    assert len(promises(section(SECURITY, PROMISES))) > 20
    assert len(rows(RELIABILITY)) > 80


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("**Nothing is lost.**", [""]),
        ("`tests/test_promises.py`", ["tests/test_promises.py::"]),
        ("`tests/none.py::test_none`", ["tests/none.py::test_none"]),
        ("`tests/test_promises.py::test_none`", ["tests/test_promises.py::test_none"]),
        ("`tests/test_promises.py::first_words`", ["tests/test_promises.py::first_words"]),
        ("`tests/hostile/test_reader.py::serve`", ["tests/hostile/test_reader.py::serve"]),
        ("`tests/site.py::test_none`", ["tests/site.py::test_none"]),
        ("`tests/test_promises.py::test_the_pages_have_promises`", []),
        ("*Tested by* `tests/hostile/test_attacks.py::test_an_attack_does_no_harm` *silence*, **not** a*b*c", []),
        ("`tests/hostile/test_attacks.py::test_an_attack_does_no_harm` *noise*", ["noise"]),
        ("`tests/crawl/test_changes.py::test_each_url_ends_as_its_row_says` *etag*, *tag*", ["tag"]),
    ],
)
def test_a_promise_without_a_test_is_found(text: str, found: list[str]) -> None:
    assert missing(text) == found
