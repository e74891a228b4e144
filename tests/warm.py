"""Runs commands in copies of one process that has loaded the program already: loading is most of a small crawl's time.

    done = run(Task("scrapy", ["crawl", "mirror", ...]))

What runs in a copy (`fork`) is the real command, as `python -W error -m scrapy` runs it, with descriptors and limits of its
own, up to the end of the interpreter. Nothing of earlier commands is in it. Tests of the start of the program, of signals and
of kills run the command itself.
"""

import atexit
import gc
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final, TextIO

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 240
"""Seconds after which a command is killed."""

_MODULES: Final = ("scrapy.cmdline", "scrapy.statscollectors", "mirror.transfer.download_handler")
_PACKAGES: Final = (
    "scrapy.core",
    "scrapy.downloadermiddlewares",
    "scrapy.spidermiddlewares",
    "mirror",
    "mirror.commands",
    "mirror.commands.queries",
    "mirror.scrapy_commands",
    "mirror.spiders",
)
"""All their modules are imported, but for those that run a program."""


@dataclass(frozen=True)
class Task:
    """A command: `python -m PROGRAM WORDS...` in a folder.

    Its streams are "kept", "unread" (a pipe that nobody reads), "full" (/dev/full) or "closed".
    """

    program: str
    words: Sequence[str]
    folder: str = str(ROOT)
    environment: dict[str, str | None] = field(default_factory=dict)
    """The difference to the environment of the test; `None`: the variable is not set."""
    stdin: str = "kept"
    stdout: str = "kept"
    stderr: str = "kept"
    encoding: str = "utf-8"
    largest: int | None = None
    """The size in bytes beyond which no file may grow."""


@dataclass(frozen=True)
class Done:
    """A command that has ended. Warnings were errors."""

    code: int
    stdout: str
    stderr: str


def run(task: Task) -> Done:
    """Run a command to its end."""
    server = _server()
    assert server.stdin
    assert server.stdout
    variables = {**os.environ, **task.environment}
    server.stdin.write(json.dumps({**asdict(task), "environment": variables}) + "\n")
    server.stdin.flush()
    return Done(**json.loads(server.stdout.readline()))


@cache
def _server() -> "subprocess.Popen[str]":
    """The process that is copied; one for all tests of this process, with which it ends."""
    command = [sys.executable, "-W", "error", "-m", __spec__.name]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)  # closes its stdin
    return server


def main() -> None:
    """Load the program, and run a copy of this process for each line of stdin."""
    modules = (each.name for name in _PACKAGES for each in iter_modules(import_module(name).__path__, f"{name}."))
    for module in (*_MODULES, *modules):
        if not module.endswith("__main__"):
            import_module(module)
    gc.freeze()  # so that the copies share their memory
    for line in sys.stdin:
        task = Task(**json.loads(line))
        done = _copied(task)
        if done is None:  # this is the copy
            _become(task)
            return
        sys.stdout.write(json.dumps(asdict(done)) + "\n")
        sys.stdout.flush()


def _copied(task: Task) -> Done | None:
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
    for _, writes in pipes:
        os.close(writes)
    with ThreadPoolExecutor(len(pipes)) as readers:
        texts = list(readers.map(_read, [reads for reads, _ in pipes]))
    return Done(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), *texts)


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read().decode(errors="backslashreplace")


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


def _become(task: Task) -> None:
    """Run the command as the interpreter would: with new streams, to the end."""
    os.chdir(task.folder)
    os.environ.clear()
    os.environ.update({name: value for name, value in task.environment.items() if value is not None})
    if task.largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task.largest, task.largest))
    signal.alarm(PATIENCE)
    for number, how in enumerate((task.stdin, task.stdout, task.stderr)):
        if how == "closed":  # last: what is opened next takes its number
            os.close(number)
    sys.stdin, sys.stdout, sys.stderr = [_stream(number, task.encoding) for number in range(3)]
    sys.argv[1:] = task.words
    runpy.run_module(task.program, run_name="__main__", alter_sys=True)


def _stream(number: int, encoding: str) -> TextIO | None:
    try:
        os.fstat(number)
    except OSError:
        return None
    if number == 0:
        return open(0, encoding=encoding, closefd=False)
    is_stderr = number == 2
    errors = "backslashreplace" if is_stderr else "strict"
    return open(number, "w", buffering=1 if is_stderr else -1, encoding=encoding, errors=errors, closefd=False)


if __name__ == "__main__":
    main()
