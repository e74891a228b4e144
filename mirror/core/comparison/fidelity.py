"""Comparing: how a page of a copy differs from the original, where a browser has shown both, and reports of that.

Enters: what was seen of pages (`Sight`), shares of pixels, pictures. Leaves: verdicts, lines, data for JSON, a page of HTML
that loads nothing and runs nothing. Never here: a browser, a picture that is looked into, a file.

The law
-------
A page of a copy is as the original if it

1. is reached;
2. is complete: no request fails, and none leaves the copy, but those for what fails in the original too;
3. has no script error that the original has not;
4. has the same text, line by line, as a reader sees it;
5. looks the same: no more pixels differ than are allowed.

The original may be visited twice: what fails in one of the visits may fail, and a pixel or a line that differs between the two
says nothing. Names of files (`name`) and messages without places (`message`) are compared, since a copy stands at other URLs.
Of pages that the original does not have any more nothing is known: they don't count.
"""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from mirror.core.comparison import html_report
from mirror.core.comparison.html_report import escaped
from mirror.core.comparison.text_diff import Change, change_lines, text_changes

_PLACES: Final = re.compile(r"""\b(?:https?|file|blob|data):[^\s"'<>()]*""")


class Aspect(StrEnum):
    """What a page of a copy is judged by, in the order of the law."""

    REACHED = "reached"
    COMPLETE = "complete"
    QUIET = "no new errors"
    TEXT = "same text"
    PICTURE = "same picture"


@dataclass(frozen=True, slots=True)
class Sight:
    """A page as a browser showed it.

    `problem` says why it was not reached, "" if it was. `lines` are its title and its visible text. `failed` and `left` are
    URLs of requests: those that got no good answer, and those that went somewhere else than to the site or the copy.
    """

    problem: str = ""
    lines: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A page, where its copy is, and both as they were seen; the original once or twice.

    `pixels` is the share of pixels that differ, 0 to 1; `allowed` is how many may.
    """

    url: str
    place: str
    originals: tuple[Sight, ...]
    copy: Sight
    pixels: float = 0.0
    allowed: float = 0.0

    @property
    def is_judged(self) -> bool:
        """Whether there is an original to compare with."""
        return not self.originals[0].problem

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the copy asks for and does not get, and the original got."""
        missed = {name(url) for sight in self.originals for url in sight.failed}
        return tuple(url for url in (*self.copy.failed, *self.copy.left) if name(url) not in missed)

    @property
    def new_errors(self) -> tuple[str, ...]:
        """Errors of scripts that the original has not, or not so often."""
        known = Counter[str]()
        for sight in self.originals:
            known |= Counter(map(message, sight.errors))
        return tuple((Counter(map(message, self.copy.errors)) - known).elements())

    @property
    def has_same_text(self) -> bool:
        first, *others = (sight.lines for sight in self.originals)
        return _is_as(self.copy.lines, first, others[0] if others else first)

    @property
    def changes(self) -> list[Change]:
        """How the text differs."""
        return [] if self.has_same_text else text_changes(self.originals[0].lines, self.copy.lines)

    def holds(self, aspect: Aspect) -> bool:
        """Whether the page is as the original in one respect; one that is not reached is in none."""
        if aspect is Aspect.REACHED or self.copy.problem:
            return not self.copy.problem
        if aspect is Aspect.COMPLETE:
            return not self.lacks
        if aspect is Aspect.QUIET:
            return not self.new_errors
        return self.has_same_text if aspect is Aspect.TEXT else self.pixels <= self.allowed

    @property
    def wrong(self) -> list[Aspect]:
        """What does not hold, in the order of the law."""
        return [aspect for aspect in Aspect if not self.holds(aspect)]


@dataclass(frozen=True, slots=True)
class Result:
    """A comparison: what of, what with, by which way, and all of its pages. `threshold` is the share that has to be right."""

    original: str
    copy: str
    through: str
    threshold: float
    pages: tuple[Compared, ...]

    @property
    def judged(self) -> list[Compared]:
        return [page for page in self.pages if page.is_judged]

    @property
    def right(self) -> int:
        """How many pages are as the original."""
        return sum(not page.wrong for page in self.judged)

    @property
    def share(self) -> float:
        """The share of pages that are as the original; nothing compared, nothing right."""
        return self.right / len(self.judged) if self.judged else 0.0

    @property
    def is_good(self) -> bool:
        return bool(self.judged) and self.share >= self.threshold

    def count(self, aspect: Aspect) -> int:
        return sum(page.holds(aspect) for page in self.judged)


