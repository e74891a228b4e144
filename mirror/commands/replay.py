"""`scrapy replay DIR`: serve an archive on this machine, each host at an origin of its own."""

import argparse
import errno
import sys
from ipaddress import ip_address

from mirror.cli.archive_command import ArchiveCommand, open_archive
from mirror.core.replay.origins import Server
from mirror.reports.run_summary import Exit
from mirror.store.playback import Shelf
from mirror.terminal.console import exit_with_error, print_line, tell

_PORT = 8000
_PORTS = 65535


class Command(ArchiveCommand):
    """Runs until Ctrl-C, which is a good end. stdout gets the URL to open, and nothing else."""

    summary = "Serve an archive for browsers on this machine, every host and every snapshot at an origin of its own"
    has_json = False

    def long_desc(self) -> str:
        return f"{self.summary}. It answers from the archive only, and asks nobody for anything. Ctrl-C ends it."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--port", type=int, default=_PORT, help=f"the port to listen at (default: {_PORT}; 0: a free one)"
        )
        parser.add_argument(
            "--host",
            metavar="ADDRESS",
            help="the address to listen at (default: loopback). At any other one the archive is open to all who reach it",
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from mirror.replay import server  # noqa: PLC0415 - Starlette and uvicorn are for this command alone

        (folder,) = self.check_arguments(args, 1, 1)
        if not 0 <= opts.port <= _PORTS:
            exit_with_error(f"--port {opts.port}: a port is a number from 0 to {_PORTS}", Exit.USAGE)
        with open_archive(folder) as archive:
            try:
                sockets = server.listening(opts.host, opts.port)
            except OSError as error:
                exit_with_error(_why_not(error, opts), Exit.USAGE)
            if opts.host and not _is_loopback(opts.host):
                tell(f"Warning: all who reach {opts.host} can read the archive; its links only work on this machine\n")
            place = Server(sockets[0].getsockname()[1])

            def begun() -> None:
                print_line(place.root)
                sys.stdout.flush()
                tell(f"Replaying {archive.root} at {place.root}; Ctrl-C ends it\n")

            server.serve(Shelf(archive), place, sockets, begun)


def _why_not(error: OSError, opts: argparse.Namespace) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {opts.port} is taken by another program: choose one with --port, or 0 for a free one"
    if error.errno == errno.EACCES:
        return f"port {opts.port} is not for every user: choose one over 1023 with --port"
    return f"can't listen at {opts.host or 'loopback'}: {error.strerror or error}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
