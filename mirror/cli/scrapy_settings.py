"""The settings of Scrapy for a command that makes requests, and the process that crawls with them."""

import logging
from argparse import Namespace

from scrapy.settings import Settings
from scrapy.utils.conf import arglist_to_dict
from scrapy.utils.project import get_project_settings

from mirror.cli.usage_errors import UsageError


def find_settings(given: Namespace) -> Settings:
    """The settings of a command: those that Scrapy's command line made, else the project's and those of `-s` and `-L`.

    Raises `UsageError`.
    """
    if given.settings is not None:
        made: Settings = given.settings
        return made
    settings = get_project_settings()
    try:
        settings.setdict(arglist_to_dict(given.set), priority="cmdline")
    except ValueError:
        raise UsageError("-s sets a setting: write it as -s NAME=VALUE") from None
    check_level(given.loglevel)
    if given.loglevel:
        settings.setdict({"LOG_ENABLED": True, "LOG_LEVEL": given.loglevel}, priority="cmdline")
    return settings


def check_level(level: str | None) -> None:
    """Raise `UsageError` if there is no such log level."""
    if level and level not in logging.getLevelNamesMapping():
        raise UsageError(f"--loglevel {level} is unknown: use DEBUG, INFO, WARNING, ERROR or CRITICAL")
