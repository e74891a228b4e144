"""What a crawl costs in calls: statements of the database, files, messages to other processes, turns of the event loop.

    counts = counted(start, out, "workers=0")
    assert counts["statements"] < 100

Clocks say how busy a machine is; these counts are the same on each machine. `python -m tests.crawl.costs FILE OUT WORDS...`
runs `scrapy WORDS...` and writes the counts to a file. It counts in the process that crawls, and not in its workers.
"""

import asyncio
import json
import os
import pickle
import runpy
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests import warm
from tests.crawl.running import words_of
from tests.warm import Task

FILES: Final = {
    "os.rename": "named",
    "os.link": "named",
    "os.mkdir": "named",
    "os.remove": "removed",
    "os.chmod": "changed",
    "os.utime": "changed",
}
"""Event of `sys.audit` -> what is counted, if it is about a file of the archive.

To open a file counts as creating it, if it may be new. Otherwise it counts as looking up its name, as `stat` does: one may take
the place of the other.
"""

Counts = Counter[str]


def counted(start: str, out: Path, *words: str, settings: dict[str, str] | None = None) -> Counts:
    """Mirror a site as `running.mirror` does, and return how often each thing was done."""
    place = out.with_name(f"{out.name}.json")
    done = warm.run(Task(__spec__.name, [str(place), str(out), *words_of(start, out, words, settings or {})]))
    assert done.code in {0, 1}, done.stderr
    return Counter(json.loads(place.read_text()))


def main() -> None:
    """Count while a command runs."""
    place, out, *sys.argv[1:] = sys.argv[1:]
    counts = Counts()
    sys.addaudithook(auditor(counts, out))
    sqlite3.connect = connecting(sqlite3.connect, counts)  # type: ignore[assignment]
    for owner, name, what in (
        (asyncio.BaseEventLoop, "_run_once", "turns"),
        (asyncio.Handle, "_run", "callbacks"),
        (pickle, "dumps", "sent"),
        (pickle, "loads", "received"),
        (os, "stat", "looked up"),
        (os, "lstat", "looked up"),
    ):
        setattr(owner, name, counting(getattr(owner, name), counts, what))
    try:
        runpy.run_module("scrapy", run_name="__main__", alter_sys=True)
    finally:
        Path(place).write_text(json.dumps(counts))


def counting(function: Callable[..., Any], counts: Counts, what: str) -> Callable[..., Any]:
    """A function that counts its calls."""

    def call(*arguments: Any, **options: Any) -> Any:
        counts[what] += 1
        return function(*arguments, **options)

    return call


def auditor(counts: Counts, out: str) -> Callable[[str, tuple[Any, ...]], None]:
    """A hook that counts what is done to files of an archive."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not isinstance(arguments[0], int) and is_inside(arguments[0], out):
            counts["created" if is_new(arguments[2]) else "looked up"] += 1
        elif event in FILES and is_inside(arguments[0], out):
            counts[FILES[event]] += 1

    return hook


def connecting(connect: Callable[..., sqlite3.Connection], counts: Counts) -> Callable[..., sqlite3.Connection]:
    """`sqlite3.connect`, which counts the statements of each connection, and how often SQLite executes one: for each row."""

    class Cursor(sqlite3.Cursor):
        execute = counting(sqlite3.Cursor.execute, counts, "statements")
        executemany = counting(sqlite3.Cursor.executemany, counts, "statements")

    class Connection(sqlite3.Connection):
        execute = counting(sqlite3.Connection.execute, counts, "statements")
        executemany = counting(sqlite3.Connection.executemany, counts, "statements")

        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

    def count_execution(statement: str) -> None:
        counts["executions"] += not statement.startswith("--")  # these are the statements of triggers

    def call(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options, factory=Connection)
        connection.set_trace_callback(count_execution)
        return connection

    return call


def is_new(flags: int) -> bool:
    """Whether a file that is opened may be a new one, with or without a name."""
    return bool(flags & os.O_CREAT) or flags & os.O_TMPFILE == os.O_TMPFILE


def is_inside(path: object, folder: str) -> bool:
    """Whether a path, or the name of a file in an open folder, is one of an archive. No other name is relative here."""
    if isinstance(path, int):
        return str(Path(f"/proc/self/fd/{path}").readlink()).startswith(folder)
    name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
    return name.startswith(folder) or not name.startswith("/")


if __name__ == "__main__":
    main()
