"""Build sites with real site generators from the npm registry.

    python -m benchmarks.generators [NAME...]     # or: make sites; prints the folder of each site

Each folder beside this file is an npm project whose lock file pins all dependencies. It is built once, into a folder below
`build/sites` whose name contains the digest of the project, so a changed project is built again and an unchanged one is not.
Sites based on a generator's own template (`TEMPLATES`) take the files of the template from the registry too.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
CACHE: Final = HERE.parents[1] / "build" / "sites"
NAMES: Final = ("docusaurus", "vitepress", "react")
SITE: Final = "site"
"""The folder that `npm run build` fills."""

_DOCUSAURUS: Final = "node_modules/create-docusaurus/templates"
_VITE: Final = "node_modules/create-vite/template-react"
TEMPLATES: Final = {
    "docusaurus": {
        f"{_DOCUSAURUS}/shared": ".",
        f"{_DOCUSAURUS}/classic": ".",
        f"{_DOCUSAURUS}/classic/docusaurus.config.js": "template.config.js",
    },
    "vitepress": {},
    "react": {_VITE: "."},
    "players": {},
}
"""Site -> {file or folder of a template: target}. Later entries overwrite earlier ones; the project's files overwrite all."""

ENVIRONMENT: Final = {"CI": "true", "DO_NOT_TRACK": "1", "NO_UPDATE_NOTIFIER": "1"}
"""Keeps the programs from contacting their makers."""
_IGNORED: Final = (SITE, "node_modules")
_SECONDS: Final = 600


class NotBuiltError(Exception):
    """A site can't be built: npm is missing, its registry can't be reached, or the build failed. The message has the output."""


@dataclass(frozen=True, slots=True)
class Built:
    """A built site: its name, and the folder for a web server to serve."""

    name: str
    folder: Path


def built(name: str) -> Built:
    """Return a site, after building it if necessary. Raises `NotBuiltError`."""
    project = HERE / name
    home = CACHE / f"{name}-{_digest(project)[:16]}"
    if not home.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix=f".{name}-") as work:
            _build(name, project, Path(work) / name)
            (Path(work) / name / SITE).replace(home)
    return Built(name, home)


def is_built(name: str) -> bool:
    """Whether a site is built already."""
    return (CACHE / f"{name}-{_digest(HERE / name)[:16]}").is_dir()


def _digest(project: Path) -> str:
    """The digest of everything that determines the result: the project's files, and the list of its templates."""
    whole = sha256(repr(TEMPLATES[project.name]).encode())
    for path in sorted(_files(project)):
        whole.update(f"{path.relative_to(project)}\n{path.stat().st_size}\n".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def _files(project: Path) -> list[Path]:
    paths = (path for path in project.rglob("*") if path.is_file())
    return [path for path in paths if path.relative_to(project).parts[0] not in _IGNORED]


def _build(name: str, project: Path, work: Path) -> None:
    shutil.copytree(project, work, ignore=shutil.ignore_patterns(*_IGNORED))
    _npm(work, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    for source, target in TEMPLATES[name].items():
        _copy(work / source, work / target)
    shutil.copytree(project, work, ignore=shutil.ignore_patterns(*_IGNORED), dirs_exist_ok=True)
    _npm(work, "run", "build")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def _npm(work: Path, *words: str) -> None:
    try:
        done = subprocess.run(
            ["npm", *words],
            cwd=work,
            env=os.environ | ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBuiltError(f"npm {words[0]}: {error}") from error
    if done.returncode:
        output = f"{done.stdout}\n{done.stderr}".strip()[-2000:]
        raise NotBuiltError(f"npm {' '.join(words)} in {work.name}: exit code {done.returncode}\n{output}")
