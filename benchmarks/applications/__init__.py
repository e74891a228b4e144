"""Set up real applications, and serve them on loopback.

`BUILDERS` has those that make files, and `served` runs the others. `needs.sh` beside this file installs what is missing from
Debian; generators from PyPI go into a virtual environment of their own below `build/applications`. The contents are made here,
from numbers, so that each run builds the same pages.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import CGIHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.browser.conftest import Nginx
from tests.site import running

HERE: Final = Path(__file__).resolve().parent
HOME: Final = HERE.parents[1] / "build" / "applications"
PYPI: Final = ("mkdocs-material==9.*", "sphinx==8.*", "furo==2025.*")
CHAPTERS: Final = 16
GITWEB: Final = Path("/usr/share/gitweb")
WORDS: Final = ("harbour", "crane", "barge", "tide", "quay", "pilot", "anchor", "lock", "ballast", "mooring", "keel")

Count = Callable[[], int]
"""The number of requests since the last call."""


class NotThereError(Exception):
    """A program is missing or failed. The message has its output."""


@contextmanager
def served(name: str) -> Iterator[tuple[str, Count]]:
    """Build an application if necessary, and serve it. Yields the URL of its start, and how many requests it got."""
    if name == "gitweb":
        with _gitweb() as place:
            yield place
        return
    folder = HOME / name
    if not folder.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=HOME, prefix=f".{name}-") as work:
            BUILDERS[name](Path(work)).replace(folder)
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        nginx = Nginx(shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") or "nginx", Path(home))
        try:
            url = nginx.serve(folder)
            log = Path(home) / url.rstrip("/").rpartition(":")[2] / "access.log"
            yield url, lambda: _lines(log)
        finally:
            nginx.stop()


def _lines(log: Path) -> int:
    count = len(log.read_text().splitlines())
    log.write_text("")
    return count


def prose(number: int) -> str:
    """Two paragraphs that differ from number to number."""
    chosen = [WORDS[(number * step + step) % len(WORDS)] for step in range(1, 40)]
    return f"Chapter {number} is about the {' and the '.join(chosen[:9])}.\n\nIt ends with the {' of the '.join(chosen[9:20])}."


# Files that generators make


def _mkdocs(work: Path) -> Path:
    docs = work / "docs"
    docs.mkdir()
    links = "\n".join(f"- [Chapter {n}](chapter-{n}.md)" for n in range(CHAPTERS))
    (docs / "index.md").write_text(f"# Harbours\n\n{prose(99)}\n\n{links}\n")
    for n in range(CHAPTERS):
        code = '```python\nprint(\'quay\')  # (1)!\n```\n\n1. A note\n\n=== "Ebb"\n\n    Low.\n\n=== "Flood"\n\n    High.\n'
        (docs / f"chapter-{n}.md").write_text(f"# Chapter {n}\n\n{prose(n)}\n\n## Code\n\n{code}")
    (work / "mkdocs.yml").write_text(
        "site_name: Harbours\nuse_directory_urls: true\ntheme:\n  name: material\n  font: false\n"
        "  features: [navigation.instant, navigation.tabs, content.code.copy, content.code.annotate, search.suggest]\n"
        "plugins: [search]\n"
        "markdown_extensions: [admonition, pymdownx.superfences, pymdownx.highlight, "
        "{pymdownx.tabbed: {alternate_style: true}}]\n"
    )
    _run(work, str(_from_pypi() / "mkdocs"), "build", "-q", "-d", "site")
    return work / "site"


def _furo(work: Path) -> Path:
    docs = work / "docs"
    docs.mkdir()
    (docs / "conf.py").write_text("project = 'Harbours'\nhtml_theme = 'furo'\n")
    names = "\n".join(f"   chapter-{n}" for n in range(CHAPTERS))
    (docs / "index.rst").write_text(f"Harbours\n========\n\n{prose(99)}\n\n.. toctree::\n\n{names}\n")
    for n in range(CHAPTERS):
        title = f"Chapter {n}"
        body = (
            f"{title}\n{'=' * len(title)}\n\n{prose(n)}\n\nCode\n----\n\n.. code-block:: python\n\n   print('quay')\n"
        )
        (docs / f"chapter-{n}.rst").write_text(body)
    _run(work, str(_from_pypi() / "sphinx-build"), "-q", "-b", "html", "docs", "site")
    return work / "site"


def _javadoc(work: Path) -> Path:
    package = work / "harbour"
    package.mkdir()
    for n, word in enumerate(WORDS):
        name = word.title()
        parent = f" extends {WORDS[n - 1].title()}" if n else ""
        (package / f"{name}.java").write_text(
            f"package harbour;\n/** {prose(n)} */\npublic class {name}{parent} {{\n"
            f"  /** Its size. */ public int size{n};\n"
            f"  /** Move it. @param by how far */ public void move{n}(int by) {{}}\n}}\n"
        )
    _run(work, "javadoc", "-quiet", "-notimestamp", "-d", "site", "-sourcepath", ".", "harbour")
    return work / "site"


def _mhonarc(work: Path) -> Path:
    letters = []
    for n in range(CHAPTERS):
        answered = f"In-Reply-To: <{n // 2}@example.org>\n" if n else ""
        letters.append(
            f"From pilot@example.org Mon Jan  1 00:00:00 2024\nFrom: Pilot {n % 5} <pilot{n % 5}@example.org>\n"
            f"Date: Mon, 1 Jan 2024 00:{n:02}:00 +0000\nSubject: {'Re: ' if n else ''}Tides\nMessage-ID: <{n}@example.org>\n"
            f"{answered}\n{prose(n)}\nSee http://example.org/ or mail quay@example.org\n\n"
        )
    (work / "site").mkdir()
    (work / "mbox").write_text("".join(letters))
    _run(work, "mhonarc", "-quiet", "-outdir", str(work / "site"), "mbox")
    (work / "site" / "index.html").write_text(
        '<!DOCTYPE html><title>Letters</title><p><a href="maillist.html">Letters</a>\n'
    )
    return work / "site"


BUILDERS: Final[dict[str, Callable[[Path], Path]]] = {
    "mkdocs-material": _mkdocs,
    "sphinx-furo": _furo,
    "javadoc": _javadoc,
    "mhonarc": _mhonarc,
}
"""Application -> the function that builds it in a folder and returns the folder to serve."""
APPLICATIONS: Final = (*BUILDERS, "gitweb")


def _from_pypi() -> Path:
    """The programs of the generators from PyPI, installed if necessary."""
    home = HOME / "venv"
    if not (home / "done").exists():
        _run(HOME, sys.executable, "-m", "venv", str(home))
        _run(HOME, str(home / "bin" / "pip"), "install", "-q", *PYPI)
        (home / "done").touch()
    return home / "bin"


def _run(folder: Path, *command: str) -> None:
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1700000000", "TZ": "UTC"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotThereError(str(error)) from error
    if done.returncode:
        raise NotThereError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


# Programs that make pages


@contextmanager
def _gitweb() -> Iterator[tuple[str, Count]]:
    """A repository with a dozen commits, as gitweb shows it. Its pages have ages in their text, as a clock."""
    if not GITWEB.is_dir():
        raise NotThereError("gitweb is missing: benchmarks/applications/needs.sh")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        _repository(home / "projects" / "harbour")
        (home / "gitweb.conf").write_text(
            f'$projectroot = "{home}/projects"; $site_name = "Harbours"; @stylesheets = ("/static/gitweb.css");\n'
        )
        (home / "cgi-bin").mkdir()
        shutil.copytree(GITWEB / "static", home / "static")
        shutil.copy(GITWEB / "gitweb.cgi", home / "cgi-bin" / "gitweb.cgi")
        requests: list[str] = []

        class Handler(CGIHTTPRequestHandler):
            have_fork = False  # this process has threads

            def __init__(self, *words: object) -> None:
                super().__init__(*words, directory=name)  # type: ignore[arg-type]

            def is_cgi(self) -> bool:
                """Serve the program at `/` too."""
                path, _, query = self.path.partition("?")
                if path == "/":
                    self.path = "/cgi-bin/gitweb.cgi" + (f"?{query}" if query else "")
                return super().is_cgi()

            def log_message(self, *_: object) -> None:
                requests.append(self.path)

        os.environ["GITWEB_CONFIG"] = str(home / "gitweb.conf")
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

        def count() -> int:
            number = len(requests)
            requests.clear()
            return number

        with running(server):
            yield f"http://127.0.0.1:{server.server_port}/", count


def _repository(folder: Path) -> None:
    folder.mkdir(parents=True)
    identity = ("-c", "user.name=Pilot", "-c", "user.email=pilot@example.org", "-c", "commit.gpgsign=false")
    _run(folder, "git", "init", "-q", "-b", "main")
    for n in range(6):
        (folder / f"chapter-{n}.txt").write_text(prose(n))
        _run(folder, "git", "add", ".")
        _run(folder, "git", *identity, "commit", "-q", "-m", f"Chapter {n}", "--date=2024-01-01T00:00:00Z")
