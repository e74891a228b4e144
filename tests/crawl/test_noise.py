"""Runs tell changes that say nothing from the others: in the summary, in `snapshots` and in `diff`."""

import json
from itertools import count
from pathlib import Path

from tests.crawl.running import mirror, scrapy
from tests.site import Handler, Page, Site, serve

PAGE = '<title>Tides</title><script nonce="n{0}">a()</script><p>{1}<p>Page generated in 0.{0} s\n<a href=/a>x</a>'


def test_noise_is_told_apart_and_kept(tmp_path: Path) -> None:
    visits = count(10)
    texts = {"/": "Ebb", "/a": "Flood"}

    def answer(handler: Handler) -> None:
        html = PAGE.format(next(visits), texts[handler.path])
        handler.reply(Page(200, {"Content-Type": "text/html"}, html.encode()))

    site = Site({"/": answer, "/a": answer})
    with serve(site) as server:
        mirror(server.url, tmp_path)
        texts["/a"] = "High water"
        second = mirror(server.url, tmp_path)
        shown = scrapy("diff", str(tmp_path))
        third = mirror(server.url, tmp_path)
    assert "Since the previous snapshot: 1 changed, 1 changed in noise only; " in second.stderr
    assert (shown.code, shown.stdout.splitlines()) == (1, [f"~ {server.url}/", f"* {server.url}/a"])
    assert "Since the previous snapshot: 2 changed in noise only; " in third.stderr
    last = scrapy("diff", str(tmp_path), "--json")
    assert (last.code, [one["kind"] for one in json.loads(last.stdout)["differences"]]) == (0, ["noise", "noise"])
    listed = json.loads(scrapy("snapshots", str(tmp_path), "--json").stdout)
    assert [(one["numbers"]["changed"], one["numbers"]["noise"]) for one in listed] == [(0, 0), (2, 1), (2, 2)]
    objects = [path.read_text() for path in (tmp_path / ".mirror" / "objects").glob("??/*")]
    assert all(
        any(f'"n{visit}"' in text for text in objects) for visit in range(10, next(visits))
    )  # the bytes are all there


def test_a_change_of_what_is_no_page_is_no_noise(tmp_path: Path) -> None:
    site = Site().page("/", links=["/t.txt"]).file("/t.txt", b"Page generated in 0.1 s", "text/plain")
    with serve(site) as server:
        mirror(server.url, tmp_path)
        site.file("/t.txt", b"Page generated in 0.2 s", "text/plain")
        assert "Since the previous snapshot: 1 changed; " in mirror(server.url, tmp_path).stderr
