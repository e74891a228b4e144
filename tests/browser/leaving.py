"""Pages that try to reach other machines, opened by Chromium in a network of its own, in which every packet is seen.

`python -m tests.browser.leaving ARCHIVE NAME...` runs in a network namespace (`unshare -n -m`) that has an address, a default
route and a resolver, but nobody who answers. It opens each page twice, replayed and without any policy, and writes as JSON
which of them asked for a host. The host that a page tries to reach has the name of the page.
"""

import json
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from playwright.sync_api import BrowserContext, Error, sync_playwright

from tests.browser.conftest import QUIET
from tests.replay.serving import served

SITE: Final = "https://evil.example.org"
DOMAIN: Final = "leaves.example"
RESOLVER: Final = "10.9.0.53"
BROWSERS_OWN: Final = ("google.com", "googleapis.com", "gstatic.com")
"""Hosts of Chromium's maker, which it asks for by itself."""

_MULTICAST: Final = "224."
_PATIENCE: Final = 30.0
_HEAD: Final = '<!DOCTYPE html><body><script>const H = "NAME" + ".leaves.example", U = "https:" + "//" + H;'


def _script(code: str) -> str:
    return f"{_HEAD} {code}</script>"


def _markup(html: str) -> str:
    return _script(f"document.write(`{html.replace('</script>', '<' + chr(92) + '/script>')}`)")


def _on_click(code: str) -> str:
    return _script(f"document.write('<button id=go>x</button>'); go.onclick = () => {{ {code} }}")


_RULES: Final = '{"%s": [{"urls": ["https://NAME.leaves.example/p"], "eagerness": "immediate"}]}'
_MADE: Final = (
    'const e = document.createElement("script"); e.type = "speculationrules"; e.textContent = JSON.stringify(%s);'
    "document.head.append(e)"
)
_CONNECT: Final = (
    "const p = new %s({ iceServers: [%s] }); p.createDataChannel('');"
    "p.createOffer().then(offer => p.setLocalDescription(offer))"
)
_STUN: Final = '{ urls: "stun:" + H }'
_FRAME: Final = 'const f = document.createElement("iframe"); document.body.append(f);'

PAGES: Final = {
    "image": "<img src=http://NAME.leaves.example/>",
    "rules-prefetch": f"<script type=speculationrules>{_RULES % 'prefetch'}</script>",
    "rules-prerender": f"<script type=speculationrules>{_RULES % 'prerender'}</script>",
    "rules-made": _script(_MADE % '{ prefetch: [{ urls: [U + "/p"], eagerness: "immediate" }] }'),
    "link-prefetch": _markup('<link rel=prefetch href="${U}/l">'),
    "link-preload": _markup('<link rel=preload as=font crossorigin href="${U}/l">'),
    "link-modulepreload": _markup('<link rel=modulepreload href="${U}/l">'),
    "link-stylesheet": _markup('<link rel=stylesheet href="${U}/l">'),
    "link-dictionary": _markup('<link rel=compression-dictionary href="${U}/l">'),
    "ping": _markup('<a id=go href="#" ping="${U}/ping">x</a>'),
    "beacon": _script('navigator.sendBeacon(U + "/b", "x")'),
    "fetch-later": _script('fetchLater(U + "/b", { activateAfter: 0 })'),
    "event-source": _script("new EventSource(U)"),
    "socket": _script('new WebSocket("wss://" + H)'),
    "transport": _script('new WebTransport(U + ":443/")'),
    "font": _script('new FontFace("O", `url(${U}/f.ttf)`).load()'),
    "worker": _script("new Worker(URL.createObjectURL(new Blob([`fetch('${U}/w')`])))"),
    "worklet": _script('CSS.paintWorklet.addModule(U + "/w.js")'),
    "payment": _script(
        'new PaymentRequest([{ supportedMethods: U + "/pay" }],'
        ' { total: { label: "x", amount: { currency: "USD", value: "1" } } }).canMakePayment()'
    ),
    "federation": _script(
        'navigator.credentials.get({ identity: { providers: [{ configURL: U + "/f.json", clientId: "1" }] } })'
    ),
    "ice-stun": _script(_CONNECT % ("RTCPeerConnection", _STUN)),
    "ice-turn": _script(
        _CONNECT % ("RTCPeerConnection", '{ urls: "turn:" + H + "?transport=tcp", username: "a", credential: "b" }')
    ),
    "ice-frame": _script(_FRAME + _CONNECT % ("f.contentWindow.RTCPeerConnection", _STUN)),
    "ice-window": _on_click('const w = window.open("about:blank");' + _CONNECT % ("w.RTCPeerConnection", _STUN)),
    "frame": _markup('<iframe src="${U}/"></iframe>'),
    "frame-location": _script(_FRAME + "f.contentWindow.location = U"),
    "frame-refresh": "<iframe srcdoc='<meta http-equiv=refresh content=\"0;url=https&#58;//NAME.leaves.example/\">'></iframe>",
    "form": _markup('<form action="${U}/" method=post target=f id=F><input name=a></form><iframe name=f></iframe>')
    + "<script>F.submit()</script>",
    "location": _script("location = U"),
    "location-from-frame": _script(_FRAME + "f.contentWindow.eval(`top.location = '${U}'`)"),
    "refresh": _markup('<meta http-equiv=refresh content="0;url=${U}/">'),
    "click": _markup('<a id=go href="${U}/">x</a>'),
    "window": _on_click('window.open(U + "/", "", "noopener")'),
}
"""The name of a page -> its HTML. NAME stands for the first label of the host that it tries to reach."""

