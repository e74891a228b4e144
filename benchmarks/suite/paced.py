"""A server that delays its responses, or whose site has no end. It is a separate program, based on asyncio.

    python -m benchmarks.suite.paced --port N --log FILE [--delay SECONDS] [--folder DIR] [--endless N] [--hosts HOST ...]
        [--most N]

With `--folder` it serves files from memory; of several hosts, each has the folder of its name. With `--endless` it serves two
sites of pages with N links each: below `/many/`, each page links to N pages that no other page links to; below `/few/`, all
pages link to the same N. With `--most`, a host answers so many requests at a time, and others wait: more connections gain
nothing. The log has a line for each response, in the format that `serving` reads.
"""

import argparse
import asyncio
import mimetypes
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

Answer = Callable[[str], tuple[int, str, bytes]]
"""A path -> status, media type, body."""

MISSING: Final = (404, "text/html", b"<!DOCTYPE html><title>Not found</title>")
NAME: Final = "/{site}/articles/on-the-keeping-of-records-{n:08d}.html"
NUMBER: Final = re.compile(r"/(few|many)/(?:articles/on-the-keeping-of-records-(\d{8,})\.html)?")


def files(folder: Path) -> Answer:
    """Serve the files of a folder, and `index.html` for a folder itself."""
    bodies = {f"/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    bodies |= {path.removesuffix("index.html"): body for path, body in bodies.items() if path.endswith("/index.html")}

    def answer(path: str) -> tuple[int, str, bytes]:
        media_type = mimetypes.guess_type(path)[0] or "text/html"
        return (200, media_type, bodies[path]) if path in bodies else MISSING

    return answer


def endless(links: int) -> Answer:
    """Serve pages that are generated for each request."""

    def answer(path: str) -> tuple[int, str, bytes]:
        found = NUMBER.fullmatch(path)
        if not found:
            return MISSING
        site, page = found[1], int(found[2] or 0)
        first = page * links + 1 if site == "many" else 1
        body = "\n".join(
            f'<li><a href="{NAME.format(site=site, n=n)}">Article {n}</a></li>' for n in range(first, first + links)
        )
        return 200, "text/html", f"<!DOCTYPE html><title>Article {page}</title><ul>\n{body}\n</ul>".encode()

    return answer


@dataclass(frozen=True, slots=True)
class Host:
    """A host: its answers, how many seconds each of them takes, and how many it gives at a time."""

    answer: Answer
    delay: float
    turns: asyncio.Semaphore
    log: TextIO

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection one after the other."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                method, target, version = head.split("\r\n", 1)[0].split(" ")
                async with self.turns:
                    await asyncio.sleep(self.delay)
                status, media_type, body = self.answer(target.partition("?")[0])
                stays = version == "HTTP/1.1" and "connection: close" not in head.lower()
                reply = b"HTTP/1.1 %d \r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s" % (
                    status,
                    media_type.encode(),
                    len(body),
                    b"keep-alive" if stays else b"close",
                    b"" if method == "HEAD" else body,
                )
                self.log.write(f"{method} {target} {status} {len(reply)}\n")
                writer.write(reply)
                await writer.drain()
                if not stays:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the tool closed the connection
        finally:
            writer.close()


async def serve(hosts: Mapping[str, Host], port: int) -> None:
    """Serve hosts by their addresses."""
    async with AsyncExitStack() as stack:
        for address, host in hosts.items():
            server = await asyncio.start_server(host.converse, address, port, backlog=1024)
            await stack.enter_async_context(server)
            await server.start_serving()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve files after a delay, or a site without an end.")
    parser.add_argument("--hosts", nargs="+", default=["127.0.0.1"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--most", type=int, default=sys.maxsize)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--endless", type=int, default=0)
    options = parser.parse_args()
    with options.log.open("a", buffering=1) as log:
        hosts = {}
        for address in options.hosts:
            folder = options.folder and options.folder / (address if len(options.hosts) > 1 else "")
            answer = files(folder) if folder else endless(options.endless)
            hosts[address] = Host(answer, options.delay, asyncio.Semaphore(options.most), log)
        asyncio.run(serve(hosts, options.port))


if __name__ == "__main__":
    main()
