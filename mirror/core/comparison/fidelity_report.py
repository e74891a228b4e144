"""Reports of a comparison of a copy with the original: as lines, as JSON, and as a page of HTML.

Input: a `Result` and pictures. Output: text. The page of HTML loads nothing and runs nothing.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Final

from mirror.core.comparison import html_frame
from mirror.core.comparison.fidelity import Aspect, PageComparison, Result, Sight
from mirror.core.comparison.html_frame import escaped
from mirror.core.comparison.text_diff import Change, change_lines


def as_lines(result: Result) -> Iterator[str]:
    """Yield the report as text: a line for each page, its differences below, and the totals."""
    for page in result.pages:
        yield f"{_sign(page)} {page.url}"
        yield from (f"    {line}" for line in _differences(page))
    yield from (f"{result.count(aspect)} of {len(result.judged)} {aspect}" for aspect in Aspect)
    yield from (f"left out, as the site asks: {number:,} {rule}" for rule, number in sorted(result.left_out.items()))
    yield f"{result.matching} of {len(result.judged)} pages match the original ({_percent(result.share)})"


def as_json(result: Result) -> dict[str, Any]:
    """Return the report as data for JSON."""
    return {
        "original": result.original,
        "copy": result.copy,
        "through": result.through,
        "threshold": result.threshold,
        "share": result.share,
        "is_good": result.is_good,
        "pages_compared": len(result.judged),
        "left_out": dict(result.left_out),
        "counts": {aspect.name.lower(): result.count(aspect) for aspect in Aspect} | {"right": result.matching},
        "pages": [_page_as_json(page) for page in result.pages],
    }


def _page_as_json(page: PageComparison) -> dict[str, Any]:
    return {
        "url": page.url,
        "place": page.place,
        "judged": page.is_judged,
        "right": page.is_judged and not page.wrong,
        "wrong": [aspect.name.lower() for aspect in page.wrong] if page.is_judged else [],
        "lacks": list(page.missing_urls),
        "new_errors": list(page.new_errors),
        "differing_pixels": page.pixels,
        "same_text": page.has_same_text,
        "text_changes": [change.sign + change.text for change in page.changes],
        "original": _sight_as_json(page.originals[0]),
        "copy": _sight_as_json(page.copy),
    }


def _sight_as_json(sight: Sight) -> dict[str, Any]:
    return {
        "problem": sight.problem,
        "failed": list(sight.failed),
        "left": list(sight.left),
        "errors": list(sight.errors),
    }


def _sign(page: PageComparison) -> str:
    return "?" if not page.is_judged else "-" if page.wrong else "="


def _differences(page: PageComparison) -> Iterator[str]:
    """Yield the differences of a page, in words."""
    if not page.is_judged:
        yield f"the original was not reached: {page.originals[0].problem}"
    elif page.copy.problem:
        yield f"the copy was not reached: {page.copy.problem}"
    else:
        yield from (f"missing: {url}" for url in page.missing_urls)
        yield from (f"new error: {error}" for error in page.new_errors)
        if not page.has_same_text:
            yield f"text differs ({_count_changes(page.changes)})"
        if not page.meets(Aspect.PICTURE):
            yield f"{_percent(page.pixels)} of the pixels differ"


def _count_changes(changes: Iterable[Change]) -> str:
    signs = Counter(change.sign for change in changes)
    return f"missing lines: {signs['-']}, new lines: {signs['+']}"


def _percent(share: float) -> str:
    """Return a share in percent. Only 1 is rounded to 100 %, and only 0 to 0 %.

    >>> _percent(1), _percent(0.999999), _percent(0.0000001), _percent(0.5)
    ('100 %', '99.99 %', '0.01 %', '50 %')
    """
    if 0 < share < 1:
        share = min(max(share, 0.0001), 0.9999)
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"


# --- the page of a report ---------------------------------------------------------------------------------------------


_STYLE: Final = """body { max-width: 90rem; }
h2 { font-size: 1.1rem; overflow-wrap: anywhere; margin: 2.5rem 0 .25rem; border-top: 1px solid #8886; padding-top: 1rem; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #8886; padding: .2rem 1rem .2rem 0; text-align: left; overflow-wrap: anywhere; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.good, .bad { font-weight: bold; }
.good { color: light-dark(#06731f, #5fd37e); }
.bad { color: light-dark(#b3130f, #ff8a80); }
ul { margin: .25rem 0; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
figure { margin: .5rem 0; min-width: 0; }
figcaption { font-size: .875rem; overflow-wrap: anywhere; }
img { display: block; width: 100%; border: 1px solid #8886; box-sizing: border-box; }
"""

Pictures = Mapping[str, tuple[bytes, bytes]]
"""URL of a page -> the pictures of the original and of the copy, as WebP; b"" if there is none."""


def report(result: Result, pictures: Pictures) -> str:
    """Return a page of HTML with both pictures of each page side by side, the pages that differ first.

    The text can always be encoded as UTF-8.
    """
    ordered = sorted(result.pages, key=lambda page: (page.is_judged and not page.wrong, not page.is_judged))
    number = count(1)
    sections = [_section(page, pictures.get(page.url), f"p{next(number)}") for page in ordered]
    number = count(1)
    rows = "\n".join(_row(page, f"p{next(number)}") for page in ordered)
    word = "good" if result.is_good else "bad"
    head = (
        f"<p>{escaped(result.copy)}, opened through {escaped(result.through)}, and {escaped(result.original)}: "
        f'<span class="{word}">{result.matching} of {len(result.judged)} pages match the original</span> '
        f"({_percent(result.share)}; required: {_percent(result.threshold)}).</p>"
    )
    heads = "".join(f"<th>{aspect} ({result.count(aspect)})" for aspect in Aspect)
    table = f"<table>\n<tr><th>Page{heads}<th>Pixels that differ\n{rows}\n</table>"
    return html_frame.page(
        "Comparison of the copy with the original", "\n".join([head, table, *sections]), _STYLE, pictures=True
    )


def _row(page: PageComparison, anchor: str) -> str:
    link = f'<td><a href="#{anchor}">{escaped(page.url)}</a>'
    if not page.is_judged:
        return f'<tr>{link}<td colspan="6">original not reached: {escaped(page.originals[0].problem)}'
    cells = "".join(
        '<td class="good">yes' if page.meets(aspect) else '<td class="bad">no' for aspect in Aspect
    )  # words, not only colours
    return f'<tr>{link}{cells}<td class="n">{_percent(page.pixels) if not page.copy.problem else ""}'


def _section(page: PageComparison, pictures: tuple[bytes, bytes] | None, anchor: str) -> str:
    differences = "".join(f"<li>{escaped(line)}" for line in _differences(page))
    changes = change_lines(page.changes) if page.is_judged and not page.copy.problem else ""
    places = (("The original", page.url), ("The copy", page.place))
    shown = "".join(map(_figure, places, pictures)) if pictures else ""
    parts = [f'<h2 id="{anchor}">{escaped(page.url)}</h2>']
    parts += [f"<ul>{differences}</ul>"] if differences else []
    parts += [f"<pre>{changes}</pre>"] if changes else []
    parts += [f'<div class="pair">{shown}</div>'] if shown else []
    return "\n".join(parts)


def _figure(place: tuple[str, str], picture: bytes) -> str:
    caption, url = place
    shown = (
        f'<img alt="" src="data:image/webp;base64,{b64encode(picture).decode()}">' if picture else "<p>No picture.</p>"
    )
    return f"<figure><figcaption>{caption}: {escaped(url)}</figcaption>{shown}</figure>"
