"""Replayed pages reach no other machine, by no means that Chromium has: a network of its own counts the packets."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import program
from tests.browser.leaving import ALL, PAGES, SITE, html
from tests.crawl.running import ROOT
from tests.replay.serving import mirrored
from tests.site import HTML, Site

OFTEN = ("image", "rules-prefetch", "rules-made", "link-preload", "ping", "beacon", "ice-stun", "ice-frame", "location")


@pytest.mark.parametrize("names", [OFTEN, pytest.param(tuple(ALL), marks=pytest.mark.long)], ids=["often", "all"])
def test_nothing_leaves(tmp_path: Path, names: tuple[str, ...]) -> None:
    program("chromium")
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("a network of its own takes root's rights, unshare and ip")
    site = Site().file("/", "".join(f"<a href='/{name}'>" for name in ALL), HTML)
    for name in ALL:
        site.file(f"/{name}", html(name), HTML)
    mirrored(tmp_path, {SITE: site}, f"{SITE}/")
    command = ["unshare", "-n", "-m", sys.executable, "-m", "tests.browser.leaving", str(tmp_path), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["replayed"] == []
    assert set(found["bare"]) >= {name for name in names if name in PAGES}  # without a policy, each of them does leave
    assert found["strange"] == []
