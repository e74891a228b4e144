"""Documentation and archives of letters: generators write files, which a plain file server serves.

Each function builds in the folder `work`, and returns the folder to serve.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.applications.building import WORDS, NotThereError, prose, run, virtual_environment

CHAPTERS: Final = 16
PYPI: Final = ("mkdocs-material==9.*", "sphinx==8.*", "furo==2025.*")
BOOST: Final = Path("/usr/share/doc/libboost1.81-doc")
BOOST_PARTS: Final = ("boost_typeindex", "tribool", "stacktrace")


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
    run(work, str(virtual_environment("documentation", *PYPI) / "mkdocs"), "build", "-q", "-d", "site")
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
    run(work, str(virtual_environment("documentation", *PYPI) / "sphinx-build"), "-q", "-b", "html", "docs", "site")
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
    run(work, "javadoc", "-quiet", "-notimestamp", "-d", "site", "-sourcepath", ".", "harbour")
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
    run(work, "mhonarc", "-quiet", "-outdir", str(work / "site"), "mbox")
    (work / "site" / "index.html").write_text(
        '<!DOCTYPE html><title>Letters</title><p><a href="maillist.html">Letters</a>\n'
    )
    return work / "site"


def _boost(work: Path) -> Path:
    """Three libraries of Boost: the whole is a thousand pages. So links to the others lead nowhere."""
    if not BOOST.is_dir():
        raise NotThereError("libboost1.81-doc is missing: benchmarks/applications/needs.sh")
    site, html = work / "site", BOOST / "doc" / "html"
    shutil.copytree(BOOST / "doc" / "src", site / "doc" / "src", ignore=shutil.ignore_patterns("*.xml"))
    (site / "doc" / "html").mkdir(parents=True, exist_ok=True)
    for name in BOOST_PARTS:
        shutil.copy(html / f"{name}.html", site / "doc" / "html")
        shutil.copytree(html / name, site / "doc" / "html" / name)
    if (BOOST / "boost.png").exists():
        shutil.copy(BOOST / "boost.png", site)
    links = "".join(f'<li><a href="doc/html/{name}.html">{name}</a>\n' for name in BOOST_PARTS)
    (site / "index.html").write_text(f"<!DOCTYPE html><title>Boost</title><ul>\n{links}</ul>\n")
    return site


BUILDERS: Final[dict[str, Callable[[Path], Path]]] = {
    "mkdocs-material": _mkdocs,
    "sphinx-furo": _furo,
    "javadoc": _javadoc,
    "mhonarc": _mhonarc,
    "boost": _boost,
}
"""Application -> the function that builds it."""
