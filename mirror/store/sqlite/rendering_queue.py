"""The queue of pages that a browser is to open, and the outcomes of those that it opened.

Owns the table `renderings`. The transaction that records a page also queues it, so that a resumed run continues with it. The
queue decides whether to spare a page when its turn comes, because only then it knows what earlier pages of the same template
found. Unchanged pages that an earlier run rendered come last, when nothing else is left to fetch, and only if something that
they need has changed.
"""

import json
from collections import deque
from typing import Final

from mirror.core.policy.dynamic_pages import RECHECK_INTERVAL, ScriptSigns
from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest import checks
from mirror.store.manifest.records import Resource
from mirror.store.manifest.rendering_records import (
    MAX_TRIES,
    RenderingCounts,
    RenderingOutcome,
    RenderingState,
    RenderingTask,
    RenderMode,
)
from mirror.store.sqlite.database import Database

_AHEAD: Final = 16


class Queue:
    """`interface.RenderingQueue`."""

    def __init__(self, database: Database, run_id: int, when: RenderMode) -> None:
        self.when = when
        self._database = database
        self._run_id = run_id
        self._ahead: deque[RenderingTask] = deque()
        self._may_have_more = True  # whether pages may wait that are not in `_ahead`
        self._may_have_again = True  # the same for pages that an earlier run rendered
        self._begun: set[int] = set()
        self._found: dict[int, int] = {}
        self._barren: dict[str, int] = {}

    def may_have(self, *, idle: bool) -> bool:
        return bool(self._ahead) or self._may_have_more or (idle and self._may_have_again)

    def add(self, resource: Resource, look: ScriptSigns) -> None:
        trials: int | None = look.trials
        if self.when is RenderMode.ALWAYS or (self.when is RenderMode.DOM and trials != 0):
            trials = None
        if trials == 0:
            return
        before = (resource.id, self._run_id, self.when is RenderMode.DOM)
        again = self._database.run(_RENDERED_BEFORE, before).fetchone() is not None
        self._database.run(_ADD, (resource.id, self._run_id, again, look.template, trials))
        self._may_have_again |= again
        self._may_have_more |= not again

    def next(self, *, idle: bool) -> RenderingTask | None:
        while task := self._take(idle=idle):
            if (
                task.trials is not None
                and self._barrenness(task.template) >= task.trials
                and task.resource_id % RECHECK_INTERVAL
            ):
                self._database.run(_SPARE, (self._run_id, task.template, RECHECK_INTERVAL))
                self._ahead.clear()
                self._may_have_more = True
                continue
            if task.tries > MAX_TRIES:  # the process died each time
                self.done(task, RenderingOutcome(f"begun {MAX_TRIES} times"))
                continue
            self._begun.add(task.resource_id)
            self._database.run(_TRY, (task.resource_id, self._run_id))
            return task
        return None

    def find(self, task: RenderingTask, count: int) -> None:
        self._found[task.resource_id] = self._found.get(task.resource_id, 0) + count

    def done(self, task: RenderingTask, outcome: RenderingOutcome) -> None:
        found = self._found.pop(task.resource_id, 0)
        refused = json.dumps(list(outcome.refused))
        values = (found, outcome.outcome, refused, outcome.dom, task.resource_id, self._run_id)
        self._database.run(_DONE, values)
        self._begun.discard(task.resource_id)
        if found:
            if (
                self._barren.get(task.template, 0)
                and self._database.run(_UNSPARE, (self._run_id, task.template)).rowcount
            ):
                self._may_have_more = True
            self._barren[task.template] = 0
        else:
            self._barren[task.template] = self._barrenness(task.template) + 1

    def put_back(self, task: RenderingTask) -> None:
        self._begun.discard(task.resource_id)
        self._may_have_more = True

    def give_up(self, why: str) -> None:
        self._database.run(_GIVE_UP, (why, self._run_id))
        self._ahead.clear()
        self._may_have_more = self._may_have_again = False

    def is_left(self) -> bool:
        return self._database.run(_WAITING, (self._run_id, False, 1)).fetchone() is not None

    def counts(self) -> RenderingCounts:
        return RenderingCounts(
            *(int(number or 0) for number in self._database.run(_COUNTS, (self._run_id,)).fetchone())
        )

    def problems(self) -> list[tuple[str, int, CanonicalURL]]:
        rows = self._database.run(_PROBLEMS, (self._run_id, self._run_id)).fetchall()
        return [(checks.text(what), checks.number(count), checks.url(url)) for what, count, url in rows]

    def _take(self, *, idle: bool) -> RenderingTask | None:
        while self.may_have(idle=idle):
            if not self._ahead:
                self._look(idle=idle)
            while self._ahead:
                task = self._ahead.popleft()
                if not (idle and self._drop_if_unchanged(task)):
                    return task
        return None

    def _look(self, *, idle: bool) -> None:
        rows = self._database.run(_WAITING, (self._run_id, idle, _AHEAD + len(self._begun))).fetchall()
        tasks = [RenderingTask(row[0], row[1], checks.url(row[2]), row[3], row[4], row[5] + 1) for row in rows]
        self._ahead.extend(task for task in tasks if task.resource_id not in self._begun)
        if not self._ahead:
            self._may_have_more = False
            self._may_have_again &= not idle

    def _drop_if_unchanged(self, task: RenderingTask) -> bool:
        """Take a page out of the queue if an earlier run rendered it and nothing that it needs has changed in this run."""
        if self._database.run(_HAS_CHANGED, (task.resource_id, self._run_id, self._run_id)).fetchone():
            return False
        self._database.run(_DROP, (task.resource_id, self._run_id))
        return True

    def _barrenness(self, template: str) -> int:
        """Return how many pages of a template were rendered since one found something; read from the table once."""
        if template not in self._barren:
            row = self._database.run(_BARREN, (self._run_id, template)).fetchone()
            self._barren[template] = 0 if row[1] else int(row[0])
        return self._barren[template]


