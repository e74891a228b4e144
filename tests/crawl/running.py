"""Runs the real command and inspects its output, for the tests of whole crawls."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import etree

from tests import warm
from tests.warm import Done, Task

ROOT = Path(__file__).resolve().parents[2]
SCRAPY = [sys.executable, "-W", "error", "-m", "scrapy"]
QUICK = {"MIRROR_BACKOFF": "0.05"}  # seconds: few tests are about how long a crawl waits for a host in trouble


def mirror(start: str, out: Path, *words: str, settings: dict[str, str] | None = None) -> Done:
    """`scrapy crawl mirror -a start=... -a out=... -a WORD...`."""
    return warm.run(Task("scrapy", words_of(start, out, words, settings or {}), environment={"TERM": "dumb"}))


def scrapy(*words: str) -> Done:
    """Run `scrapy WORDS...`."""
    return warm.run(Task("scrapy", words))


def websucker(*words: object) -> Done:
    """Run `websucker WORDS...`."""
    return warm.run(Task("mirror", [*map(str, words)]))


def process(
    start: str, out: Path, *words: str, settings: dict[str, str] | None = None, own_group: bool = False
) -> "subprocess.Popen[str]":
    """The same, still running, in a process group of its own as from a shell. Renders pages only if the words ask for it."""
    return subprocess.Popen(
        [*SCRAPY, *words_of(start, out, words, settings or {})],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TERM": "dumb"},
        process_group=0 if own_group else None,
    )


def words_of(start: str, out: Path, words: Sequence[str], settings: Mapping[str, str]) -> list[str]:
    rendering = [] if any(word.startswith("render=") for word in words) else ["render=never"]
    arguments = [f"start={start}", f"out={out}", *rendering, *words]
    return [
        "crawl",
        "mirror",
        *(part for word in arguments for part in ("-a", word)),
        *(part for name, value in {**QUICK, **settings}.items() for part in ("-s", f"{name}={value}")),
    ]


def ended(running: "subprocess.Popen[str]") -> Done:
    stdout, stderr = running.communicate(timeout=120)
    return Done(running.returncode, stdout, stderr)


def interrupted(running: "subprocess.Popen[str]") -> None:
    """Send Ctrl-C."""
    running.send_signal(signal.SIGINT)


def run(*command: str, cwd: Path = ROOT) -> Done:
    """Run any command."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def publish(out: Path) -> Done:
    return scrapy("publish", str(out))


def tree(out: Path) -> dict[str, str]:
    """Path -> digest, of all files of the tree."""
    files = (path for path in out.rglob("*") if path.is_file() and ".mirror" not in path.relative_to(out).parts)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(out: Path, query: str) -> list[tuple[object, ...]]:
    """What the manifest records."""
    with sqlite3.connect(out / ".mirror" / "manifest.sqlite") as manifest:
        return manifest.execute(query).fetchall()


def dangling(out: Path) -> list[tuple[str, str]]:
    """(file, reference) of each relative reference in an HTML file of the tree that leads to no file."""
    found = []
    for path in sorted(out.rglob("*.html")):
        root = etree.fromstring(path.read_bytes(), etree.HTMLParser(encoding="utf-8"))
        for value in root.xpath("//@href | //@src") if root is not None else ():
            parts = urlsplit(str(value).strip())
            if parts.scheme or parts.netloc or not parts.path:
                continue
            if not (path.parent / unquote(parts.path)).is_file():
                found.append((str(path.relative_to(out)), str(value)))
    return found
