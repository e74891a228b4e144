"""For which pages the browser waits for timers: not for those whose template never requests anything late.

Input: the template of a page, and whether waiting led to a request. Nothing here is stored: each run learns again.
"""

from collections import Counter
from typing import Final

from mirror.core.policy.dynamic_pages import RECHECK_INTERVAL

TRIALS: Final = 3
"""After so many pages of a template in a row that were waited for in vain, others of it are not waited for, except one in
`RECHECK_INTERVAL`."""


class Patience:
    """What a run has learned."""

    def __init__(self) -> None:
        self._vain: Counter[str] = Counter()

    def has(self, template: str, number: int) -> bool:
        """Whether to wait for the timers of a page; `number` chooses the sample."""
        return self._vain[template] < TRIALS or number % RECHECK_INTERVAL == 0

    def learn(self, template: str, *, waited: bool, late: bool) -> None:
        """Note whether a page was waited for, and whether that led to a request."""
        if late:
            self._vain[template] = 0
        elif waited:
            self._vain[template] += 1
