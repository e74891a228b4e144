"""The program as a package: the wheel runs in an environment of its own, and what GitHub reads is valid."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import mirror
from tests.crawl.running import ROOT
from tests.site import Server, Site, serve

REQUIREMENTS: Final = ("requirements.txt", "requirements-browser.txt", "requirements-pdf.txt")
SOURCES: Final = ("LICENSE", "README.md", "mirror", "pyproject.toml", *REQUIREMENTS)
ELSEWHERE: Final = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
"""The environment of a user who does not know of this folder."""


def run(*words: object, cwd: Path) -> str:
    """Run a command, and return what it prints."""
    done = subprocess.run([*map(str, words)], cwd=cwd, env=ELSEWHERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution, and with the wheel that is made of it."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, source)
    made = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", made, source, cwd=made)
    return made


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    [wheel] = distributions.glob("*.whl")
    return wheel


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(Site().page("/", links=["/a"]).page("/a")) as running:
        yield running


def works(venv: Path, here: Path, server: Server) -> None:
    """The program of an environment mirrors a site from any folder, and its commands know the archive."""
    here.mkdir()
    python, program = venv / "bin" / "python", venv / "bin" / "websucker"
    place = run(python, "-c", "import mirror; print(mirror.__file__)", cwd=here).strip()
    assert Path(place).is_relative_to(venv)
    assert run(program, "--version", cwd=here) == f"websucker {mirror.__version__}\n"
    run(program, f"{server.url}/", "--workers", "1", cwd=here)
    assert (here / "archive" / "index.html").is_file()
    assert " complete " in run(program, "snapshots", "archive", cwd=here)
    assert " complete " in run(python, "-m", "mirror", "snapshots", "archive", cwd=here)


def test_both_distributions_are_as_pypi_wants_them(distributions: Path) -> None:
    files = sorted(distributions.iterdir())
    assert [one.name for one in files] == [
        f"websucker-{mirror.__version__}-py3-none-any.whl",
        f"websucker-{mirror.__version__}.tar.gz",
    ]
    checked = run(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=distributions)
    assert checked.count("PASSED") == 2


def test_the_distributions_have_the_whole_program_and_nothing_else(distributions: Path, wheel: Path) -> None:
    program = {
        place.relative_to(ROOT).as_posix()
        for place in (ROOT / "mirror").rglob("*")
        if place.is_file() and "__pycache__" not in place.parts
    }
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert {name for name in names if ".data/" not in name} == program
    assert f"websucker-{mirror.__version__}.data/data/share/man/man1/websucker.1" in names
    [source] = distributions.glob("*.tar.gz")
    with tarfile.open(source) as packed_source:
        names = {name.partition("/")[2] for name in packed_source.getnames()}
    assert names >= {*program, "LICENSE", "README.md", "pyproject.toml", *REQUIREMENTS}


def test_the_wheel_runs_in_an_environment_of_its_own(wheel: Path, tmp_path: Path, server: Server) -> None:
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", wheel, cwd=tmp_path)
    own = run(venv / "bin" / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path)
    Path(own.strip(), "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # those of the tests
    works(venv, tmp_path / "here", server)


@pytest.mark.long
def test_pip_installs_the_wheel_with_all_that_it_needs(wheel: Path, tmp_path: Path, server: Server) -> None:
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=tmp_path)
    run(venv / "bin" / "pip", "install", "--quiet", wheel, cwd=tmp_path)
    run(venv / "bin" / "pip", "check", cwd=tmp_path)
    works(venv, tmp_path / "here", server)


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", ".github/workflows/*.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/[!c]*.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_what_github_reads_is_valid(schema: str, pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    assert files
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files, cwd=ROOT)


def test_the_workflow_tests_each_python_that_is_claimed() -> None:
    claimed = {
        line.partition("Python :: ")[2].rstrip('",')
        for line in (ROOT / "pyproject.toml").read_text().splitlines()
        if '"Programming Language :: Python :: 3.' in line
    }
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    assert claimed
    quoted = [f'"{version}"' for version in sorted(claimed)]
    assert f"python: [{', '.join(quoted)}]" in workflow
