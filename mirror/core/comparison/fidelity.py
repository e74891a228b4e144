"""Fidelity: whether a page of a copy matches the original, judged by what a browser showed of both.

Input: what a browser showed of pages (`Sight`) and the shares of pixels that differ. Output: verdicts. This module starts no
browser, decodes no picture and opens no file.

The law
-------
A page of a copy matches the original if

1. the browser reaches it;
2. it is complete: no request fails or leaves the copy, except for URLs that fail in the original too;
3. its scripts have no error that those of the original don't have;
4. a reader sees the same text, line by line;
5. it looks the same: no more pixels differ than are allowed.

The original may be visited twice. Then a request may fail if it fails in one of the visits, and a pixel or a line that differs
between the visits is ignored. A copy has other URLs than the original, so the comparison uses the names of files (`file_name`)
and messages without URLs (`error_message`). Pages that the original no longer has can't be judged and don't count.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from mirror.core.comparison.text_diff import Change, text_changes

_URL: Final = re.compile(r"""\b(?:https?|file|blob|data):[^\s"'<>()]*""")


class Aspect(StrEnum):
    """The criteria by which a page of a copy is judged, in the order of the law."""

    REACHED = "reached"
    COMPLETE = "complete"
    QUIET = "no new errors"
    TEXT = "same text"
    PICTURE = "same picture"


@dataclass(frozen=True, slots=True)
class Sight:
    """A page as a browser showed it.

    `problem` says why the browser didn't reach the page; "" if it did. `lines` are the title and the visible text. `failed` are
    the URLs of requests without a good answer; `left` are those of requests that left the site or the copy. `errors` are the
    messages of script errors.
    """

    problem: str = ""
    lines: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageComparison:
    """A page of the original and its copy, as a browser showed them. The original may have been visited twice.

    `place` is the URL of the copy. `pixels` is the share of pixels that differ, 0 to 1; `allowed` is the share that may differ.
    """

    url: str
    place: str
    originals: tuple[Sight, ...]
    copy: Sight
    pixels: float = 0.0
    allowed: float = 0.0

    @property
    def is_judged(self) -> bool:
        """Whether the browser reached the original."""
        return not self.originals[0].problem

    @property
    def missing_urls(self) -> tuple[str, ...]:
        """The URLs that the copy requested without success, except for those that failed in the original."""
        missed = {file_name(url) for sight in self.originals for url in sight.failed}
        return tuple(url for url in (*self.copy.failed, *self.copy.left) if file_name(url) not in missed)

    @property
    def new_errors(self) -> tuple[str, ...]:
        """The script errors that the original doesn't have, or has less often."""
        known = Counter[str]()
        for sight in self.originals:
            known |= Counter(map(error_message, sight.errors))
        return tuple((Counter(map(error_message, self.copy.errors)) - known).elements())

    @property
    def has_same_text(self) -> bool:
        """Whether the text matches one of the visits of the original, apart from lines that differ between the visits."""
        first, *others = (sight.lines for sight in self.originals)
        return _is_same_text(self.copy.lines, first, others[0] if others else first)

    @property
    def changes(self) -> list[Change]:
        """The differences between the texts; none if they match."""
        return [] if self.has_same_text else text_changes(self.originals[0].lines, self.copy.lines)

    def meets(self, aspect: Aspect) -> bool:
        """Whether the page meets a criterion. A page that the browser didn't reach meets none."""
        if aspect is Aspect.REACHED or self.copy.problem:
            return not self.copy.problem
        if aspect is Aspect.COMPLETE:
            return not self.missing_urls
        if aspect is Aspect.QUIET:
            return not self.new_errors
        return self.has_same_text if aspect is Aspect.TEXT else self.pixels <= self.allowed

    @property
    def wrong(self) -> list[Aspect]:
        """The criteria that the page doesn't meet, in the order of the law."""
        return [aspect for aspect in Aspect if not self.meets(aspect)]


@dataclass(frozen=True, slots=True)
class Result:
    """A comparison of a copy with the original.

    `through` is the way in which the copy was opened. `threshold` is the share of pages that have to match. `left_out` are
    rules of the site, and how many pages each kept out of the copy; these were not compared.
    """

    original: str
    copy: str
    through: str
    threshold: float
    pages: tuple[PageComparison, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def judged(self) -> list[PageComparison]:
        """The pages whose original the browser reached."""
        return [page for page in self.pages if page.is_judged]

    @property
    def matching(self) -> int:
        """The number of pages that match the original."""
        return sum(not page.wrong for page in self.judged)

    @property
    def share(self) -> float:
        """The share of judged pages that match the original; 0 if no page was judged."""
        return self.matching / len(self.judged) if self.judged else 0.0

    @property
    def is_good(self) -> bool:
        """Whether enough pages match the original."""
        return bool(self.judged) and self.share >= self.threshold

    def count(self, aspect: Aspect) -> int:
        """Return the number of judged pages that meet a criterion."""
        return sum(page.meets(aspect) for page in self.judged)


# --- what is compared -------------------------------------------------------------------------------------------------


def file_name(url: str) -> str:
    """Return the name of a file, which is the same in the original and in a copy.

    >>> file_name("http://example.org/a/b%20c.js?v=1#x"), file_name("file:///srv/copy/a/b%20c.js")
    ('b c.js', 'b c.js')
    """
    return unquote(url.partition("#")[0].partition("?")[0]).rstrip("/").rpartition("/")[2]


def error_message(text: str) -> str:
    """Return the first line of an error with each URL reduced to a file name, because URLs differ between original and copy.

    >>> error_message("TypeError: no module http://example.org/a.js:1:2\\n    at http://example.org/b.js")
    'TypeError: no module a.js:1:2'
    """
    first = text.strip().partition("\n")[0]
    return _URL.sub(lambda match: file_name(match[0]), first)


def visible_lines(title: str, text: str) -> tuple[str, ...]:
    """Return a page's title and the lines of its text (`innerText`), with white space collapsed and without empty lines.

    >>> visible_lines("T", " a  b\\n\\nc")
    ('T', 'a b', 'c')
    """
    return tuple(line for raw in (title, *text.splitlines()) if (line := " ".join(raw.split())))


def sampled(urls: Sequence[str], limit: int) -> list[str]:
    """Return at most `limit` URLs, evenly spread over all of them and always the same ones. With 0, return all.

    >>> sampled("abcdefgh", 3), sampled("ab", 3)
    (['a', 'c', 'f'], ['a', 'b'])
    """
    if not limit or len(urls) <= limit:
        return list(urls)
    return [urls[number * len(urls) // limit] for number in range(limit)]


def is_below(url: str, start: str) -> bool:
    """Whether a URL is in the folder of a start, or below it.

    >>> is_below("http://example.org/docs/a", "http://example.org/docs/index.html")
    True
    """
    return url.startswith(start.partition("?")[0].rpartition("/")[0] + "/")


def _is_same_text(copy: Sequence[str], original: Sequence[str], again: Sequence[str]) -> bool:
    """Whether a text matches the original. Lines that differ between two visits of the original are ignored."""
    if copy in (original, again):
        return True
    if not len(copy) == len(original) == len(again):
        return False
    return all(line in (one, other) or one != other for line, one, other in zip(copy, original, again, strict=True))
