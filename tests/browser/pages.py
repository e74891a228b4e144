"""Open pages in a browser, and compare screenshots of the site and the copy."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image, ImageChops
from playwright.sync_api import BrowserContext, Page

Got = TypeVar("Got")

NOISE = 2
"""Levels (of 255) by which a colour may differ. Chromium does not always paint a rounded border the same, to one level."""


@dataclass
class Opened:
    """An opened page: its screenshot and what went wrong."""

    picture: bytes = b""
    failed: list[str] = field(default_factory=list)
    network: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def opened(context: BrowserContext, url: str, *, picture: bool = True, idle: bool = False) -> Opened:
    """Open a page, take a screenshot, and close it. With `idle`, first wait until it makes no more requests."""
    result = Opened()
    page = context.new_page()
    _listen(page, result)
    page.goto(url, wait_until="networkidle" if idle else "load")
    if picture:
        result.picture = page.screenshot(animations="disabled")
    page.close()
    return result


def _listen(page: Page, result: Opened) -> None:
    page.on("requestfailed", lambda request: result.failed.append(request.url))
    page.on("response", lambda response: result.failed.append(response.url) if response.status >= 400 else None)
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else result.network.append(r.url))
    page.on("pageerror", lambda error: result.errors.append(str(error)))


def file_url(path: Path) -> str:
    return path.resolve().as_uri()


def same_picture(one: bytes, other: bytes) -> bool:
    """Whether two PNGs are the same, apart from `NOISE`."""
    if one == other:
        return True
    pictures = [Image.open(BytesIO(png)).convert("RGB") for png in (one, other)]
    if pictures[0].size != pictures[1].size:
        return False
    difference = ImageChops.difference(*pictures).tobytes()
    return max(difference) <= NOISE


def alone(made: Coroutine[Any, Any, Got]) -> Got:
    """Run a coroutine in a new thread, because the browser of the other tests has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, made).result()
