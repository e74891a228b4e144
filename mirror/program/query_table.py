"""The table of the commands that answer questions about an archive; `command_table` has the others."""

from typing import Final

from mirror.program.command import DIR, JSON, SNAPSHOT, URL_AT_SNAPSHOT, Command, argument

LINK_OPTIONS: Final = (
    argument(
        "--format",
        choices=("text", "json", "csv", "html", "junit", "sarif", "markdown"),
        default="text",
        help="what to print: text, json, csv, html, junit, sarif or markdown (default: text)",
    ),
    argument("--json", action="store_const", const="json", dest="format", help="print JSON"),
    argument(
        "--show",
        metavar="KINDS",
        help="the kinds of problems to list, separated by commas, or all (default: all but skipped)",
    ),
    argument(
        "--fail-on",
        metavar="KINDS",
        help="exit with 1 if there is a problem of these kinds; all, or none (default: broken,fragment)",
    ),
    argument(
        "--ignore",
        metavar="FILE",
        help="a file with problems that are expected: on each line a kind or *, a URL in which * stands for "
        "anything, and the reason behind ' # '",
    ),
    argument(
        "--external",
        action="store_true",
        help="ask about what leaves the mirror: each URL once, with HEAD, politely; robots.txt is obeyed",
    ),
    argument(
        "--by", choices=("cause", "page"), default="cause", help="list text by cause, or by page (default: cause)"
    ),
    argument(
        "--places",
        type=int,
        default=10,
        metavar="N",
        help="list at most N places of each problem in text and Markdown (default: 10; 0: all)",
    ),
)
"""The options of `links`, which `check` has, too."""

