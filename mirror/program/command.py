"""What a command is: a line that says what it does, and its arguments."""

from typing import Any, Final, NamedTuple


class Argument(NamedTuple):
    """An argument of a command, as `argparse` takes it: its names, and the keywords of `add_argument`."""

    names: tuple[str, ...]
    keywords: dict[str, Any]

    @property
    def is_option(self) -> bool:
        return self.names[0].startswith("-")


def argument(*names: str, **keywords: Any) -> Argument:
    return Argument(names, keywords)


class Command(NamedTuple):
    """A command: a line that says what it does, its arguments, and what else the help of the command says.

    `crawls`: the command makes requests, and takes settings of Scrapy. `adapted`: `scrapy` has it, too.
    """

    summary: str
    arguments: tuple[Argument, ...]
    details: str = ""
    crawls: bool = False
    adapted: bool = True


DIR: Final = argument("folder", metavar="DIR", help="the folder of the archive")
JSON: Final = argument("--json", action="store_true", help="print JSON")
SNAPSHOT: Final = "a number, the time at which the run began (2026-11-24), or latest"
"""How users name a snapshot (`archive_command.find_snapshot`)."""
URL_AT_SNAPSHOT: Final = argument(
    "url", metavar="URL[@SNAPSHOT]", help=f"the URL, and behind an @ the snapshot: {SNAPSHOT}"
)
"""A URL as a snapshot shows it (`archived_url.find_url_and_snapshot`)."""
