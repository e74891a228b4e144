"""The sites of the workloads: generated ones, which are the same each time, and Debian's python3.11-doc."""

import errno
import os
import random
import re
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from benchmarks.suite.judging import File, fingerprint_of, links

PYTHON_DOCS: Final = Path("/usr/share/doc/python3.11/html")
TEXT: Final = """
archive folder margin index paper letter volume binding shelf catalogue page note record copy print ink seal library reader
keeper author title edition plate map chart ledger register scroll parchment column entry
"""
WORDS: Final = TEXT.split()
BLOCK: Final = 1 << 20


def path_of(page: int) -> str:
    """The path of a page in a generated site.

    >>> path_of(0), path_of(1234)
    ('index.html', '012/01234.html')
    """
    return f"{page // 100:03d}/{page:05d}.html" if page else "index.html"


def linked(page: int, pages: int, count: int) -> list[int]:
    """The pages that a page links to: eight below it, so that all are reachable, and others at random, without repeats."""
    below = range(8 * page + 1, min(8 * page + 9, pages))
    others = random.Random(page).sample(range(pages), min(pages, 2 * count))
    return list(dict.fromkeys([*below, *others]))[:count]


def document(page: int, pages: int, size: int, count: int, host: str = "") -> str:
    """A page of about `size` bytes with `count` links, half of them relative to the page, half to the root.

    It names the host, so that the pages of each are different.
    """
    chance = random.Random(-page - 1)
    folder = Path(path_of(page)).parent
    targets = ["/" + path_of(n) if n % 2 else os.path.relpath(path_of(n), folder) for n in linked(page, pages, count)]
    items = [f'<li><a href="{target}">{" ".join(chance.choices(WORDS, k=3))}</a></li>' for target in targets]
    title = f"Page {page}{' of ' * bool(host)}{host}"
    head = f"<!DOCTYPE html>\n<html><head><meta charset=utf-8><title>{title}</title></head><body><h1>{title}</h1>\n"
    room = max(0, size - len(head) - sum(map(len, items)))
    words = chance.choices(WORDS, k=room // 8)
    lines = [" ".join(words[n : n + 80]) for n in range(0, len(words), 80)]
    paragraphs = "\n".join(f"<p>{line}</p>" for line in lines)
    return f"{head}<ul>\n{chr(10).join(items)}\n</ul>\n{paragraphs}\n<p>End of page {page}.</p></body></html>\n"


def make_pages(folder: Path, pages: int, size: int, count: int, host: str = "") -> None:
    """Write a site of generated pages."""
    for page in range(pages):
        path = folder / path_of(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document(page, pages, size, count, host))


def make_large(folder: Path, size: int) -> None:
    """Write `large.bin`, without holes or equal blocks. Raises `OSError` if the disk has no room for three copies."""
    folder.mkdir(parents=True, exist_ok=True)
    if 3 * size > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, f"no room for {3 * size:,} bytes", str(folder))
    block = random.Random(0).randbytes(BLOCK - 8)
    with (folder / "large.bin").open("wb") as stream:
        for number in range(size // BLOCK):
            stream.write(number.to_bytes(8, "big") + block)


def make_part(folder: Path, whole: Path, paths: Iterable[str]) -> None:
    """Write a site that has some files of another. Links to the other files are broken, as on many real sites."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(whole / path, folder / path)


def known(folder: Path, paths: Iterable[str]) -> dict[str, File]:
    """Fingerprint and size of files of a site, by their paths below its folder."""
    return {path: File(fingerprint_of(folder / path), (folder / path).stat().st_size) for path in paths}


def reachable(folder: Path, most: int = 0, start: str = "index.html") -> list[str]:
    """The files that links of documents and stylesheets lead to from `start`, as paths below the folder, nearest first.

    Returns all of them, or at most `most`.
    """
    found = {start: None}
    waiting = deque(found)
    while waiting and not 0 < most <= len(found):
        path = waiting.popleft()
        for reference in references(folder / path):
            parts = urlsplit(urljoin(f"http://site/{path}", reference))
            target = unquote(parts.path).lstrip("/")
            if parts.netloc == "site" and target not in found and (folder / target).is_file():
                found[target] = None
                waiting.append(target)
    return list(found)[: most or None]


def references(path: Path) -> Iterator[str]:
    """Yield the references of an HTML document or a stylesheet."""
    if path.suffix == ".html":
        yield from (link for link in links(path.read_bytes()) if urlsplit(link).scheme in {"", "http"})
    elif path.suffix == ".css":
        yield from re.findall(r"""url\(["']?([^"')]+)["']?\)""", path.read_text(errors="replace"))
