"""The HTML pages that the replay server writes itself: the list of sites and the error pages. All text in them is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from rich.filesize import decimal

from mirror import __version__
from mirror.core.replay.origins import Server
from mirror.core.url.canonical import CanonicalURL, is_web
from mirror.reports.times import format_time
from mirror.store.manifest.history_records import Origin, SnapshotInfo


def list_page(
    server: Server,
    snapshots: Sequence[SnapshotInfo],
    shown: SnapshotInfo | None,
    origins: Sequence[Origin],
    starts: Sequence[tuple[CanonicalURL, str]],
) -> str:
    """The start page: start URLs and hosts of the snapshot that is `shown`, and a list of all snapshots."""
    if shown is None:
        return _page("Mirrored sites", "<p>This archive is empty: no crawl has started yet.\n")
    first = "".join(f"<li>{_link(server.place(start, shown.id) + route, start + route)}\n" for start, route in starts)
    rows = "".join(_origin_row(server, shown.id, one) for one in origins)
    hosts = f"<table>\n<tr><th>Host<th class=n>Pages<th class=n>Other files\n{rows}</table>\n" if rows else "<p>None.\n"
    days = "".join(_snapshot_row(server, one, is_shown=one.id == shown.id) for one in snapshots)
    return _page(
        "Mirrored sites",
        f"<p>Snapshot of <b>{escape(format_time(shown.started))}</b> UTC{_remark(shown)}.\n<ul class=first>\n{first}</ul>\n"
        f"<h2>Hosts</h2>\n{hosts}<h2>Snapshots</h2>\n"
        f"<table>\n<tr><th>Started (UTC)<th>Run<th class=n>Pages<th class=n>Files<th class=n>Size\n{days}</table>\n",
    )


def missing_page(
    server: Server, url: CanonicalURL, lines: Iterable[str], elsewhere: Iterable[tuple[str, str]], when: str
) -> str:
    """Report that a URL is not in a snapshot.

    `lines` say what is known about it; `elsewhere` are pairs (URL in the replay server, description) of other copies.
    """
    known = "".join(f"<li>{escape(line)}\n" for line in lines)
    others = "".join(f"<li>{_link(place, text)}\n" for place, text in elsewhere)
    live = f'<p><a href="{escape(url)}" rel="noreferrer">Open the live page</a> (leaves the archive).\n'
    return _page(
        "Not in the archive",
        f"<p class=url>{escape(url)}\n<p>The snapshot of {escape(when)} has no copy of this URL.\n"
        + (f"<ul>\n{known}</ul>\n" if known else "")
        + (f"<p>Other copies in this archive:\n<ul>\n{others}</ul>\n" if others else "")
        + (live if is_web(url) else "")
        + _back(server),
    )


def plain_page(server: Server, title: str, text: str) -> str:
    """A page with one sentence."""
    return _page(title, f"<p>{escape(text)}\n{_back(server)}")


def _back(server: Server) -> str:
    return f"<p>{_link(server.root, 'List of all sites in the archive')}\n"


def _link(place: str, text: str) -> str:
    return f'<a href="{escape(place)}">{escape(text)}</a>'


def _origin_row(server: Server, snapshot: int, one: Origin) -> str:
    name = _link(server.place(one.first, snapshot), one.name)
    return f"<tr><td>{name}<td class=n>{one.pages:,}<td class=n>{one.files:,}\n"


def _snapshot_row(server: Server, one: SnapshotInfo, *, is_shown: bool) -> str:
    started = escape(format_time(one.started))
    name = f"<b>{started}</b>" if is_shown else _link(f"{server.root}?snapshot={one.id}", started)
    n = one.numbers
    numbers = "".join(f"<td class=n>{number}" for number in (f"{n.pages:,}", f"{n.files:,}", decimal(n.size)))
    return f"<tr><td>{name}<td>{escape(one.outcome)}{numbers}\n"


def _remark(shown: SnapshotInfo) -> str:
    return "" if shown.outcome == "complete" else f" (run {escape(shown.outcome)})"


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), body=body, version=__version__)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="Websucker {version}">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.05em/1.6 system-ui, sans-serif; margin: 3em auto; max-width: 46em; padding: 0 1em }}
h1 {{ line-height: 1.2 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #8886; padding: .25em .8em .25em 0; text-align: left; overflow-wrap: anywhere }}
.n {{ font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap }}
.first {{ font-size: 1.2em }}
.url {{ font-weight: bold }}
.url, li {{ overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
{body}</html>
"""