QUERIES: Final[dict[str, Command]] = {
    "snapshots": Command("List the snapshots of an archive", (DIR, JSON)),
    "status": Command(
        "Show whether a run is going on and well",
        (argument("folders", metavar="DIR", nargs="+", help="the folder of an archive, or several"), JSON),
        "Shows where and since when it runs, how far it is, which hosts it waits for and why, the last runs, and the disk. "
        "A run is silent if its process is gone or has not written its heartbeat for a minute. "
        "Exits with 0 if all is well, with 1 if a run is silent, failed or held, with 4 if an archive can't be read.",
    ),
    "diff": Command(
        "Show what changed between two snapshots",
        (
            DIR,
            argument("before", metavar="A", nargs="?", help=f"the earlier snapshot: {SNAPSHOT}"),
            argument("now", metavar="B", nargs="?", help="the later snapshot"),
            argument("--html", metavar="FILE", help="write an HTML page that shows the changes in the text of pages"),
            JSON,
        ),
        "Shows what was added, removed, changed and moved. Without A and B, compares the last two complete snapshots; "
        "with A alone, A and the newest. "
        "Signs: + added, - removed, * changed, > moved, ~ changed only in nonces, tokens and clocks (noise). "
        "Exits with 1 if there are differences other than noise, else with 0.",
    ),
    "log": Command(
        "Show every version of a URL, and what changed in it",
        (
            DIR,
            argument("url", metavar="URL", help="the URL"),
            argument("--patch", "-p", action="store_true", help="show all changes of the text, as a unified diff"),
            argument("--number", "-n", metavar="N", type=int, help="show the newest N versions only"),
            JSON,
        ),
        "The newest version comes first. Of each: the snapshots that show it, when the first of them began, the status, the "
        "size, the beginning of the SHA-256, the title, what happened to it (new, changed, gone, back, moved), and the first "
        "lines that changed in its text. Exits with 1 if the archive has no version of the URL.",
    ),
    "show": Command(
        "Write what the archive has of a URL to stdout",
        (
            DIR,
            URL_AT_SNAPSHOT,
            argument("--snapshot", metavar="SNAPSHOT", help=f"the snapshot: {SNAPSHOT}"),
            argument("--text", action="store_true", help="write the text that a reader of the page sees"),
            argument("--headers", action="store_true", help="write the status and the headers, without cookies"),
        ),
        "Writes the body as it was received, without a content-coding. What stands behind the last @ is a snapshot if there is "
        "one of that name, unless the archive knows the whole text as a URL; --snapshot leaves no doubt. Without a snapshot, "
        "shows the newest complete one. Exits with 1 if the snapshot has no copy, and says which snapshots have one.",
    ),
    "stats": Command(
        "Show what a snapshot consists of, and how it grew",
        (
            DIR,
            argument(
                "--snapshot", metavar="SNAPSHOT", help=f"the snapshot: {SNAPSHOT} (default: the newest complete one)"
            ),
            argument("--html", metavar="FILE", help="write an HTML page with pictures"),
            JSON,
        ),
        "Counts pages, files and bytes by type, host, distance from a start and status, and lists the largest files, the "
        "slowest answers and the snapshots up to this one. It asks the manifest alone.",
    ),
    "why": Command(
        "Explain why a URL was fetched or not",
        (DIR, argument("url", metavar="URL", help="the URL to explain"), JSON),
        "Tells by which rule, where the URL was found, and since when the archive knows it. "
        "Exits with 0 if the archive has a copy of the URL, else with 1.",
    ),
    "links": Command(
        "Report broken links, with the pages they stand on",
        (
            DIR,
            argument(
                "--snapshot", metavar="SNAPSHOT", help=f"the snapshot: {SNAPSHOT} (default: the newest complete one)"
            ),
            *LINK_OPTIONS,
            argument(
                "--external-age",
                metavar="TIME",
                default="7d",
                help="do not ask again about what was asked within this time, such as 12h or 7d (default: 7d; 0s: ask always)",
            ),
        ),
        "Reads the documents of the archive; asks no server, unless --external is given. The kinds: broken (nothing is "
        "there), fragment (the page has no such id or name), mixed (a page of https loads by http), redirect (it has moved "
        "for good), unclear (the server refuses to say: 401, 403, 407, 429, 999), skipped (a rule of the run), orphan (no "
        "page links to this page), duplicate (one page at several URLs). Exits with 1 if there is a problem that --fail-on "
        "names, else with 0.",
        crawls=True,
    ),
    "grep": Command(
        "Find words in the text of the pages",
        (
            DIR,
            argument(
                "pattern",
                metavar="PATTERN",
                nargs="*",
                help='the words to find, in any order; "next to each other", begin*, one OR other, NOT word',
            ),
            argument(
                "--snapshot", metavar="SNAPSHOT", help=f"search this one: {SNAPSHOT} (default: the newest complete one)"
            ),
            argument("--all-snapshots", action="store_true", help="search every snapshot"),
            argument(
                "--url",
                metavar="GLOB",
                help="search pages whose URL matches: * stands for any text, ? for a character, as in 'example.org/docs/*'",
            ),
            argument(
                "--type",
                metavar="LIST",
                help="search documents of these kinds only: html, pdf, text, separated by commas",
            ),
            argument(
                "--limit",
                metavar="N",
                type=int,
                help="list at most N pages; 0: all (default: 20; all with -l and --json)",
            ),
            argument("--list", "-l", action="store_true", help="print the URLs only"),
            argument("--count", "-c", action="store_true", help="print the number of pages only"),
            argument(
                "--index",
                action="store_true",
                help="bring the search index up to date; without PATTERN, do nothing else",
            ),
            JSON,
        ),
        "Case and accents don't matter. Prints the best matches first: each URL, the first and the last snapshot in which "
        "it has the words, and the text around them. The first search makes an index in DIR/.mirror, and later ones add what "
        "is new. Exits with 0 if a page was found, with 1 if none was, with 4 if none was and texts could not be read.",
    ),
}
"""Name -> command: the function `run` of the module `mirror.commands.queries.NAME`."""
