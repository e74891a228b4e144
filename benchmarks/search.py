"""Measure the search of an archive: how long its index takes, how large it is, and how fast `grep` answers.

    python -m benchmarks.search [--pages 100000] [--words 300] [--folder DIR]

Makes an archive of pages with words as frequent as those of a language (Zipf), and changes one in a hundred in a second
snapshot. Prints the seconds of the first `grep --index`, the size of the index, and the seconds of queries: whole processes,
the best and the median of five.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate, islice
from pathlib import Path
from typing import Final

from benchmarks.constructs import ROOT
from mirror.core.url.canonical import canonical
from mirror.core.url.local_paths import LocalPath
from mirror.store.archive import Archive
from mirror.store.manifest.records import Resource, Standing

VOCABULARY: Final = 50_000
TIMES: Final = ("2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00")
QUERIES: Final = {
    "a word of one page": ["only77"],
    "a word of every page": ["everywhere"],
    "a frequent and a rare word": ["everywhere w4000"],
    "two frequent words": ["w0 w1"],
    "a phrase of frequent words": ['"w0 w1"'],
    "a prefix": ["w400*"],
    "a word that no page has": ["nowhere"],
    "a word of every page, in all snapshots": ["everywhere", "--all-snapshots"],
    "a word that left": ["first77", "--all-snapshots"],
    "below 11 URLs": ["everywhere", "--url", "example.org/7777*"],
    "counted": ["everywhere", "--count"],
}


def texts(pages: int, words: int) -> Iterator[str]:
    """Yield the text of each page."""
    chance = random.Random(1)
    weights = list(accumulate(1 / (n + 1) for n in range(VOCABULARY)))
    pool = chance.choices([f"w{n}" for n in range(VOCABULARY)], cum_weights=weights, k=2_000_000)
    for n in range(pages):
        start = chance.randrange(len(pool) - words)
        yield f"everywhere only{n} {' '.join(pool[start : start + words])}"


def page(n: int, text: str, edition: str) -> bytes:
    """A page as templates write it: a third of it is text."""
    parts = text.split()
    blocks = "".join(f'<p class="text">{" ".join(parts[at : at + 60])}</p>\n' for at in range(0, len(parts), 60))
    links = "".join(f'<li class="nav"><a href="/{m}.html" title="t">page {m}</a></li>' for m in range(n, n + 20))
    head = f"<title>{' '.join(parts[2:6])}</title><meta name=viewport content=x><link rel=stylesheet href=/s.css>"
    return f"<!doctype html>{head}<ul>{links}</ul><h1>{' '.join(parts[6:12])}</h1>{blocks}<p>{edition}{n}".encode()


def make(root: Path, pages: int, words: int) -> None:
    """Make an archive with two snapshots, by the classes of the store."""
    with closing(Archive(root)) as archive:
        for run, time_of_run in enumerate(TIMES):
            with archive.manifest.transaction():
                snapshot = archive.manifest.runs.begin([canonical("http://example.org/")], {}, time_of_run)
            numbered = enumerate(texts(pages, words))
            while batch := list(islice(numbered, 1000)):
                with archive.manifest.transaction():
                    for n, text in batch:
                        edition = "second" if run and n % 100 == 77 else "first"
                        url = canonical(f"http://example.org/{n}.html")
                        url_id = archive.manifest.frontier.identify([url])[url]
                        payload = page(n, text, edition)
                        known = Resource(
                            url_id, url, time_of_run, 200, [("content-type", "text/html")], archive.objects.put(payload),
                            len(payload), "text/html", LocalPath(f"example.org/{n}.html"), None, standing=Standing.PRESENT,
                        )  # fmt: skip
                        archive.manifest.resources.record(
                            snapshot, archive.manifest.resources.current(url_id), known, None
                        )
            with archive.manifest.transaction():
                archive.manifest.runs.finish(snapshot, time_of_run)
                archive.history.count(snapshot.id)


def seconds(*words: str) -> float:
    """Run a command and return its seconds."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "mirror", "grep", *words], cwd=ROOT, check=False, capture_output=True)
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the search of an archive.")
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--folder", help="where to make the archive, or to find it (default: a temporary folder)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(given.folder or temporary) / "archive"
        if not root.exists():
            make(root, given.pages, given.words)
        first = seconds(str(root), "--index")
        size = sum(place.stat().st_size for place in (root / ".mirror").glob("search.sqlite*"))
        print(f"index: {first:.1f} s, {size / 1e6:.0f} MB")
        for name, words in QUERIES.items():
            times = [seconds(str(root), *words) for _ in range(5)]
            print(f"{name}: {min(times):.2f} s, median {statistics.median(times):.2f} s")


if __name__ == "__main__":
    main()