SILENT: Final = {
    f"link-{relation}": _markup(f'<link rel="{relation}" href="${{U}}/l">')
    for relation in (
        *("preconnect", "dns-prefetch", "prerender", "next", "icon", "apple-touch-icon", "mask-icon", "manifest"),
        *("alternate", "search", "pingback", "import", "expect", "canonical", "author", "license", "help"),
    )
} | {
    "rules-document": _script(
        'document.body.insertAdjacentHTML("beforeend", `<a href="${U}/x">x</a>`);'
        + _MADE % '{ prefetch: [{ where: { href_matches: "*://*/*" }, eagerness: "immediate" }] }'
    ),
    "plain-preconnect": "<link rel=preconnect href=https&#58;//NAME.leaves.example>",
    "plain-dns-prefetch": "<link rel=dns-prefetch href=&#47;&#47;NAME.leaves.example>",
    "attribution": _markup('<img attributionsrc="${U}/a" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'),
    "notification": _script("new Notification('x', { icon: U })"),
    "storage": _script('sharedStorage.worklet.addModule(U + "/w.js")'),
    "service-worker": _script('navigator.serviceWorker.register(U + "/s.js")'),
}
"""Pages that need not reach anybody in a headless Chromium, even without a policy; another browser may act on them."""

ALL: Final = PAGES | SILENT


CONTROL: Final = "control"
"""The name of the page without a policy that is opened last."""


def html(name: str) -> str:
    return ALL.get(name, PAGES["image"]).replace("NAME", name)


class Packets:
    """The questions to the resolver, and all other packets that leave."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.others: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as wire:
            wire.bind(("out0", 0))
            while True:
                packet, (_, kind, direction, *_) = wire.recvfrom(1 << 16)
                if direction == socket.PACKET_OUTGOING and kind == 0x0800:
                    self._add(packet)

    def _add(self, packet: bytes) -> None:
        header = (packet[0] & 15) * 4
        target, (port,) = socket.inet_ntoa(packet[16:20]), struct.unpack_from("!H", packet, header + 2)
        if port == 53:
            self.hosts.append(_question(packet[header + 20 :]))
        elif not target.startswith(_MULTICAST):
            self.others.append(f"{target}:{port}")

    def asked(self) -> set[str]:
        """The pages whose host was asked for."""
        return {host.removesuffix(f".{DOMAIN}") for host in self.hosts if host.endswith(f".{DOMAIN}")}

    def strange(self) -> list[str]:
        """Everything else, without what the browser does for its maker."""
        ours = (DOMAIN, *BROWSERS_OWN)
        return self.others + [host for host in self.hosts if not host.endswith(ours)]


def _question(message: bytes) -> str:
    labels, rest = [], message
    while rest and rest[0]:
        labels.append(rest[1 : rest[0] + 1].decode("latin-1"))
        rest = rest[rest[0] + 1 :]
    return ".".join(labels)


def connect() -> None:
    """Give this network an address, a default route, and a resolver that never answers."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as resolv:
        resolv.write(f"nameserver {RESOLVER}\n")
    for line in (
        f"mount --bind {resolv.name} /etc/resolv.conf",
        "ip link set lo up",
        "ip link add out0 type veth peer name out1",
        "sysctl -q -w net.ipv6.conf.out0.disable_ipv6=1 net.ipv6.conf.out1.disable_ipv6=1",
        "ip link set out0 up",
        "ip link set out1 up",
        "ip addr add 10.9.0.2/24 dev out0",
        "ip route add default via 10.9.0.1",
        *(f"ip neigh add 10.9.0.{n} lladdr 02:00:00:00:00:01 dev out0 nud permanent" for n in (1, 53)),
    ):
        subprocess.run(line.split(), check=True)


def visit(context: BrowserContext, places: list[str]) -> None:
    """Open pages, each in a window of its own, and click what they have to click."""
    for place in places:
        page = context.new_page()
        with suppress(Error):
            page.goto(place, wait_until="domcontentloaded", timeout=5000)
            if page.query_selector("#go"):
                page.click("#go", timeout=2000, no_wait_after=True)


def until(true: Callable[[], bool]) -> None:
    """Wait for a packet; each test knows which."""
    end = time.monotonic() + _PATIENCE
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


class Bare(BaseHTTPRequestHandler):
    """Serves the pages without any policy."""

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(html(name).encode())

    def log_message(self, *_: object) -> None:
        pass


def main(archive: Path, names: list[str]) -> None:
    connect()
    packets = Packets()
    bare = ThreadingHTTPServer(("127.0.0.1", 0), Bare)
    threading.Thread(target=bare.serve_forever, daemon=True).start()
    with served(archive) as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        context = chromium.new_context()
        visit(context, [server.place(f"{SITE}/{name}") for name in names])
        visit(context, [f"http://bare.localhost:{bare.server_port}/{CONTROL}"])
        until(lambda: CONTROL in packets.asked())  # what left before it was seen before it
        replayed = packets.asked() - {CONTROL}
        wanted = {name for name in names if name in PAGES}
        visit(context, [f"http://bare.localhost:{bare.server_port}/{name}" for name in names])
        until(lambda: wanted <= packets.asked())
        chromium.close()
    json.dump({"replayed": sorted(replayed), "bare": sorted(packets.asked()), "strange": packets.strange()}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
