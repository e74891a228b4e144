"""Find out under which names the tools save files, and whether other programs find them there.

    python -m benchmarks.names > names.md

The first table has URLs of one site on loopback, each with a body of its own, and the path of the file with that body, or with
a copy of it whose links are rewritten, below the folder of the host. The second one asks programs that read a copy:
`sha256sum -c` in a folder of downloads, apt in a mirrored repository, and nginx, which serves the copy and is asked for each
URL of the site.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.commands import httrack, websucker
from tests.browser.conftest import Nginx, program
from tests.downloads import NAMES, apt_with, downloads, repository
from tests.site import HTML, PNG, Site, serve

COMMANDS: Final[dict[str, Callable[[str, str], list[str]]]] = {
    "websucker": lambda url, out: websucker(url, out, "-s", "MIRROR_PROGRESS=off"),
    "websucker, portable": lambda url, out: websucker(url, out, "-a", "names=portable", "-s", "MIRROR_PROGRESS=off"),
    "wget -m -k -p -E": lambda url, out: ["wget", "-q", "-m", "-k", "-p", "-E", "-P", out, url],
    "wget -m": lambda url, out: ["wget", "-q", "-m", "-P", out, url],
    "httrack": httrack,
}
TEXT: Final = "text/plain"
DATA: Final = "application/octet-stream"
PAGE: Final = ("text/html; charset=utf-8", "<p>{}</p>")
URLS: Final[dict[str, tuple[str, str]]] = {
    "/": PAGE,
    "/about": PAGE,
    "/Main.html": PAGE,
    "/page.htm": PAGE,
    "/docs/": PAGE,
    "/docs/index.html": PAGE,
    "/wiki/File:A.png": PAGE,
    "/wiki/C%2B%2B": PAGE,
    "/x.php?id=1": PAGE,
    "/x.php?id=2": PAGE,
    "/?page=2": PAGE,
    "/caf%C3%A9": PAGE,
    "/v1.2": PAGE,
    "/README.md": ("text/markdown", "{}"),
    "/LICENSE": (TEXT, "{}"),
    "/INSTALL.TXT": (TEXT, "{}"),
    "/NEWS.txt~": (TEXT, "{}"),
    "/dists/stable/InRelease": (TEXT, "{}"),
    "/dists/stable/Release": (DATA, "{}"),
    "/pool/apt_1.0~exp1_amd64.deb": ("application/vnd.debian.binary-package", "{}"),
    "/Tool-1.0.tar.gz": ("application/gzip", "{}"),
    "/comic.cbz": ("application/zip", "{}"),
    "/book.epub": ("application/epub+zip", "{}"),
    "/setup.exe": ("application/x-msdos-program", "{}"),
    "/report": ("application/pdf", "{}"),
    "/img/Logo.PNG": ("image/png", "{}"),
    "/img/logo@2x.png": ("image/png", "{}"),
    "/img/5": ("image/jpeg", "{}"),
    "/img/photo.jpg?size=large": ("image/jpeg", "{}"),
    "/a/style.css?v=3": ("text/css", "p {{ content: '{}' }}"),
    "/style.php": ("text/css", "p {{ content: '{}' }}"),
    "/app.js": ("text/javascript", "'{}'"),
    "/main.ts": ("text/javascript", "'{}'"),
    "/icon": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"><text>{}</text></svg>'),
    "/feed": ("application/rss+xml", "<rss><channel><title>{}</title></channel></rss>"),
    "/api/users": ("application/json", '"{}"'),
    "/api/users/5": ("application/json", '"{}"'),
    "/get?file=a.iso": (DATA, "{}"),
    "/%C3%89t%C3%A9%20(1).pdf": ("application/pdf", "{}"),
    "/100%25.bin": (DATA, "{}"),
    "/source.html": (TEXT, "{}"),
    "/con.h": (TEXT, "{}"),
}


def token(url: str) -> str:
    """Return a word that stands in the body of this URL alone."""
    return f"word{list(URLS).index(url):03d}end"


def site() -> Site:
    """A site that links to all URLs from its start page, pictures and style sheets as what they are."""
    made = Site()
    for url, (kind, body) in URLS.items():
        text = body.format(token(url))
        made.file(url, PNG + text.encode() if kind == "image/png" else text, kind)
    links = "".join(f'<a href="{url}">{token("/")}</a>' for url in URLS)
    return made.file("/", f"<!doctype html><title>t</title>{links}", HTML)


def saved(out: Path) -> dict[str, list[str]]:
    """Return the paths of the files that have the body of each URL, below the folder of the host."""
    found: dict[str, list[str]] = {url: [] for url in URLS}
    for place in sorted(out.rglob("*")):
        parts = place.relative_to(out).parts
        if not place.is_file() or len(parts) < 2 or parts[0] in {".mirror", "hts-cache"}:
            continue
        words = set(re.findall(rb"word[0-9]{3}end", place.read_bytes()))
        for url in URLS:
            if words == {token(url).encode()}:
                found[url].append("/".join(parts[1:]))
    return found


def run(command: list[str], folder: Path | None = None) -> bool:
    """Run a tool, and return whether it succeeded."""
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    return done.returncode == 0


def host(out: Path, url: str) -> Path:
    """Return the folder of the host, which each tool names in its own way."""
    address = urlsplit(url).netloc
    return next((place for name in (address, address.replace(":", "_")) if (place := out / name).is_dir()), out)


def with_nginx(nginx: Nginx, copy: Path) -> int:
    """Return how many URLs nginx answers from the copy with the body of that URL."""
    address = urlsplit(nginx.serve(copy, lists=True))
    answered = 0
    for url in URLS:
        connection = HTTPConnection(address.hostname or "", address.port)
        connection.request("GET", url)
        answer = connection.getresponse()
        answered += answer.status == 200 and token(url).encode() in answer.read()
        connection.close()
    return answered


def apt_works(copy: Path, home: Path, root: Path) -> bool:
    """Return whether apt can use a mirrored repository from the disk, with its signature."""
    apt = apt_with(copy, home, root)
    return run([*apt, "-oAPT::Update::Error-Mode=any", "update"]) and run([*apt, "download", "websucker-demo"], root)


def rows(folder: Path) -> Iterator[list[str]]:
    """Yield the rows of both tables; an empty one between them."""
    nginx = Nginx(program("nginx", "/usr/sbin"), folder)
    downloads(folder / "downloads")
    repository(folder / "repository", folder / "gnupg")
    urls = {name: nginx.serve(folder / name, lists=True) for name in ("downloads", "repository")}
    columns: dict[str, dict[str, list[str]]] = {}
    asked: dict[str, list[str]] = {}
    try:
        with serve(site()) as server:
            for number, (tool, command) in enumerate(COMMANDS.items()):
                if shutil.which(tool.partition(" ")[0].rstrip(",")) is None and not tool.startswith("websucker"):
                    continue
                out = folder / str(number)
                run(command(f"{server.url}/", str(out / "site")))
                columns[tool] = saved(out / "site")
                for name, url in urls.items():
                    run(command(url, str(out / name)))
                right = subprocess.run(
                    ["sha256sum", "-c", "SHA256SUMS"],
                    cwd=host(out / "downloads", urls["downloads"]),
                    capture_output=True,
                    text=True,
                    check=False,
                ).stdout.count(": OK")
                works = apt_works(host(out / "repository", urls["repository"]), folder / "gnupg", out / "apt")
                served = with_nginx(nginx, host(out / "site", server.url))
                asked[tool] = [f"{right} of {len(NAMES)}", "yes" if works else "no", f"{served} of {len(URLS)}"]
    finally:
        nginx.stop()
    yield ["URL", *columns]
    for url in URLS:
        yield [f"`{url}`", *(", ".join(f"`{path}`" for path in found[url]) or "\u2013" for found in columns.values())]
    yield []
    yield ["", *asked]
    for number, question in enumerate(
        ("`sha256sum -c` says OK", "apt uses the repository", "nginx answers with the page")
    ):
        yield [question, *(answers[number] for answers in asked.values())]


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        is_head = True
        for row in rows(Path(folder)):
            sys.stdout.write(f"| {' | '.join(row)} |\n" if row else "\n")
            if row and is_head:
                sys.stdout.write("|---" * len(row) + "|\n")
            is_head = not row


if __name__ == "__main__":
    main()