_RENDERED_BEFORE: Final = (
    f"SELECT 1 FROM renderings WHERE resource_id = ? AND (since < ? OR tries = 0) "
    f"AND state = {RenderingState.DONE:d} AND outcome = '' AND (dom IS NOT NULL) = ? LIMIT 1"
)
_ADD: Final = (
    "INSERT INTO renderings (resource_id, since, state, again, template, trials, tries, found, outcome, refused) "
    f"VALUES (?, ?, {RenderingState.WAITS:d}, ?, ?, ?, 0, 0, '', '[]') "
    "ON CONFLICT DO UPDATE SET state = excluded.state, again = excluded.again WHERE tries = 0"
)
_WAITING: Final = (
    "SELECT d.resource_id, r.url_id, u.url, d.template, d.trials, d.tries FROM renderings d "
    "JOIN resources r ON r.id = d.resource_id JOIN urls u ON u.id = r.url_id "
    f"WHERE d.since = ? AND d.state = {RenderingState.WAITS:d} AND d.again <= ? "
    "ORDER BY d.again, d.tries, d.resource_id LIMIT ?"
)
_TRY: Final = "UPDATE renderings SET tries = tries + 1 WHERE resource_id = ? AND since = ?"
_DONE: Final = (
    f"UPDATE renderings SET state = {RenderingState.DONE:d}, found = ?, outcome = ?, refused = ?, dom = ? "
    "WHERE resource_id = ? AND since = ?"
)
_DROP: Final = "DELETE FROM renderings WHERE resource_id = ? AND since = ?"
_SPARE: Final = (
    f"UPDATE renderings SET state = {RenderingState.SPARED:d} "
    f"WHERE since = ? AND state = {RenderingState.WAITS:d} AND template = ? AND resource_id % ? <> 0"
)
_UNSPARE: Final = (
    f"UPDATE renderings SET state = {RenderingState.WAITS:d} "
    f"WHERE since = ? AND state = {RenderingState.SPARED:d} AND template = ?"
)
_GIVE_UP: Final = (
    f"UPDATE renderings SET state = {RenderingState.GIVEN_UP:d}, outcome = ? "
    f"WHERE since = ? AND state = {RenderingState.WAITS:d}"
)
_BARREN: Final = (
    "SELECT count(*), max(found) FROM renderings "
    f"WHERE since = ? AND state = {RenderingState.DONE:d} AND tries > 0 AND template = ?"
)
_HAS_CHANGED: Final = (
    "SELECT 1 FROM renderings d WHERE d.resource_id = ? AND d.since = ? AND (NOT d.again OR EXISTS ("
    "SELECT 1 FROM links l JOIN resources t ON t.url_id = l.target_id AND t.until IS NULL "
    "WHERE l.resource_id = d.resource_id AND l.kind IN ('requisite', 'frame') AND t.since = ?))"
)
_PROBLEM: Final = (
    "SELECT {} AS what, count(DISTINCT d.resource_id) AS pages, min(u.url) FROM renderings d "
    "JOIN resources r ON r.id = d.resource_id JOIN urls u ON u.id = r.url_id {} "
    f"WHERE d.since = ? AND d.state = {RenderingState.DONE:d} AND what <> '' GROUP BY what"
)
_REFUSED: Final = (
    "'refused: ' || substr(j.value, 1, instr(j.value || ' http', ' http') - 1)"  # the line without its URL
)
_PROBLEMS: Final = (
    f"{_PROBLEM.format('d.outcome', '')} UNION ALL {_PROBLEM.format(_REFUSED, ', json_each(d.refused) j')} "
    "ORDER BY pages DESC, what"
)
_COUNTS: Final = (
    f"SELECT sum(state = {RenderingState.DONE:d}), sum(state = {RenderingState.DONE:d} AND outcome <> ''), "
    f"sum(state IN ({RenderingState.SPARED:d}, {RenderingState.GIVEN_UP:d})), sum(found) FROM renderings "
    "WHERE since = ? AND (tries > 0 OR state <> 1)"
)
