"""Obeys robots.txt while servers are asked about single URLs: nothing is recorded."""

from typing import TYPE_CHECKING

from mirror.core.policy.robots_txt import Robots as Rules
from mirror.core.url.canonical import CanonicalURL
from mirror.robots import Robots

if TYPE_CHECKING:
    from mirror.robots import Fetched


class AskRobots(Robots):
    """`Robots` without an archive: a host whose robots.txt can't be had is not asked, whatever it said before."""

    def _record(self, place: CanonicalURL, fetched: "Fetched", rules: Rules | None) -> None:
        """There is nothing to record it in."""

    def _rules_after_long_failure(self, place: CanonicalURL) -> Rules | None:  # noqa: ARG002 - as the base says
        return None
