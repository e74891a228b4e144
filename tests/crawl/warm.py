"""Runs commands in forks of a process that has imported the program already. Imports are most of a small crawl's time.

    done = Warm().run("scrapy", ["crawl", "mirror", ...], folder, environment)

A fork is a process of its own: it begins as `python -W error -m scrapy` does behind its imports, with nothing of earlier runs
in it. Tests of the start of the program, of signals and of kills run the real command.
"""

import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

PATIENCE: Final = 240
"""Seconds after which a command is killed."""

_MODULES: Final = ("scrapy.cmdline", "scrapy.statscollectors", "mirror.transfer.download_handler")
_PACKAGES: Final = (
    "scrapy.core",
    "scrapy.downloadermiddlewares",
    "scrapy.spidermiddlewares",
    "mirror",
    "mirror.commands",
    "mirror.spiders",
)
"""All their modules are imported, but for those that run a program."""


@dataclass(frozen=True)
class Done:
    """A command that has ended. Warnings were errors."""

    code: int
    stdout: str
    stderr: str


class Warm:
    """The process that forks. It ends with its caller."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", __spec__.name],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, module: str, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Done:
        """Run `python -m MODULE WORDS...` in a folder, to its end."""
        assert self._process.stdin
        assert self._process.stdout
        with tempfile.TemporaryDirectory(prefix="command-") as output:
            job = {"module": module, "words": list(words), "folder": str(folder), "environment": dict(environment)}
            self._process.stdin.write(json.dumps({**job, "output": output}) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            stdout, stderr = (Path(output, name).read_text() for name in ("1", "2"))
        return Done(code, stdout, stderr)


def main() -> None:
    """Fork for each line of stdin, and answer with the exit code of the child, or minus the signal that ended it."""
    modules = (each.name for name in _PACKAGES for each in iter_modules(import_module(name).__path__, f"{name}."))
    for module in (*_MODULES, *modules):
        if not module.endswith("__main__"):
            import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(**json.loads(line))
            return
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become(module: str, words: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    """Be the command, in the child."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, place in enumerate((os.devnull, f"{output}/1", f"{output}/2")):
        file = os.open(place, os.O_RDWR | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    signal.alarm(PATIENCE)
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
