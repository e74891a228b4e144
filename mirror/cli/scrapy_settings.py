"""The settings of Scrapy for a command that makes requests, and the process that crawls with them."""

import logging
from argparse import Namespace
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from scrapy.settings import Settings
from scrapy.utils.conf import arglist_to_dict
from scrapy.utils.project import get_project_settings
from twisted.logger import globalLogBeginner

from mirror.cli.usage_errors import UsageError

_NEAR: Final = 0.85


def find_settings(given: Namespace) -> Settings:
    """The settings of a command: those that Scrapy's command line made, else the project's and those of `-s` and `-L`.

    Raises `UsageError`.
    """
    if given.settings is not None:
        made: Settings = given.settings
        return made
    settings = get_project_settings()
    try:
        words = arglist_to_dict(given.set)
    except ValueError:
        raise UsageError("-s sets a setting: write it as -s NAME=VALUE") from None
    check_names(words, settings)
    settings.setdict(words, priority="cmdline")
    check_level(given.loglevel)
    if given.loglevel:
        settings.setdict({"LOG_ENABLED": True, "LOG_LEVEL": given.loglevel}, priority="cmdline")
    return settings


def check_names(words: Iterable[str], settings: Settings) -> None:
    """Raise `UsageError` for a setting that nobody reads and that is spelled almost like a known one, or like one of ours.

    Others may be read by a component of the user.
    """
    for word in words:
        if word in settings:
            continue
        near = get_close_matches(word.upper(), settings, 1, _NEAR)
        if near or word.startswith("MIRROR_"):
            meant = f": did you mean {near[0]}?" if near else ""
            raise UsageError(f"-s {word} is no setting{meant}")


def check_level(level: str | None) -> None:
    """Raise `UsageError` if there is no such log level."""
    if level and level not in logging.getLevelNamesMapping():
        raise UsageError(f"--loglevel {level} is unknown: use DEBUG, INFO, WARNING, ERROR or CRITICAL")


def silence_duplicate_logs() -> None:
    """Silence log lines about errors that the summary reports: tracebacks of bad certificates, advice on truncated bodies."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)  # Scrapy adds its own observer
    logging.getLogger("twisted").addFilter(lambda record: "while verifying certificate" not in record.getMessage())
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.ERROR)


_SILENT: Final = (
    "scrapy.utils._download_handlers",
    "mirror.transfer.download_handler",
    "mirror.transfer.base_transfer",
)
