"""The table of the commands that answer questions about an archive; `command_table` has the others."""

from typing import Final

from mirror.program.command import DIR, JSON, SNAPSHOT, URL_AT_SNAPSHOT, Command, argument

QUERIES: Final[dict[str, Command]] = {
    "snapshots": Command("List the snapshots of an archive", (DIR, JSON)),
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
        "Counts pages, files and bytes by type, host, distance from a start and status, and lists the largest files and the "
        "snapshots up to this one. It asks the manifest alone. How long servers took to answer is not in an archive.",
    ),
    "why": Command(
        "Explain why a URL was fetched or not",
        (DIR, argument("url", metavar="URL", help="the URL to explain"), JSON),
        "Tells by which rule, where the URL was found, and since when the archive knows it. "
        "Exits with 0 if the archive has a copy of the URL, else with 1.",
    ),
}
"""Name -> command: the function `run` of the module `mirror.commands.queries.NAME`."""
