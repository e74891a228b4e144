"""The table of commands: what each is for, and its arguments. The parsers, the help, the man page, the completions of shells
and the commands of Scrapy are made from it.

A command NAME is the function `run` of the module `mirror.commands.NAME`, or `mirror.commands.queries.NAME`. It takes the
parsed arguments and returns the exit code. Only the module of the command that runs is imported, so that a command starts as
fast as its own work allows.
"""

from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from typing import Final

from mirror.cli.option_table import OPTIONS, flag
from mirror.program.command import DIR, JSON, SNAPSHOT, Argument, Command, argument
from mirror.program.query_table import LINK_OPTIONS, QUERIES

CRAWL: Final = "crawl"
"""The command that `websucker URL...` means; `scrapy crawl mirror`. Its options are in `option_table`."""


SHELLS: Final = ("bash", "zsh", "fish")
_NAMES: Final = argument(
    "--names",
    choices=("exact", "portable"),
    help="how to name files: exact (as in their URLs), or portable (so that the tree can be copied to Windows, macOS, a stick "
    "or a share) (default: as in the archive)",
)


def _of_crawl(name: str) -> Argument:
    """Return an option of a crawl as that of a command."""
    option = OPTIONS[name]
    return argument(flag(name), metavar=option.value, help=option.description.replace("`", ""))


COMMANDS: Final[dict[str, Command]] = {
    **QUERIES,
    "checkout": Command(
        "Write a snapshot into a folder of its own",
        (
            DIR,
            argument("snapshot", metavar="SNAPSHOT", help=SNAPSHOT),
            argument("target", metavar="TARGET", help="a new or an empty folder"),
            _NAMES,
        ),
        "TARGET is a tree that opens offline, as the archive. It makes hard links instead of copies, so it takes "
        "little space if TARGET is on the same file system.",
    ),
    "replay": Command(
        "Serve an archive to browsers on this machine",
        (
            DIR,
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
    "open": Command(
        "Open an archive in the browser, or one of its pages",
        (
            DIR,
            argument("url", metavar="URL[@SNAPSHOT]", nargs="?", help="the page to open (default: the list of sites)"),
            argument("--snapshot", metavar="SNAPSHOT", help=f"the snapshot: {SNAPSHOT}"),
        ),
        "Serves the archive as replay does, at any free port, and opens the page in your browser: the one that BROWSER names, "
        "or that of the desktop. If none can be started, open the URL that it prints. Press Ctrl-C to stop it.",
    ),
    "verify": Command(
        "Find damage, and with --repair fetch those files again",
        (
            DIR,
            argument("--repair", action="store_true", help="repair the damage; nothing else is requested from servers"),
            JSON,
        ),
        "Checks every stored object and the tree by hash. Exits with 0 if nothing is damaged or everything was "
        "repaired, with 1 if there is damage or something is lost for "
        "good.",
        crawls=True,
    ),
    "publish": Command(
        "Write the tree again from what is stored",
        (
            DIR,
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
            DIR,
            argument(
                "--keep",
                metavar="RULES",
                help="keep the snapshots that match any of these rules: last=N, daily=N, weekly=N, monthly=N, yearly=N, "
                "within=DURATION, separated by commas. Without it every snapshot stays, and only unused objects are "
                "removed",
            ),
            argument("--dry-run", action="store_true", help="show what would be removed, and change nothing"),
            JSON,
        ),
        "The newest complete snapshot always stays, and so does an unfinished run.",
    ),
    "forget": Command(
        "Remove a URL for good, and never fetch it again",
        (DIR, argument("url", metavar="URL", help="the URL; with a * at the end, all URLs with that prefix")),
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
            JSON,
        ),
        "Opens both page by page. Reports missing pages, requests that fail or leave the copy, script errors that the "
        "original does not have, different "
        "text and pixels. Needs Chromium and requirements-browser.txt. Exits with 0 if enough pages match the "
        "original, with 1 "
        "if too few do, with 3 if the site does not answer.",
        crawls=True,
    ),
    "check": Command(
        "Find the broken links of a site, and keep nothing",
        (
            argument(
                "url",
                metavar="URL",
                nargs="+",
                help="where to start, or a folder with the files of a site; the links of the whole site are checked",
            ),
            *LINK_OPTIONS,
            *map(_of_crawl, ("scope", "also", "depth", "limit", "include", "exclude")),
            *map(_of_crawl, ("delay", "connections", "render", "cookies", "user_agent")),
        ),
        "Mirrors the site into a temporary archive, which is removed in the end, and reports on it as `links` does. It asks "
        "whether pictures, media and downloads are there, and does not fetch them. To look at a site with other options, "
        "mirror it and run `links`. Exits as `links` does, and with 3 if no start could be fetched.",
        crawls=True,
        adapted=False,
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
            JSON,
        ),
        "The report of an error needs the output of `websucker version --verbose`.",
        adapted=False,
    ),
    "man": Command("Print the man page: websucker man | man -l -", (), adapted=False),
}
"""Name -> command, in the order in which the help lists them."""


def function(name: str) -> Callable[[Namespace], int]:
    """Import the module of a command, and return the function that does its work."""
    room = "mirror.commands.queries" if name in QUERIES else "mirror.commands"
    run: Callable[[Namespace], int] = import_module(f"{room}.{name}").run
    return run
