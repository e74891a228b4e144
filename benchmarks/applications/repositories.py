"""A repository with a few commits, as gitweb and cgit show it. Their pages have ages in their text."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.applications.building import Count, needed, prose, run
from benchmarks.applications.serving import cgi

GITWEB: Final = Path("/usr/share/gitweb")
CGIT: Final = Path("/usr/lib/cgit/cgit.cgi")
CGIT_FILES: Final = Path("/usr/share/cgit")
COMMITS: Final = 3
IDENTITY: Final = ("-c", "user.name=Pilot", "-c", "user.email=pilot@example.org", "-c", "commit.gpgsign=false")


@contextmanager
def gitweb() -> Iterator[tuple[str, Count]]:
    needed(GITWEB / "gitweb.cgi")
    with _home() as home:
        (home / "gitweb.conf").write_text(
            f'$projectroot = "{home}/projects"; $site_name = "Harbours"; @stylesheets = ("/static/gitweb.css");\n'
            '$my_url = $my_uri = $base_url = $home_link = "/";\n'
            '$logo = "/static/git-logo.png"; $favicon = "/static/git-favicon.png"; $javascript = "/static/gitweb.js";\n'
        )
        shutil.copytree(GITWEB / "static", home / "static")
        shutil.copy(GITWEB / "gitweb.cgi", home / "cgi-bin" / "gitweb.cgi")
        with cgi(home, "gitweb.cgi", {"GITWEB_CONFIG": str(home / "gitweb.conf")}) as place:
            yield place


@contextmanager
def cgit() -> Iterator[tuple[str, Count]]:
    needed(CGIT)
    with _home() as home:
        (home / "cgitrc").write_text(
            "virtual-root=/\ncss=/static/cgit.css\nlogo=/static/cgit.png\nfavicon=/static/favicon.ico\n"
            f"root-title=Harbours\nrepo.url=harbour\nrepo.path={home}/projects/harbour/.git\nrepo.desc=Tides\n"
        )
        shutil.copytree(CGIT_FILES, home / "static")
        shutil.copy(CGIT, home / "cgi-bin" / "cgit.cgi")
        with cgi(home, "cgit.cgi", {"CGIT_CONFIG": str(home / "cgitrc")}) as place:
            yield place


@contextmanager
def _home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "cgi-bin").mkdir()
        repository = home / "projects" / "harbour"
        repository.mkdir(parents=True)
        run(repository, "git", "init", "-q", "-b", "main")
        for n in range(COMMITS):
            (repository / f"chapter-{n}.txt").write_text(prose(n))
            run(repository, "git", "add", ".")
            run(repository, "git", *IDENTITY, "commit", "-q", "-m", f"Chapter {n}", environment=_at(n))
        yield home


def _at(n: int) -> dict[str, str]:
    time = f"2024-01-01T00:00:{n:02}Z"
    return {"GIT_AUTHOR_DATE": time, "GIT_COMMITTER_DATE": time}
