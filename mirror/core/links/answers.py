"""What servers said about URLs of which the mirror has no copy, and how that is judged."""

from typing import Final, NamedTuple

from mirror.core.http.messages import status_text
from mirror.core.links.problems import UNCLEAR, Problem
from mirror.core.url.canonical import CanonicalURL

CIRCLE: Final = "redirects in a circle, or too often"


class Answer(NamedTuple):
    """What a server said about a URL: its status, or why there was no answer.

    `instead` is where permanent redirects lead. `is_forbidden`: nothing was asked, because of a rule.
    `is_page`: the answer is HTML. An answer with a status may have an error, too: a redirect that leads nowhere.
    """

    url: CanonicalURL
    status: int | None
    error: str | None = None
    instead: CanonicalURL | None = None
    is_forbidden: bool = False
    is_page: bool = False


def judged(answer: Answer) -> tuple[Problem, str] | None:
    """Return what is wrong with a URL, in a kind and in words; `None` if it is there.

    >>> judged(Answer(CanonicalURL("https://h/"), 999))
    (<Problem.UNCLEAR: 'unclear'>, '999 Request Denied')
    """
    status = answer.status
    if answer.is_forbidden:
        return Problem.UNCLEAR, answer.error or ""
    if status is None or answer.error:
        return Problem.BROKEN, answer.error or "no answer"
    if status in UNCLEAR:
        return Problem.UNCLEAR, status_text(status)
    if status >= 400:  # noqa: PLR2004 - the errors
        return Problem.BROKEN, status_text(status)
    if answer.instead:
        return Problem.REDIRECT, f"moved to {answer.instead}"
    return None
