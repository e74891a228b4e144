"""Measure `log` and `stats` in a large archive with many snapshots, which is made without a crawl.

    python -m benchmarks.history [--pages 100000] [--snapshots 50] [--changed 0.01]

Every page links to the home page, which changes in each snapshot, and a part of the others does. Prints the seconds of each
command, whole process, the fastest of five runs.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from benchmarks.constructs import ROOT
from benchmarks.snapshots import WORDS
from mirror.core.policy.scope import Role
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import canonical
from mirror.core.url.local_paths import LocalPath
from mirror.store.archive import Archive
from mirror.store.disk.objects import Digest
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource, Snapshot, State

HOME: Final = canonical("https://example.org/")
ROUNDS: Final = 5


def page(n: int, edition: int) -> bytes:
    """A page of about 15 KB; a few of its lines differ in each edition."""
    chance, news = random.Random(n), random.Random(f"{n} {edition}")
    lines = [" ".join(chance.choices(WORDS, k=20)) for _ in range(100)]
    lines[news.randrange(100)] = " ".join(news.choices(WORDS, k=20))
    return f"<title>Page {n}</title>{''.join(f'<p>{line}' for line in lines)}".encode()


def resource(n: int, edition: int) -> Resource:
    """A version of a page. Only the home page has an object."""
    body = page(1, edition) if n == 1 else f"{n} {edition}".encode()
    size = len(body) if n == 1 else 15000 + n % 997
    digest = Digest(sha256(body).hexdigest())
    path = LocalPath(f"example.org/{n}.html")
    headers = [("Content-Type", "text/html; charset=utf-8"), ("ETag", f'"{n}-{edition}"')]
    return Resource(n, HOME, "2026-01-01T00:00:00+00:00", 200, headers, digest, size, "text/html", path, None)


def make(root: Path, pages: int, snapshots: int, changed: float) -> None:
    """Make an archive."""
    chance = random.Random(0)
    with closing(Archive(root)) as archive:
        manifest = archive.manifest
        current: dict[int, Resource] = {}
        for edition in range(snapshots):
            archive.objects.put(page(1, edition))
            began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=edition)
            with manifest.transaction():
                run = manifest.runs.begin([HOME], {}, began.isoformat())
                if not edition:
                    admit(manifest, pages)
                for n in range(1, pages + 1):
                    if n == 1 or not edition or chance.random() < changed:
                        current[n] = record(manifest, run, current.get(n), resource(n, edition))
            with manifest.transaction():
                manifest.runs.finish(run, began.isoformat())
                manifest.history.count(run.id)


def admit(manifest: Manifest, pages: int) -> None:
    urls = [HOME, *(canonical(f"https://example.org/{n}") for n in range(2, pages + 1))]
    ids = manifest.frontier.identify(urls)
    manifest.frontier.admit(
        [Entry(ids[url], url, State.DONE, frozenset({Role.PAGE}), len(str(ids[url])) - 1) for url in urls]
    )


def record(manifest: Manifest, run: Snapshot, before: Resource | None, now: Resource) -> Resource:
    links = [(1, Reference(HOME, Kind.PAGE))] if before is None else None
    return replace(manifest.resources.record(run, before, now, links), headers=now.headers)


def seconds(*words: object) -> float:
    """The seconds that a command takes."""
    found = []
    for _ in range(ROUNDS):
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "mirror", *map(str, words)], cwd=ROOT, check=True, capture_output=True)
        found.append(time.monotonic() - started)
    return min(found)


def main() -> None:
    """Make the archive and print a table."""
    parser = argparse.ArgumentParser(description="Measure what questions about the history cost.")
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--snapshots", type=int, default=50)
    parser.add_argument("--changed", type=float, default=0.01)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "archive")
        make(out, words.pages, words.snapshots, words.changed)
        print("| command | seconds |\n|---|---|")
        for command in (
            ("log", out, HOME),
            ("log", out, HOME, "-n", 1),
            ("log", out, HOME, "--patch"),
            ("log", out, f"{HOME}{words.pages // 2}"),
            ("show", out, f"{HOME}@2"),
            ("stats", out),
            ("stats", out, "--html", Path(folder, "stats.html")),
        ):
            shown = " ".join(str(word).replace(folder, "DIR") for word in command)
            print(f"| {shown} | {seconds(*command):.2f} |", flush=True)


if __name__ == "__main__":
    main()
