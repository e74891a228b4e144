"""Runs commands in copies of one process that has loaded the program already, each with streams and limits of its own.

A start of the program takes a second; a copy of a process (`fork`) does not. What runs after the copy is the real command, with
real file descriptors, up to the end of the interpreter. `python -m tests.cli.endings` reads tasks and writes endings, as JSON.
"""

import gc
import io
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Task:
    """A command, and the streams it gets: "kept", "unread" (a pipe that nobody reads), "full" (/dev/full) or "closed"."""

    words: Sequence[str]
    stdout: str = "kept"
    stderr: str = "kept"
    stdin: str = "kept"
    encoding: str = "utf-8"
    largest: int | None = None
    """The size in bytes beyond which no file may grow."""
    environment: dict[str, str | None] = field(default_factory=dict)
    program: str = "websucker"


@dataclass(frozen=True)
class Ending:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def endings(tasks: Sequence[Task]) -> list[Ending]:
    """Run the tasks one after the other, in copies of one process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.endings"],
        cwd=ROOT,
        input=json.dumps([asdict(task) for task in tasks]).encode(),
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [Ending(**one) for one in json.loads(done.stdout)]


def main() -> None:
    """Load the program, and run a copy of this process for each task."""
    tasks = [Task(**task) for task in json.load(sys.stdin)]
    os.environ["SCRAPY_SETTINGS_MODULE"] = "mirror.settings"
    from scrapy.cmdline import _get_commands_dict  # noqa: PLC0415
    from scrapy.utils.project import get_project_settings  # noqa: PLC0415

    import mirror.cli.websucker  # noqa: PLC0415
    import mirror.spiders.mirror  # noqa: F401, PLC0415

    _get_commands_dict(get_project_settings(), True)  # noqa: FBT003
    gc.freeze()  # so that the copies share their memory
    found = []
    for task in tasks:
        ending = _ending(task)
        if ending is None:  # this is the copy
            _run(task)
            return
        found.append(asdict(ending))
    json.dump(found, sys.stdout)


def _ending(task: Task) -> Ending | None:
    """Copy this process and wait for the end of the copy; `None` in the copy."""
    pipes = [os.pipe(), os.pipe()]
    process = os.fork()
    if process == 0:
        _replace(0, task.stdin, os.open(os.devnull, os.O_RDONLY))
        for number, (how, (reads, writes)) in enumerate(zip((task.stdout, task.stderr), pipes, strict=True), start=1):
            os.close(reads)
            _replace(number, how, writes)
            os.close(writes)
        return None
    texts: list[Any] = [b"", b""]

    def read(number: int) -> None:
        with os.fdopen(pipes[number][0], "rb") as pipe:
            texts[number] = pipe.read()

    readers = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
    for (_, writes), reader in zip(pipes, readers, strict=True):
        os.close(writes)
        reader.start()
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    for reader in readers:
        reader.join()
    return Ending(code, *(text.decode(errors="backslashreplace") for text in texts))


def _replace(number: int, how: str, kept: int) -> None:
    new = kept
    if how == "unread":
        reads, new = os.pipe()
        os.close(reads)
    elif how == "full":
        new = os.open("/dev/full", os.O_RDWR)
    os.dup2(new, number)
    if new != kept:
        os.close(new)


def _close(task: Task) -> None:
    """Close streams last: what is opened next takes their numbers."""
    for number, how in enumerate((task.stdin, task.stdout, task.stderr)):
        if how == "closed":
            os.close(number)


def _run(task: Task) -> None:
    """Run the command as the interpreter would: with new streams, to the end."""
    for name, value in task.environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if task.largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task.largest, task.largest))
    _close(task)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, _stream(number, task.encoding))
    sys.argv = [task.program, *task.words]
    if task.program == "websucker":
        from mirror.__main__ import main as run  # noqa: PLC0415

        run()
    else:
        from scrapy.cmdline import execute  # noqa: PLC0415

        execute()


def _stream(number: int, encoding: str) -> io.TextIOWrapper | None:
    try:
        os.fstat(number)
    except OSError:
        return None
    if number == 0:
        return open(0, encoding=encoding, closefd=False)
    errors = "backslashreplace" if number == 2 else "strict"
    return open(number, "w", encoding=encoding, errors=errors, closefd=False)


if __name__ == "__main__":
    main()
