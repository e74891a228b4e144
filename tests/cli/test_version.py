"""`websucker version`: what a report of an error needs."""

import json
import os
import re
from importlib.metadata import version as distribution
from pathlib import Path

import pytest

import mirror
from mirror.commands import version
from tests.crawl.running import ROOT, websucker


def test_the_version_is_one_line() -> None:
    done = websucker("version")
    assert (done.code, done.stdout, done.stderr) == (0, f"websucker {mirror.__version__}\n", "")
    assert websucker("--version").stdout == done.stdout


def test_the_versions_of_all_that_matters() -> None:
    done = websucker("version", "--verbose")
    assert done.code == 0
    found = {line.split()[0]: line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    assert found["websucker"] == mirror.__version__
    assert found["scrapy"] == distribution("scrapy")
    assert found["python"].startswith("3.")
    assert re.match(r"\d+\.\d+\.\d+ .*SSL/", found["libcurl"])
    assert found["http"].startswith("HTTP/1.1")
    assert {"system", "sqlite", "ssl", "chromium", "encodings"} <= found.keys()
    assert json.loads(websucker("version", "-v", "--json").stdout) == found


def test_each_dependency_is_listed() -> None:
    names = {
        re.match(r"[\w.-]+", line)[0].lower()  # type: ignore[index]
        for file in ("requirements.txt", "requirements-browser.txt", "requirements-pdf.txt")
        for line in (ROOT / file).read_text().splitlines()
        if line and not line.startswith("#")
    }
    assert names - {"platformdirs"} <= set(version.LIBRARIES)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(version, "LIBRARIES", ("no-such-library",))
    assert version.parts()["no-such-library"] == "not installed"
    assert version.browser() == "not found"
    broken = tmp_path / "chromium"
    broken.write_text("#!/nowhere/sh\n")
    broken.chmod(0o755)
    assert version.browser() == f"it does not start (FileNotFoundError), {broken}"
    broken.write_text(f"#!{os.path.realpath('/bin/sh')}\nexit 3\n")
    assert version.browser() == f"it does not start (exit code 3), {broken}"
