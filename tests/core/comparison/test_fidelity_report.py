"""Reports of a comparison: their lines, and that no text of a page becomes markup."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from mirror.core.comparison.fidelity import PageComparison, Result, Sight
from mirror.core.comparison.fidelity_report import as_json, as_lines, report

URL = "http://example.org/a"
PLACE = "http://example-org---http---s1.localhost:8000/a"
ORIGINAL = Sight(lines=("Title", "one", "two"), failed=("http://example.org/gone.png",), errors=("Error: x",))


def compared(copy: Sight, *originals: Sight, pixels: float = 0.0, allowed: float = 0.0) -> PageComparison:
    return PageComparison(URL, PLACE, originals or (ORIGINAL,), copy, pixels, allowed)


def test_the_lines_list_the_differences() -> None:
    copy = Sight(lines=("Title", "one", "three"), left=("http://example.org/app.js",), errors=("Error: y",))
    result = Result(URL, "copy", "replay", 1.0, (compared(copy, pixels=0.25), compared(ORIGINAL)))
    assert list(as_lines(result)) == [
        f"- {URL}",
        "    missing: http://example.org/app.js",
        "    new error: Error: y",
        "    text differs (missing lines: 1, new lines: 1)",
        "    25 % of the pixels differ",
        f"= {URL}",
        "2 of 2 reached",
        "1 of 2 complete",
        "1 of 2 no new errors",
        "1 of 2 same text",
        "1 of 2 same picture",
        "1 of 2 pages match the original (50 %)",
    ]


@given(st.text(min_size=1), st.text(), st.binary(max_size=20))
def test_no_text_of_a_page_becomes_markup(url: str, text: str, picture: bytes) -> None:
    """Whatever is in URLs, errors and texts, the report has the elements that it has without it."""

    def tags(url: str, text: str, *, is_gone: bool) -> list[str]:
        sight = Sight(lines=(text,), failed=(f"http://x/{text}",), left=(text,), errors=(text or "e",))
        original = Sight(text or "gone") if is_gone else Sight(lines=("other",))
        page = PageComparison(url, url, (original,), sight, 0.5)
        result = Result(url, url, "file", 1.0, (page,))
        json.dumps(as_json(result))
        made = report(result, {url: (picture, picture)})
        made.encode()
        return re.findall("</?[a-z]+", made)

    for is_gone in (False, True):
        assert set(tags(url, text, is_gone=is_gone)) <= set(tags("u", "t", is_gone=is_gone)) | {"<span"}
