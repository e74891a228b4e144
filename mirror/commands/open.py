"""`websucker open DIR [URL[@SNAPSHOT]]`: open an archive in the user's browser, as `replay` serves it."""

import sys
import webbrowser
from argparse import Namespace
from threading import Thread

from mirror.cli.archive_command import find_snapshot
from mirror.cli.archived_url import find_url_and_snapshot, find_version
from mirror.cli.open_archive import open_archive
from mirror.core.replay.origins import Server
from mirror.replay import process
from mirror.reports.exit_codes import Exit
from mirror.store.archive import Archive
from mirror.store.playback import Playback
from mirror.terminal.console import exit_with_error, print_line, print_message


def run(given: Namespace) -> int:
    """Serves until Ctrl-C, and then exits with 0. It prints the opened URL to stdout, and nothing else."""
    with open_archive(given.folder) as archive:
        try:
            sockets = process.open_sockets(None, 0)
        except OSError as error:
            exit_with_error(f"can't listen on loopback: {error.strerror or error}", Exit.USAGE)
        server = Server(sockets[0].getsockname()[1])
        place = _place(archive, given, server)

        def announce() -> None:
            print_line(place)
            sys.stdout.flush()
            print_message(f"Replaying {archive.root}; press Ctrl-C to stop\n")
            Thread(
                target=_open, args=(place,), daemon=True
            ).start()  # a browser in the terminal keeps its caller waiting

        process.serve(Playback(archive), server, sockets, announce)
    return Exit.WELL


def _place(archive: Archive, given: Namespace, server: Server) -> str:
    """The URL of the replay server that is to be opened."""
    if given.url is None:
        chosen = given.snapshot and find_snapshot(archive, given.snapshot).id
        return f"{server.root}?snapshot={chosen}" if chosen else server.root
    url, snapshot = find_url_and_snapshot(archive, given.url, given.snapshot)
    return server.place(find_version(archive, url, snapshot).url, snapshot.id)


def _open(place: str) -> None:
    """Open a URL in the browser that the user prefers (`BROWSER`, else that of the desktop)."""
    try:
        is_open = webbrowser.open(place)
    except webbrowser.Error:
        is_open = False
    if not is_open:
        print_message(f"No browser could be started: open {place} yourself\n")
