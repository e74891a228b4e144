"""A small internet in a network namespace: `unshare --net --mount python -m tests.hostile.internet FOLDER WORD...`.

The loopback device of the namespace gets real public addresses, and no packet leaves it. The only name server is the one here.
The program mirrors a site there and prints the result as JSON: the requests that the victims got, and the output of the run.
"""

import json
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.crawl.running import mirror
from tests.site import PNG, Handler, Server, Site

SITE: Final = "93.184.216.34"
SILENT: Final = "93.184.216.35"
"""An address of the internet at which no server listens."""

VICTIMS: Final = ("127.0.0.1", "10.0.0.1", "169.254.169.254")
NAMES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "site.example": ((SITE,),),
    "inner.example": (("127.0.0.1",),),
    "ten.example": (("10.0.0.1",),),
    "metadata.example": (("169.254.169.254",),),
    "both.example": ((SILENT, "127.0.0.1"),),
    "rebound.example": ((SITE,), ("127.0.0.1",)),
}
"""Name -> its addresses at the first query, at the second, and so on. The last ones stay."""


def main(folder: str, *words: str) -> None:
    """Set up the network, mirror the site, and print the result."""
    out = Path(folder)
    for line in ("link set lo up", *(f"addr add {one}/32 dev lo" for one in (SITE, SILENT, *VICTIMS[1:]))):
        subprocess.run(["ip", *line.split()], check=True)
    resolver = out / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions attempts:1 timeout:2\n")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)
    asked: dict[str, int] = {}
    threading.Thread(target=name_server, args=(asked,), daemon=True).start()
    with ExitStack() as stack:
        site = stack.enter_context(At(web(), SITE))
        victims = {one: stack.enter_context(At(Site().file("/i.png", PNG, "image/png"), one)) for one in VICTIMS}
        for server in (site, *victims.values()):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        settings = {"DNSCACHE_ENABLED": "0", "MIRROR_BACKOFF": "0.01", "RETRY_TIMES": "0", "MIRROR_PROGRESS": "off"}
        done = mirror("http://site.example/", out / "copy", "connections=1", *words, settings=settings)
        for server in (site, *victims.values()):
            server.shutdown()
    seen = {address: server.paths for address, server in victims.items()}
    result = {"victims": seen, "site": site.paths, "names": sorted(asked), "code": done.code, "output": done.stderr}
    json.dump(result, sys.stdout)


def web() -> Site:
    """Return a site with pictures at each of the names."""
    names = [name for name in NAMES if name not in {"site.example", "rebound.example"}]
    pictures = "".join(f'<img src="http://{name}/i.png">' for name in names)
    again = "".join(f'<img src="http://rebound.example/{n}.png">' for n in range(4))
    site = Site().page("/", pictures + again, links=["/page", "/led"]).page("/page")
    site.redirect("/led", "http://inner.example/page")
    for n in range(4):
        site.file(f"/{n}.png", PNG, "image/png", headers={"Connection": "close"})
    return site


class At(Server):
    """A server at port 80."""

    def __init__(self, site: Site, host: str) -> None:
        ThreadingHTTPServer.__init__(self, (host, 80), Handler)
        self.site, self.url, self.other = site, f"http://{host}", ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.methods: list[str] = []


def name_server(asked: dict[str, int]) -> None:
    """Answer queries for IPv4 addresses over UDP (RFC 1035). `asked`: how often for each name, which may be one of no site."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        while True:
            question, client = server.recvfrom(512)
            labels, place = [], 12
            while length := question[place]:
                labels.append(question[place + 1 : place + 1 + length].decode())
                place += 1 + length
            name, kind, end = ".".join(labels).lower(), question[place + 1 : place + 3], place + 5
            addresses: tuple[str, ...] = ()
            asked.setdefault(name, 0)
            if name in NAMES and kind == b"\0\1":
                asked[name] += 1
                addresses = NAMES[name][min(asked[name], len(NAMES[name])) - 1]
            code = b"\x81\x80" if name in NAMES else b"\x81\x83"
            head = question[:2] + code + b"\0\1" + len(addresses).to_bytes(2, "big") + bytes(4)
            records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(one) for one in addresses)
            server.sendto(head + question[12:end] + records, client)


if __name__ == "__main__":
    main(*sys.argv[1:])
