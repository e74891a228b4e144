"""The table of commands: what each is for, and its arguments. The parsers, the help, the man page, the completions of shells
and the commands of Scrapy are made from it.

A command NAME is the function `run` of the module `mirror.commands.NAME`, which takes the parsed arguments and returns the exit
code. Only the module of the command that runs is imported, so that a command starts as fast as its own work allows.
"""

from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple

CRAWL: Final = "crawl"
"""The command that `websucker URL...` means; `scrapy crawl mirror`. Its options are in `option_table`."""


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


SHELLS: Final = ("bash", "zsh", "fish")
_DIR: Final = argument("folder", metavar="DIR", help="the folder of the archive")
_JSON: Final = argument("--json", action="store_true", help="print JSON")
_NAMES: Final = argument(
    "--names",
    choices=("exact", "portable"),
    help="how to name files: exact (as in their URLs), or portable (so that the tree can be copied to Windows, macOS, a stick "
    "or a share) (default: as in the archive)",
)
_SNAPSHOT: Final = "a number, the time at which the run began (2026-11-24), or latest"

COMMANDS: Final[dict[str, Command]] = {
    "snapshots": Command("List the snapshots of an archive", (_DIR, _JSON)),
    "diff": Command(
        "Show what changed between two snapshots",
        (
            _DIR,
            argument("before", metavar="A", nargs="?", help=f"the earlier snapshot: {_SNAPSHOT}"),
            argument("now", metavar="B", nargs="?", help="the later snapshot"),
            argument("--html", metavar="FILE", help="write an HTML page that shows the changes in the text of pages"),
            _JSON,
        ),
        "Shows what was added, removed, changed and moved. Without A and B, compares the last two complete snapshots; "
        "with A alone, A and the newest. "
        "Signs: + added, - removed, * changed, > moved, ~ changed only in nonces, tokens and clocks (noise). "
        "Exits with 1 if there are differences other than noise, else with 0.",
    ),
    "why": Command(
        "Explain why a URL was fetched or not",
        (_DIR, argument("url", metavar="URL", help="the URL to explain"), _JSON),
        "Tells by which rule, where the URL was found, and since when the archive knows it. "
        "Exits with 0 if the archive has a copy of the URL, else with 1.",
    ),
    "checkout": Command(
        "Write a snapshot into a folder of its own",
        (
            _DIR,
            argument("snapshot", metavar="SNAPSHOT", help=_SNAPSHOT),
            argument("target", metavar="TARGET", help="a new or an empty folder"),
            _NAMES,
        ),
        "TARGET is a tree that opens offline, as the archive. It makes hard links instead of copies, so it takes "
        "little space if TARGET is on the same file system.",
    ),
    "replay": Command(
        "Serve an archive to browsers on this machine",
        (
            _DIR,
            argument(
                "--port",
                metavar="N",
                type=int,
                default=8000,
                help="the port to listen on (default: 8000; 0: any free port)",
            ),
            argument(
                "--host",
                metavar="ADDRESS",
                help="the address to listen on (default: loopback). On any other address, everyone who can reach it can read "
                "the archive",
            ),
            argument(
                "--https",
                action="store_true",
                help="serve https, with certificates of an authority that is made once and vouches for this machine only",
            ),
        ),
        "Every host and snapshot has an origin of its own. It answers from the archive alone and makes no requests. "
        "Press Ctrl-C to stop it.",
    ),
    "verify": Command(
        "Find damage, and with --repair fetch those files again",
        (
            _DIR,
            argument("--repair", action="store_true", help="repair the damage; nothing else is requested from servers"),
            _JSON,
        ),
        "Checks every stored object and the tree by hash. Exits with 0 if nothing is damaged or everything was "
        "repaired, with 1 if there is damage or something is lost for "
        "good.",
        crawls=True,
    ),
    "publish": Command(
        "Write the tree again from what is stored",
        (
            _DIR,
            argument(
                "--accept-loss",
                action="store_true",
                help="remove from the tree what the server no longer has, after a run that was held because of it",
            ),
            _NAMES,
        ),
        "Fetches nothing: it makes every file from DIR/.mirror, as a crawl would have left it.",
    ),
    "prune": Command(
        "Remove old snapshots, and what only they need",
        (
            _DIR,
            argument(
                "--keep",
                metavar="RULES",
                help="keep the snapshots that match any of these rules: last=N, daily=N, weekly=N, monthly=N, yearly=N, "
                "within=DURATION, separated by commas. Without it every snapshot stays, and only unused objects are "
                "removed",
            ),
            argument("--dry-run", action="store_true", help="show what would be removed, and change nothing"),
            _JSON,
        ),
        "The newest complete snapshot always stays, and so does an unfinished run.",
    ),
    "forget": Command(
        "Remove a URL for good, and never fetch it again",
        (_DIR, argument("url", metavar="URL", help="the URL; with a * at the end, all URLs with that prefix")),
        "Removes it from every snapshot, the tree, the objects, the copies, unfinished downloads and the database. A "
        "tombstone "
        "keeps it from being fetched again. Checkouts, backups, reports and logs are elsewhere: remove them yourself.",
    ),
    "compare": Command(
        "Compare the online site and the copy in a browser",
        (
            argument("folder", metavar="DIR", help="an archive, or a copy made by wget, HTTrack or another tool"),
            argument("url", metavar="URL", help="the online site; pages below it are compared"),
            argument(
                "--through",
                choices=("replay", "file", "server"),
                help="how to open the copy: replay, file, server (default: replay for an archive, server for other folders)",
            ),
            argument(
                "--pages", type=int, default=25, metavar="N", help="compare at most N pages (default: 25; 0: all)"
            ),
            argument(
                "--walk",
                action="store_true",
                help="find pages by the links of the online site instead of in the archive's manifest",
            ),
            argument(
                "--threshold",
                type=float,
                default=1.0,
                metavar="SHARE",
                help="the share of pages that have to match the original (default: 1)",
            ),
            argument(
                "--pixels",
                type=float,
                default=0.0,
                metavar="SHARE",
                help="the share of a page's pixels that may differ (default: 0)",
            ),
            argument("--html", metavar="FILE", help="write an HTML page that shows screenshots of both side by side"),
            argument("--browser", metavar="PATH", help="the Chromium to use (default: the installed one)"),
            argument(
                "--private",
                action="store_true",
                help="let a site on the internet make the browser connect to this machine and its network",
            ),
            _JSON,
        ),
        "Opens both page by page. Reports missing pages, requests that fail or leave the copy, script errors that the "
        "original does not have, different "
        "text and pixels. Needs Chromium and requirements-browser.txt. Exits with 0 if enough pages match the "
        "original, with 1 "
        "if too few do, with 3 if the site does not answer.",
        crawls=True,
    ),
    "help": Command(
        "Show the options, or explain a command",
        (argument("command", metavar="COMMAND", nargs="?", help="the command to explain, or all for all options"),),
        adapted=False,
    ),
    "completion": Command(
        "Print the completion for a shell",
        (argument("shell", metavar="SHELL", choices=SHELLS, help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}"),),
        'Put eval "$(websucker completion bash)" into ~/.bashrc; the same with zsh into ~/.zshrc, after compinit; for fish, '
        "put websucker completion fish | source into ~/.config/fish/config.fish.",
        adapted=False,
    ),
    "version": Command(
        "Show the version, and with --verbose those that matter",
        (
            argument(
                "--verbose", "-v", action="store_true", help="show the versions of everything that a run depends on"
            ),
            _JSON,
        ),
        "The report of an error needs the output of `websucker version --verbose`.",
        adapted=False,
    ),
    "man": Command("Print the man page: websucker man | man -l -", (), adapted=False),
}
"""Name -> command, in the order in which the help lists them."""


def function(name: str) -> Callable[[Namespace], int]:
    """Import the module of a command, and return the function that does its work."""
    run: Callable[[Namespace], int] = import_module(f"mirror.commands.{name}").run
    return run