# --- what is compared -------------------------------------------------------------------------------------------------


def name(url: str) -> str:
    """The name of a file, by which it is known again at another place.

    >>> name("http://example.org/a/b%20c.js?v=1#x"), name("file:///srv/copy/a/b%20c.js")
    ('b c.js', 'b c.js')
    """
    return unquote(url.partition("#")[0].partition("?")[0]).rstrip("/").rpartition("/")[2]


def message(text: str) -> str:
    """An error without the places it names, which are others in a copy, and without where in the script it came about.

    >>> message("TypeError: no module http://example.org/a.js:1:2\\n    at http://example.org/b.js")
    'TypeError: no module a.js:1:2'
    """
    first = text.strip().partition("\n")[0]
    return _PLACES.sub(lambda match: name(match[0]), first)


def visible_lines(title: str, text: str) -> tuple[str, ...]:
    """A page's title and its text (`innerText`), white space folded, without empty lines.

    >>> visible_lines("T", " a  b\\n\\nc")
    ('T', 'a b', 'c')
    """
    return tuple(line for raw in (title, *text.splitlines()) if (line := " ".join(raw.split())))


def sampled(urls: Sequence[str], most: int) -> list[str]:
    """At most so many of some URLs, evenly over all of them; always the same ones. 0: all.

    >>> sampled("abcdefgh", 3), sampled("ab", 3)
    (['a', 'c', 'f'], ['a', 'b'])
    """
    if not most or len(urls) <= most:
        return list(urls)
    return [urls[number * len(urls) // most] for number in range(most)]


def is_below(url: str, start: str) -> bool:
    """Whether a URL is one that is looked at where the start is that: in its folder, or further down.

    >>> is_below("http://example.org/docs/a", "http://example.org/docs/index.html")
    True
    """
    return url.startswith(start.partition("?")[0].rpartition("/")[0] + "/")


def host_folders(url: str) -> list[str]:
    """How tools call the folder of a host; "": it has none, or is the folder that was given.

    >>> host_folders("http://example.org:8000/a")
    ['example.org:8000', 'example.org_8000', 'example.org', '']
    """
    parts = urlsplit(url)
    names = [parts.netloc, parts.netloc.replace(":", "_"), parts.hostname or "", ""]
    return list(dict.fromkeys(names))


def files_of_page(url: str) -> list[str]:
    """Where wget, HTTrack and the like put a page, below the folder of its host; the likeliest first.

    >>> files_of_page("http://example.org/a/b")
    ['a/b', 'a/b.html', 'a/b/index.html', 'a/b.htm']
    >>> files_of_page("http://example.org/a/?q=1")
    ['a/index.html?q=1.html', 'a/index.html?q=1']
    """
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if parts.query:
        path = path + "index.html" if path.endswith("/") or not path else path
        return [f"{path}?{parts.query}.html", f"{path}?{parts.query}"]
    if path.endswith("/") or not path:
        return [f"{path}index.html", f"{path}index.htm"]
    return [path, f"{path}.html", f"{path}/index.html", f"{path}.htm"]


def _is_as(copy: Sequence[str], original: Sequence[str], again: Sequence[str]) -> bool:
    """Whether a text is as the original. A line in which two visits of that differ says nothing."""
    if copy in (original, again):
        return True
    if not len(copy) == len(original) == len(again):
        return False
    return all(line in (one, other) or one != other for line, one, other in zip(copy, original, again, strict=True))


# --- what is said of it -----------------------------------------------------------------------------------------------


def as_lines(result: Result) -> Iterator[str]:
    """The report as text: a line for each page, what is wrong with it below, and the sum."""
    for page in result.pages:
        yield f"{_sign(page)} {page.url}"
        yield from (f"    {line}" for line in _told(page))
    yield from (f"{result.count(aspect)} of {len(result.judged)} {aspect}" for aspect in Aspect)
    yield f"{result.right} of {len(result.judged)} pages are as the original ({_percent(result.share)})"


def as_json(result: Result) -> dict[str, Any]:
    """The report for a script."""
    return {
        "original": result.original,
        "copy": result.copy,
        "through": result.through,
        "threshold": result.threshold,
        "share": result.share,
        "is_good": result.is_good,
        "pages_compared": len(result.judged),
        "counts": {aspect.name.lower(): result.count(aspect) for aspect in Aspect} | {"right": result.right},
        "pages": [_page_as_json(page) for page in result.pages],
    }


def _page_as_json(page: Compared) -> dict[str, Any]:
    return {
        "url": page.url,
        "place": page.place,
        "judged": page.is_judged,
        "right": page.is_judged and not page.wrong,
        "wrong": [aspect.name.lower() for aspect in page.wrong] if page.is_judged else [],
        "lacks": list(page.lacks),
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


def _sign(page: Compared) -> str:
    return "?" if not page.is_judged else "-" if page.wrong else "="


def _told(page: Compared) -> Iterator[str]:
    """What is wrong with a page, in words."""
    if not page.is_judged:
        yield f"the original is not there to compare with: {page.originals[0].problem}"
    elif page.copy.problem:
        yield f"not reached: {page.copy.problem}"
    else:
        yield from (f"lacks {url}" for url in page.lacks)
        yield from (f"new error: {error}" for error in page.new_errors)
        if not page.has_same_text:
            yield f"text differs: {_counted(page.changes)}"
        if not page.holds(Aspect.PICTURE):
            yield f"{_percent(page.pixels)} of the pixels differ"


def _counted(changes: Iterable[Change]) -> str:
    signs = Counter(change.sign for change in changes)
    return f"{signs['-']} of its lines missing, {signs['+']} new"


def _percent(share: float) -> str:
    """A share in percent; none that is not whole is called so.

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
"""URL of a page -> the original and the copy as WebP."""


def report(result: Result, pictures: Pictures) -> str:
    """A page of HTML with both pictures of each page side by side, what is wrong first. It can always be written as UTF-8."""
    ordered = sorted(result.pages, key=lambda page: (page.is_judged and not page.wrong, not page.is_judged))
    number = count(1)
    sections = [_section(page, pictures.get(page.url), f"p{next(number)}") for page in ordered]
    number = count(1)
    rows = "\n".join(_row(page, f"p{next(number)}") for page in ordered)
    word = "good" if result.is_good else "bad"
    head = (
        f"<p>{escaped(result.copy)}, through {escaped(result.through)}, beside {escaped(result.original)}: "
        f'<span class="{word}">{result.right} of {len(result.judged)} pages are as the original</span> '
        f"({_percent(result.share)}; wanted: {_percent(result.threshold)}).</p>"
    )
    heads = "".join(f"<th>{aspect} ({result.count(aspect)})" for aspect in Aspect)
    table = f"<table>\n<tr><th>Page{heads}<th>Pixels that differ\n{rows}\n</table>"
    return html_report.page("How the copy compares", "\n".join([head, table, *sections]), _STYLE, pictures=True)


def _row(page: Compared, anchor: str) -> str:
    link = f'<td><a href="#{anchor}">{escaped(page.url)}</a>'
    if not page.is_judged:
        return f'<tr>{link}<td colspan="6">no original: {escaped(page.originals[0].problem)}'
    cells = "".join(
        '<td class="good">yes' if page.holds(aspect) else '<td class="bad">no' for aspect in Aspect
    )  # words, not only colours
    return f'<tr>{link}{cells}<td class="n">{_percent(page.pixels) if not page.copy.problem else ""}'


def _section(page: Compared, pictures: tuple[bytes, bytes] | None, anchor: str) -> str:
    told = "".join(f"<li>{escaped(line)}" for line in _told(page))
    changes = change_lines(page.changes) if page.is_judged and not page.copy.problem else ""
    places = (("The original", page.url), ("The copy", page.place))
    shown = "".join(map(_figure, places, pictures)) if pictures else ""
    parts = [f'<h2 id="{anchor}">{escaped(page.url)}</h2>']
    parts += [f"<ul>{told}</ul>"] if told else []
    parts += [f"<pre>{changes}</pre>"] if changes else []
    parts += [f'<div class="pair">{shown}</div>'] if shown else []
    return "\n".join(parts)


def _figure(place: tuple[str, str], picture: bytes) -> str:
    caption, url = place
    shown = (
        f'<img alt="" src="data:image/webp;base64,{b64encode(picture).decode()}">' if picture else "<p>No picture.</p>"
    )
    return f"<figure><figcaption>{caption}: {escaped(url)}</figcaption>{shown}</figure>"
