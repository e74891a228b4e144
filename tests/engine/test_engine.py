"""Our engine tells middlewares, spiders, pipelines and receivers of signals the same as Scrapy's, in the same order."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.site import Site, serve

SITE = Site()
for path in (
    "plain",
    "coroutine",
    "generator",
    "followed",
    "fails",
    "late",
    "nothing",
    "one",
    "again",
    "ignored",
    "wrong",
):
    SITE.page(f"/{path}")
for path in ("broken", "mended", "replaced", "refused", "dropped", "spoiled"):
    SITE.page(f"/{path}")

ALL_OLD = {
    "DOWNLOADER_MIDDLEWARES": {f"tests.engine.watched.{name}": n for n, name in enumerate(("Outer", "Old", "Inner"))}
}


def crawled(engine: str, settings: Mapping[str, Any]) -> Any:
    with serve(SITE) as server:
        command = [sys.executable, "-m", "tests.engine.watched", engine, server.url, json.dumps(settings)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="the short way"),
        pytest.param({"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "DOWNLOAD_DELAY": 0.01}, id="slots with a delay"),
        pytest.param(ALL_OLD, id="a middleware of old"),
        pytest.param({"SPIDER_MIDDLEWARES": {"tests.engine.watched.SpiderMiddleware": 1}}, id="a spider middleware"),
        pytest.param({"CONCURRENT_ITEMS": 3}, id="items side by side"),
        pytest.param({"DOWNLOADER": "scrapy.core.downloader.Downloader"}, id="another downloader"),
    ],
)
def test_components_are_told_the_same_as_by_scrapy(settings: Mapping[str, Any]) -> None:
    ours = crawled("ours", settings)
    assert ours == crawled("scrapy", settings)
    assert ours["happened"]["/plain"][-1] == "scraped ['first', 'second', 'url']"
    assert len(ours["happened"]) > 20
    assert "errback NotSupported" in ours["happened"]["/unsupported"]
