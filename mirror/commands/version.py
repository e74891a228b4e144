"""`websucker version [--verbose]`: the version of the program, and of everything that a run depends on."""

import locale
import platform
import sqlite3
import ssl
import subprocess
import sys
from argparse import Namespace
from contextlib import suppress
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as distribution
from pathlib import Path
from typing import Final

from mirror import __version__
from mirror.browser import chromium
from mirror.reports.exit_codes import Exit
from mirror.terminal.console import print_json, print_line

LIBRARIES: Final = (
    *("scrapy", "twisted", "pycurl", "lxml", "turbohtml", "ada-url", "w3lib", "tldextract", "brotli", "backports.zstd"),
    *("cryptography", "rich", "starlette", "uvicorn", "playwright", "pillow", "pypdf"),
)
"""Distributions whose versions may matter. Playwright and Pillow are for rendering and `compare` only, pypdf for `grep`."""

_PATIENCE: Final = 10.0  # seconds for Chromium to print its version
_NONE: Final = "not installed"


def run(given: Namespace) -> int:
    """One line, or one for each part."""
    found = {"websucker": __version__} | (parts() if given.verbose else {})
    if given.json:
        print_json(found)
        return Exit.WELL
    width = max(map(len, found)) if given.verbose else 0
    for name, text in found.items():
        print_line(f"{name:<{width}} {text}")
    return Exit.WELL


def parts() -> dict[str, str]:
    """What a run depends on -> its version."""
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": operating_system(),
        "encodings": f"file names {sys.getfilesystemencoding()}, text {locale.getpreferredencoding(do_setlocale=False)}",
        **{name: _version(name) for name in LIBRARIES},
        **curl(),
        "sqlite": sqlite3.sqlite_version,
        "ssl": ssl.OPENSSL_VERSION,
        "chromium": browser(),
    }


def operating_system() -> str:
    """The operating system, with the name of the distribution."""
    name = ""
    with suppress(OSError):
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return ", ".join(filter(None, (name, platform.platform())))


def curl() -> dict[str, str]:
    """libcurl with the libraries that it was built with, and the versions of HTTP that it speaks."""
    try:
        import pycurl  # noqa: PLC0415 - a report must be possible without it
    except ImportError as error:
        return {"libcurl": str(error)}
    features = pycurl.version_info()[4]
    spoken = {"HTTP/1.1": -1, "HTTP/2": pycurl.VERSION_HTTP2, "HTTP/3": pycurl.VERSION_HTTP3}
    versions = ", ".join(name for name, bit in spoken.items() if features & bit)
    return {"libcurl": pycurl.version.partition("libcurl/")[2], "http": versions}


def browser() -> str:
    """The Chromium that a crawl would use."""
    found = chromium.find()
    return f"{_answer(found)}, {found}" if found else "not found"


def _answer(program: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the browser that a crawl would start
            [program, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not start ({type(error).__name__})"
    return " ".join(done.stdout.split()) or f"it does not start (exit code {done.returncode})"


def _version(name: str) -> str:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return _NONE
