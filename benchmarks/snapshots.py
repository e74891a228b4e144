"""Measure the cost of snapshots: mirror a site again and again while a small part of it changes.

    python -m benchmarks.snapshots [--pages 1000] [--runs 10] [--changed 0.01]

Prints the requests, the seconds and the disk usage of each run (`du -s`, which counts a hard link once). Then prints the
seconds for a checkout, for the file system's own copy of a tree of links (`cp -al`), for verify and for prune.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.constructs import ROOT
from tests.site import Site, serve

WORDS: Final = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
]


def site(pages: int, edition: list[int]) -> Site:
    """Pages of about 15 KB with 30 links, a stylesheet and a picture for every four pages. `edition` varies the text."""
    made = Site().file("/style.css", "p { color: #333 } " * 100, "text/css")
    for n in range(pages):
        chance = random.Random(f"{n} {edition[n]}")
        text = " ".join(chance.choices(WORDS, k=2000))
        near = [m for m in range(8 * n + 1, 8 * n + 9) if m < pages]
        links = [f"/{m}" for m in [*near, *((n * 7 + k) % pages for k in range(22))]]
        head = f'<link rel="stylesheet" href="/style.css"><img src="/{n // 4}.png">'
        made.page(f"/{n}" if n else "/", f"{head}<p>{text}", links=links)
        if n % 4 == 0:
            made.file(f"/{n // 4}.png", random.Random(n).randbytes(5000), "image/png")
    return made


def command(*words: object) -> float:
    """Run a command and return its seconds."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "scrapy", *map(str, words)], cwd=ROOT, check=False, capture_output=True)
    return time.monotonic() - started


def disk_usage(folder: Path) -> int:
    """Bytes on the disk, with each hard-linked file counted once."""
    return 1024 * int(
        subprocess.run(["du", "-sk", folder], check=True, capture_output=True, text=True).stdout.split()[0]
    )


def main() -> None:
    """Mirror the site several times, and print a table."""
    parser = argparse.ArgumentParser(description="Measure what snapshots cost.")
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--changed", type=float, default=0.01)
    words = parser.parse_args()
    edition = [0] * words.pages
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, serve(Site()) as server:
        out = Path(folder, "archive")
        sizes = []
        print("| run | requests | seconds | disk, MB | ratio to the first |\n|---|---|---|---|---|")
        for number in range(words.runs):
            if number:
                for n in chance.sample(range(words.pages), round(words.changed * words.pages)):
                    edition[n] += 1
            server.site = site(words.pages, edition)
            server.requests.clear()
            seconds = command(
                "crawl",
                "mirror",
                "-a",
                f"start={server.url}",
                "-a",
                f"out={out}",
                "-a",
                "render=never",
                "-s",
                "MIRROR_PROGRESS=off",
            )
            sizes.append(disk_usage(out))
            ratio = sizes[-1] / sizes[0]
            print(f"| {number + 1} | {len(server.requests):,} | {seconds:.1f} | {sizes[-1] / 1e6:.1f} | {ratio:.3f} |")
        print("\n| | seconds |\n|---|---|")
        print(f"| checkout of the first | {command('checkout', out, 1, Path(folder, 'first')):.1f} |")
        started = time.monotonic()
        subprocess.run(["cp", "-al", Path(folder, "first"), Path(folder, "again")], check=True)
        print(f"| `cp -al` of that | {time.monotonic() - started:.1f} |")
        print(f"| verify | {command('verify', out):.1f} |")
        print(f"| prune to the last | {command('prune', out, '--keep', 'last=1'):.1f} |")
        print(f"\nAfter prune: {disk_usage(out) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
