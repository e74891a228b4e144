"""`scrapy replay DIR`: serve an archive to browsers on this machine, each host at an origin of its own."""

import argparse
import errno
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from mirror.cli.archive_command import ArchiveCommand, open_archive
from mirror.core.replay.origins import Server
from mirror.reports.run_summary import Exit
from mirror.store.playback import Playback
from mirror.terminal.console import exit_with_error, print_line, print_message

if TYPE_CHECKING:
    from mirror.replay.certificates import Authority

_PORT = 8000
_PORTS = 65535


class Command(ArchiveCommand):
    """Runs until Ctrl-C, and then exits with 0. It prints the URL to open to stdout, and nothing else."""

    summary = "Serve an archive to browsers on this machine, every host and snapshot at an origin of its own"
    has_json = False

    def long_desc(self) -> str:
        return f"{self.summary}. It answers from the archive alone and makes no requests. Press Ctrl-C to stop it."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--port", type=int, default=_PORT, help=f"the port to listen on (default: {_PORT}; 0: any free port)"
        )
        parser.add_argument(
            "--host",
            metavar="ADDRESS",
            help="the address to listen on (default: loopback). On any other address, everyone who can reach it can read "
            "the archive",
        )

        parser.add_argument(
            "--https",
            action="store_true",
            help="serve https, with certificates of an authority that is made once and vouches for this machine only",
        )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from mirror.replay import process  # noqa: PLC0415 - only this command needs Starlette and uvicorn

        (folder,) = self.check_arguments(args, 1, 1)
        if not 0 <= opts.port <= _PORTS:
            exit_with_error(f"--port {opts.port}: a port is a number from 0 to {_PORTS}", Exit.USAGE)
        with open_archive(folder) as archive:
            try:
                sockets = process.open_sockets(opts.host, opts.port)
            except OSError as error:
                exit_with_error(_reason(error, opts), Exit.USAGE)
            if opts.host and not _is_loopback(opts.host):
                print_message(
                    f"Warning: everyone who can reach {opts.host} can read the archive; its links work on this machine only\n"
                )
            authority = _authority() if opts.https else None
            place = Server(sockets[0].getsockname()[1], "https" if authority else "http")

            def announce() -> None:
                print_line(place.root)
                sys.stdout.flush()
                print_message(f"Replaying {archive.root} at {place.root}; press Ctrl-C to stop\n")
                print_message(_trust(authority.file, place.root) if authority else "")

            process.serve(Playback(archive), place, sockets, announce, authority.context() if authority else None)


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


def _reason(error: OSError, opts: argparse.Namespace) -> str:
    """Why the server can't listen, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        return f"port {opts.port} is in use by another program: choose another with --port, or 0 for any free port"
    if error.errno == errno.EACCES:
        return f"you may not listen on port {opts.port}: choose a port above 1023 with --port"
    return f"can't listen on {opts.host or 'loopback'}: {error.strerror or error}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
