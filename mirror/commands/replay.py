"""`websucker replay DIR`: serve an archive to browsers on this machine, each host at an origin of its own."""

import errno
import sys
from argparse import Namespace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from mirror.cli.open_archive import open_archive
from mirror.core.replay.origins import Server
from mirror.replay import process
from mirror.reports.exit_codes import Exit
from mirror.store.playback import Playback
from mirror.terminal.console import exit_with_error, print_line, print_message

if TYPE_CHECKING:
    from mirror.replay.certificates import Authority

_PORTS = 65535


def run(given: Namespace) -> int:
    """Runs until Ctrl-C, and then exits with 0. It prints the URL to open to stdout, and nothing else."""
    if not 0 <= given.port <= _PORTS:
        exit_with_error(f"--port {given.port}: a port is a number from 0 to {_PORTS}", Exit.USAGE)
    with open_archive(given.folder) as archive:
        try:
            sockets = process.open_sockets(given.host, given.port)
        except OSError as error:
            exit_with_error(_reason(error, given), Exit.USAGE)
        if given.host and not _is_loopback(given.host):
            print_message(
                f"Warning: everyone who can reach {given.host} can read the archive; its links work on this machine only\n"
            )
        authority = _authority() if given.https else None
        place = Server(sockets[0].getsockname()[1], "https" if authority else "http")

        def announce() -> None:
            print_line(place.root)
            sys.stdout.flush()
            print_message(f"Replaying {archive.root} at {place.root}; press Ctrl-C to stop\n")
            print_message(_trust(authority.file, place.root) if authority else "")

        process.serve(Playback(archive), place, sockets, announce, authority.context() if authority else None)
    return Exit.WELL


def _authority() -> "Authority":
    """Return the authority of this user."""
    from mirror.replay.certificates import Authority  # noqa: PLC0415 - only this option needs cryptography

    folder = user_data_path("websucker", appauthor=False) / "replay"
    try:
        return Authority.at(folder)
    except OSError as error:
        exit_with_error(f"can't keep the certificate for --https in {folder}: {error.strerror or error}", Exit.USAGE)


def _trust(file: Path, root: str) -> str:
    return (
        f"To trust its certificates, import {file} into the browser as an authority for websites.\n"
        f"It vouches for this machine only. With curl: curl --cacert '{file}' {root}\n"
    )


def _reason(error: OSError, given: Namespace) -> str:
    """Why the server can't listen, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        return f"port {given.port} is in use by another program: choose another with --port, or 0 for any free port"
    if error.errno == errno.EACCES:
        return f"you may not listen on port {given.port}: choose a port above 1023 with --port"
    return f"can't listen on {given.host or 'loopback'}: {error.strerror or error}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
