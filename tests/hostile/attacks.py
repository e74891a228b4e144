"""Attacks by hostile servers: a table that the tests and `benchmarks.attacks` share.

Each row is a site at an address and port of its own. Its start leads to the attack, and to `/honest`, which the copy has to
contain afterwards. A row defines what its server sends, and which requests of a tool and which files on the disk count as harm.
The sites are at 127.0.0.2, which counts as the internet in the tests. A victim listens at 127.0.0.1, and another site at
127.0.0.3; both record their requests. The folder around the copy has files that are not the copy's.
"""

import gzip
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import brotli
import trustme
from backports import zstd

from tests.hostile.ftp import serve_ftp
from tests.site import PNG
from tests.transfer import scripted
from tests.transfer.scripted import (
    Connection,
    Reply,
    Script,
    Server,
    Then,
    endless,
    endless_headers,
    endless_interim,
    ok,
)

HERE: Final = "127.0.0.2"
OTHER: Final = "127.0.0.3"
SECRET: Final = "Sp4mSecret"
"""The content of a file beside the copy, and of the answers of the victim."""

TOKEN: Final = f"X-Token: {SECRET}"
TOKEN_ROW: Final = "a secret header led to another host"
"""The row in which the user gives a header to the tool."""

HONEST: Final = "an honest page"
OUTSIDE: Final = "outside"
"""The folder beside the copy that planted links lead to."""

MOST_KEPT: Final = 96 << 20
"""The largest size of the copy of a row, in bytes. Endless answers are larger."""

MOST_MEMORY: Final = 1 << 30

HTML: Final = "Content-Type: text/html"


@dataclass(frozen=True, slots=True)
class Places:
    """The URLs and ports of the servers. `root` is the folder around the copy."""

    url: str
    port: int
    victim: str
    victim_port: int
    other: str
    tls: str
    ftp: str
    root: Path
    many: int
    """The number of links of the row with a million. The everyday tests use fewer, to save time."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the server of a row sends: the HTML and the headers of its start, and a reply for each first segment of a path."""

    body: str
    script: Mapping[str, Script] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    also: Script | None = None
    """The reply to all other paths."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The requests for a row, and its files afterwards: their names, and the bytes of all of them."""

    here: Server
    victim: list[str]
    other: list[scripted.Asked]
    names: list[str]
    data: bytes
    outside: list[str]
    size: int

    @property
    def sent(self) -> list[tuple[str, str]]:
        """The headers of all requests to the site and to the other site."""
        return [pair for asked in (*self.here.requests, *self.other) for pair in asked.headers]


Harm = Callable[[Seen], str]
"""Returns what is wrong, in a few words; "" if nothing is."""

Reasons = str | Mapping[str, str]
"""A regular expression for the manifest's reason for one of the URLs of a row ("": any); or path -> one for each path."""


@dataclass(frozen=True, slots=True)
class Attack:
    """A row.

    `heavy` rows take seconds; `silent` rows end by a timeout; `planted` are symbolic links that are put into the copy before
    the run; `alone`: the attack ends the run, so it needs one of its own.
    """

    name: str
    group: str
    text: str
    play: Callable[[Places], Played]
    harm: Harm
    reasons: Reasons = ""
    start: str = "{url}/"
    heavy: bool = False
    silent: bool = False
    planted: tuple[tuple[str, str], ...] = ()
    alone: bool = False

    def __str__(self) -> str:
        return self.name


ATTACKS: Final[dict[str, Attack]] = {}

Play = Callable[[Places], Played]


def attack(
    name: str,
    group: str,
    harm: Harm = lambda _: "",
    reasons: Reasons = "",
    *,
    start: str = "{url}/",
    heavy: bool = False,
    silent: bool = False,
    planted: tuple[tuple[str, str], ...] = (),
    alone: bool = False,
) -> Callable[[Play], Play]:
    """Add a row to the table. The docstring of its function is also the text in the documentation."""

    def put(play: Play) -> Play:
        text = " ".join((play.__doc__ or "").split())
        ATTACKS[name] = Attack(name, group, text, play, harm, reasons, start, heavy, silent, planted, alone)
        return play

    return put


def links(*targets: str) -> str:
    return "".join(f'<a href="{one}">x</a>\n' for one in targets)


def images(*targets: str) -> str:
    return "".join(f'<img src="{one}">\n' for one in targets)


def keep(body: bytes | str = b"", *headers: str, status: str = "200 OK") -> Reply:
    return Reply(ok(body.encode() if isinstance(body, str) else body, *headers, status=status), Then.KEEP)


def page(body: str, *headers: str) -> Reply:
    return keep(f"<!DOCTYPE html><title>x</title>{body}", HTML, *headers)


def moved(to: str, *headers: str) -> Reply:
    return keep(b"", f"Location: {to}", *headers, status="302 Found")


# --- harm -----------------------------------------------------------------------------------------------------------------


def victim_asked(seen: Seen) -> str:
    return "asked this machine" if seen.victim else ""


def secret_kept(seen: Seen) -> str:
    return "copied a file of this machine" if SECRET.encode() in seen.data else victim_asked(seen)


def bad_names(seen: Seen) -> str:
    bad = next((part for name in seen.names for part in Path(name).parts[1:] if is_bad(part)), None)
    return f"a file is called `{ascii(bad)[1:-1][:24]}`" if bad else ""


def is_bad(part: str) -> bool:
    r"""Whether a name is dangerous for a terminal or a reader. Names for Windows are a matter of `names=portable`.

    >>> [is_bad(name) for name in ("a\x1b", "a\u202eb", "a\\b", "a ", "a:b", "con.txt", "index.html")]
    [True, True, True, True, False, False, False]
    """
    return not part.isprintable() or "\\" in part or part.strip(" ") != part


def header_sent(name: str, value: str = "", *, to_other: bool = False) -> Harm:
    """Harm if a header was sent that should have stayed secret."""

    def harm(seen: Seen) -> str:
        pairs = [pair for asked in seen.other for pair in asked.headers] if to_other else seen.sent
        found = any(key == name and value in text for key, text in pairs)
        return f"sent “{name.title()}”{' to another host' if to_other else ''}" if found else ""

    return harm


def asked_often(name: str, most: int) -> Harm:
    def harm(seen: Seen) -> str:
        times = len(seen.here.asked(name))
        return f"asked {times} times" if times > most else ""

    return harm


def kept_as_good(text: bytes) -> Harm:
    return lambda seen: "kept it as if it were whole" if text in seen.data else ""


# --- names and paths ------------------------------------------------------------------------------------------------------

_UP: Final = "../" * 12


_BROKEN: Final = "cut short|connection closed by the server|connection failed|invalid HTTP: "


@attack("traversal by URL", "Names and paths", bad_names)
def _(at: Places) -> Played:
    """Links that climb: `/../../x`, `%2e%2e/`, `..%2f`, `..%5c`, `%252e%252e/`, doubled slashes."""
    forms = (
        f"/{_UP}escaped.html",
        f"/a/{_UP}escaped.html",
        "/" + "%2e%2e/" * 9 + "escaped.html",
        "/" + "..%2f" * 9 + "escaped.html",
        "/" + "..%5c" * 9 + "escaped.html",
        "/" + "%252e%252e/" * 9 + "escaped.html",
        "/a/" + "..\\" * 9 + "escaped.html",
        "/" + "%c0%ae%c0%ae/" * 9 + "escaped.html",
        "//..//..//..//escaped.html",
        f"/a?{_UP}escaped.html",
        f"/{str(at.root / OUTSIDE).replace('/', '%2f')}%2fescaped.html",
    )
    return Played(links(*forms), also=page("out"))


@attack("traversal by redirect", "Names and paths", bad_names)
def _(_: Places) -> Played:
    """The same in `Location`: `../`, `..%2f`, backslashes, `%2e%2e%5c`."""
    script = {
        "r1": moved(f"/{_UP}escaped.html"),
        "r2": moved("/" + "..%2f" * 9 + "escaped.html"),
        "r3": moved("/" + "..\\" * 9 + "escaped.html"),
        "r4": moved("/" + "%2e%2e%5c" * 9 + "escaped.html"),
    }
    return Played(links(*(f"/{name}" for name in script)), script, also=page("out"))


@attack("traversal by Content-Disposition", "Names and paths", bad_names)
def _(at: Places) -> Played:
    """`filename=` with `../`, with an absolute path and with backslashes; `filename*=` with the same, escaped."""
    names = (
        f'"{_UP}escaped.html"',
        f'"{at.root / OUTSIDE}/escaped.html"',
        '"..\\..\\..\\escaped.html"',
        '".wgetrc"',
    )
    script: dict[str, Script] = {
        f"d{number}": keep("out", f"Content-Disposition: attachment; filename={name}", HTML)
        for number, name in enumerate(names)
    }
    script["d9"] = keep("out", "Content-Disposition: attachment; filename*=UTF-8''..%2f..%2f..%2fescaped.html", HTML)
    return Played(links(*(f"/{name}" for name in script)), script)


@attack("traversal by an FTP listing", "Names and paths", bad_names, start="{ftp}/")
def _(_: Places) -> Played:
    """An FTP server lists `../../x`, `/x`, `a/../../x`, `..`, and names with CR LF, NUL, backslashes and drives."""
    return Played("")


@attack("names with NUL, backslash, drive, stream, control and bidi characters", "Names and paths", bad_names)
def _(_: Places) -> Played:
    """`%00`, `%5c`, `C:`, `x.txt::$DATA`, `%1b]52;`, `%e2%80%ae`, C1, `con`, `aux.html`, dots and spaces at the end."""
    names = (
        "/a%00.html",
        "/a%5cb.html",
        "/C:/windows.html",
        "/C:%5cwindows.html",
        "/x.txt::$DATA",
        "/esc%1b%5d52;c;eA==%07.html",
        "/c1%c2%9b31m.html",
        "/bidi%e2%80%aelmth.html",
        "/con",
        "/aux.html",
        "/dot.",
        "/space%20",
        "/tab%09.html",
        "/newline%0a.html",
        "/star*.html",
        "/pipe%7c.html",
        "/%ff%fe.html",
    )
    return Played(links(*names), also=page("x"))


@attack(
    "names too long or too deep",
    "Names and paths",
    lambda seen: "" if len(seen.names) > 2 else "nothing kept of it",
    "by a URL that is too long",
)
def _(_: Places) -> Played:
    """A name of 5,000 letters, a name of 300 four-byte characters, 600 nested folders; URLs of a megabyte, and of 90 KB in a
    redirect."""
    long = (
        "/" + "n" * 5000,
        "/" + "%f0%9f%92%a9" * 300,
        "/d" * 600 + "/x",
        "/" + "n" * 1_000_000,
        "/?" + "n&" * 500_000,
    )
    return Played(links(*long, "/r"), {"r": moved("/" + "n" * 90_000)}, also=page("x"))


@attack("collision with our own folder", "Names and paths", bad_names)
def _(_: Places) -> Played:
    """`/.mirror/manifest.sqlite`, `/../.mirror/lock`, `/.wgetrc`, `/index.html/x` beside `/index.html`."""
    names = (
        "/.mirror/manifest.sqlite",
        "/../.mirror/lock",
        "/..%2f.mirror/objects",
        "/index.html",
        "/index.html/x",
        "/Index.HTML",
    )
    return Played(links(*names), also=page("x"))


@attack(
    "a symbolic link in the place of a file",
    "Names and paths",
    planted=(("planted.html", f"{OUTSIDE}/victim.html"), ("planted~.html", f"{OUTSIDE}/victim.html")),
)
def _(_: Places) -> Played:
    """Where the copy needs a page, there is a link to a file outside of the copy."""
    return Played(links("/planted.html"), also=page("written through"))


@attack(
    "a symbolic link in the place of a folder",
    "Names and paths",
    planted=(("folder", OUTSIDE),),
    alone=True,
)
def _(_: Places) -> Played:
    """Where the copy needs a folder, there is a link to a folder outside of the copy."""
    return Played(links("/folder/x.html", "/folder/victim.html"), {"folder": page("written through")})


# --- forbidden targets ----------------------------------------------------------------------------------------------------


@attack("to files of this machine", "Forbidden targets", secret_kept, r"no place that its page may lead to")
def _(at: Places) -> Played:
    """Redirects, links, pictures, styles and frames with `file:` URLs."""
    secret = f"file://{at.root}/secret.html"
    script = {
        "r": moved(secret),
        "s.css": keep(f"@import '{secret}'; a {{ background: url({secret}) }}", "Content-Type: text/css"),
    }
    body = links("/r", secret) + images("/r", secret) + f'<iframe src="{secret}"></iframe>'
    return Played(body + '<link rel=stylesheet href="/s.css">', script)


@attack("redirected to this machine", "Forbidden targets", victim_asked, r"outside the scope")
def _(at: Places) -> Played:
    """Pages and pictures that redirect to 127.0.0.1, where a server trusts local clients."""
    script = {"p": moved(f"{at.victim}/admin"), "i.png": moved(f"{at.victim}/i.png")}
    return Played(links("/p") + images("/i.png"), script)


@attack("requisites of this machine", "Forbidden targets", victim_asked, r"address that is not on the internet")
def _(at: Places) -> Played:
    """Pictures at `localhost`, `127.1`, `2130706433`, `0x7f.1`, `0.0.0.0`, `[::1]`, `[::ffff:127.0.0.1]`."""
    hosts = ("localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]")
    return Played(images(*(f"http://{host}:{at.victim_port}/i.png" for host in hosts)))


@attack("private networks and cloud metadata", "Forbidden targets", reasons=r"address that is not on the internet")
def _(_: Places) -> Played:
    """Pictures and redirects at 169.254.169.254, 10.0.0.1, 192.168.0.1, `[fd00:ec2::254]`, `[64:ff9b::a9fe:a9fe]`."""
    hosts = ("169.254.169.254", "10.0.0.1", "192.168.0.1", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]")
    script = {"m.png": moved("http://169.254.169.254/latest/meta-data/iam")}
    return Played(images("/m.png", *(f"http://{host}/latest/meta-data/" for host in hosts)), script)


@attack("robots.txt and sitemaps that lead to this machine", "Forbidden targets", victim_asked)
def _(at: Places) -> Played:
    """robots.txt redirects to 127.0.0.1, a sitemap lists URLs there, `Alt-Svc` names it."""
    listed = f"<urlset><url><loc>{at.victim}/listed</loc></url></urlset>"
    script = {
        "robots.txt": moved(f"{at.victim}/robots.txt"),
        "sitemap.xml": keep(listed, "Content-Type: application/xml"),
    }
    return Played(
        f'<link rel=sitemap href="/sitemap.xml">{links("/sitemap.xml")}',
        script,
        (f'Alt-Svc: h2="127.0.0.1:{at.victim_port}"; ma=86400',),
    )


# --- secrets, cookies, headers --------------------------------------------------------------------------------------------


@attack(
    "login led to another host",
    "Secrets, cookies and headers",
    header_sent("authorization", to_other=True),
    start="{login}/",
)
def _(at: Places) -> Played:
    """The start has a login. The site asks for it, and redirects to another host that asks for it too."""
    script = {"r": moved(f"{at.other}/asks"), "i.png": moved(f"{at.other}/asks/i.png")}
    return Played(links("/r", f"{at.other}/asks/page") + images("/i.png", f"{at.other}/asks/j.png"), script)


@attack(TOKEN_ROW, "Secrets, cookies and headers", header_sent("x-token", to_other=True))
def _(at: Places) -> Played:
    """The user gives a header for the start, `X-Token`. Pages and pictures redirect to another host."""
    script = {"r": moved(f"{at.other}/r"), "i.png": moved(f"{at.other}/i.png")}
    return Played(links("/r") + images("/i.png", f"{at.other}/j.png"), script)


@attack("cookies for other hosts", "Secrets, cookies and headers", header_sent("cookie", to_other=True))
def _(at: Places) -> Played:
    """Cookies with the `Domain` of another host, of a suffix of it, and with an empty one; then pictures at that host."""
    cookies = (
        f"a={SECRET}; Domain={OTHER}",
        "b=1; Domain=.0.0.3",
        "c=1; Domain=",
        "d=1; Domain=.",
        "e=1; Domain=0.0.3",
    )
    script = {"r.png": moved(f"{at.other}/r.png")}
    return Played(images("/r.png", f"{at.other}/i.png"), script, tuple(f"Set-Cookie: {one}; Path=/" for one in cookies))


@attack("line ends in URLs", "Secrets, cookies and headers", header_sent("x-evil"))
def _(_: Places) -> Played:
    """`%0d%0aX-Evil:` in links and in `Location`; CR and LF themselves in attributes."""
    script = {"r": moved("/a%0d%0aX-Evil:%201"), "s": moved("/b\rX-Evil: 1")}
    forms = (
        "/r",
        "/s",
        "/c%0d%0aX-Evil:%201",
        "/d&#13;&#10;X-Evil: 1",
        "/e HTTP/1.1&#13;&#10;X-Evil: 1",
        "/f?%0d%0aX-Evil:1",
    )
    return Played(links(*forms), script, also=page("x"))


@attack("line ends in headers", "Secrets, cookies and headers", header_sent("cookie", "evil=1"))
def _(_: Places) -> Played:
    """A bare CR, NUL and folded lines in values, followed by `Set-Cookie:`; cookies with escaped CR LF."""
    script = {
        "cr": page("x", "X-A: b\rSet-Cookie: evil=1; Path=/"),
        "nul": page("x", "X-B: c\0Set-Cookie: evil=2; Path=/"),
        "fold": page("x", "X-C: d\r\n\tSet-Cookie: evil=3"),
        "escaped": page(links("/again"), "Set-Cookie: good=1%0d%0aSet-Cookie: evil=4; Path=/"),
    }
    return Played(links(*(f"/{name}" for name in script)), script | {"again": page("x")})


@attack(
    "HSTS for a site without TLS",
    "Secrets, cookies and headers",
    lambda seen: "" if seen.here.asked("after") else "asked no more",
)
def _(_: Places) -> Played:
    """`Strict-Transport-Security` without TLS, which clients have to ignore (RFC 6797, 8.1); otherwise the site can't be
    reached."""
    header = "Strict-Transport-Security: max-age=31536000; includeSubDomains"
    return Played(links("/later"), {"later": page(links("/after"), header), "after": page("x")}, (header,))


def _most_of_cookies(seen: Seen) -> str:
    most = max((len(value) for name, value in seen.sent if name == "cookie"), default=0)
    return f"sent {most / 1000:,.0f} KB of cookies with a request" if most > _MANY_COOKIES else ""


_MANY_COOKIES: Final = 64_000


@attack("cookies by the thousand", "Secrets, cookies and headers", _most_of_cookies)
def _(_: Places) -> Played:
    """2,500 cookies in each of three answers, and one of 200 KB."""

    def many(number: int) -> tuple[str, ...]:
        return tuple(f"Set-Cookie: c{number}-{n}={'x' * 60}; Path=/" for n in range(2500))

    script = {
        "m1": page(links("/m2"), *many(1)),
        "m2": page(links("/m3"), *many(2)),
        "m3": page(links("/m4"), f"Set-Cookie: big={'x' * 200_000}; Path=/"),
        "m4": page("x"),
    }
    return Played(links("/m1"), script, many(0))


# --- endless answers ------------------------------------------------------------------------------------------------------


def trickle_body(connection: Connection) -> bool:
    """Send an endless body, a byte at a time."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    return _trickle(connection, b"x")


def trickle_headers(connection: Connection) -> bool:
    """Send endless headers, a short line at a time."""
    connection.send(b"HTTP/1.1 200 OK\r\n")
    return _trickle(connection, b"X: y\r\n")


def _trickle(connection: Connection, data: bytes) -> bool:
    import time  # noqa: PLC0415

    for _ in range(1000):
        connection.send(data)
        time.sleep(0.2)
    return False


def ever_on(connection: Connection) -> bool:
    """Send a redirect to the next URL."""
    number = connection.asked.target.rpartition("/")[2]
    connection.send(moved(f"/chain/{int(number or 0) + 1}").raw)
    return True


def silence(connection: Connection) -> bool:
    connection.hold()
    return False


@attack(
    "endless headers",
    "Endless answers",
    reasons=dict.fromkeys(("x", "one", "trailers"), _BROKEN),
)
def _(_: Places) -> Played:
    """An endless series of headers at full speed; one endless header; the same after the last chunk of a body."""
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
    script = {
        "x": endless_headers,
        "one": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        "trailers": endless(chunks, b"X: y\r\n" * 10_000),
    }
    return Played(links(*(f"/{name}" for name in script)), script)


@attack("endless interim answers", "Endless answers", reasons=_BROKEN)
def _(_: Places) -> Played:
    """One `103 Early Hints` after the other."""
    return Played(links("/x"), {"x": endless_interim})


@attack("endless chunk", "Endless answers", reasons="timed out", silent=True)
def _(_: Places) -> Played:
    """An endless extension of a chunk size at full speed, which adds no byte to the body."""
    return Played(links("/x"), {"x": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;", b"x" * 65536)})


@attack("endless body", "Endless answers", reasons=r"endless")
def _(_: Places) -> Played:
    """A body without a length at full speed, as a page and as a picture."""
    return Played(links("/x") + images("/x/i.png"), {"x": flood})


def flood(connection: Connection) -> bool:
    """Send 256 MB in the place of an endless body."""
    kind = b"image/png" if connection.asked.target.endswith("png") else b"text/html"
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n")
    block = b"<p>endless\n" * 6000
    for _ in range((256 << 20) // len(block)):
        connection.send(block)
    connection.hold()
    return False


@attack("slow body", "Endless answers", reasons=r"timed out", silent=True)
def _(_: Places) -> Played:
    """An endless body, one byte in each fifth of a second."""
    return Played(links("/x"), {"x": trickle_body})


@attack("slow headers", "Endless answers", reasons=r"timed out", silent=True)
def _(_: Places) -> Played:
    """Endless headers, a short one in each fifth of a second."""
    return Played(links("/x"), {"x": trickle_headers})


@attack("silence", "Endless answers", reasons=r"timed out", silent=True)
def _(_: Places) -> Played:
    """The server accepts the connection and sends nothing."""
    return Played(links("/x"), {"x": silence})


@attack("redirects in a circle", "Endless answers", asked_often("r", 20), dict.fromkeys("rstu", "circle"))
def _(_: Places) -> Played:
    """Redirects of a URL to itself, of two URLs to each other, and to another spelling of the same URL."""
    script = {"r": moved("/r"), "s": moved("/t"), "t": moved("/s"), "u": moved("/./u")}
    return Played(links("/r", "/s", "/u"), script)


@attack("redirects ever on", "Endless answers", asked_often("chain", 50), reasons=r"redirected too often")
def _(_: Places) -> Played:
    """Each redirect leads to another URL."""
    return Played(links("/chain/0"), {"chain": ever_on})


# --- bombs ----------------------------------------------------------------------------------------------------------------


@lru_cache
def bomb(coding: str) -> bytes:
    """Return 1 GiB of zeros, compressed."""
    block = bytes(1 << 20)
    if coding == "br":
        packer = brotli.Compressor(quality=5)
        return b"".join([*(packer.process(block) for _ in range(256)), packer.finish()])
    if coding == "zstd":
        other = zstd.ZstdCompressor()
        return b"".join([*(other.compress(block) for _ in range(1024)), other.flush()])
    deflate = zlib.compressobj(9, wbits=31)
    return b"".join([*(deflate.compress(block) for _ in range(1024)), deflate.flush()])


def coded(coding: str, data: Callable[[], bytes]) -> Script:
    def reply(connection: Connection) -> bool:
        connection.send(ok(data(), HTML, f"Content-Encoding: {coding}"))
        return True

    return reply


@attack(
    "compression bombs",
    "Bombs",
    reasons={
        "gzip": "endless",
        "br": "expands more than",
        "zstd": "expands more than",
        "nested": "expands more than",
        "many": "more than 5 content codings",
    },
)
def _(_: Places) -> Played:
    """A gigabyte of zeros with gzip, zstd and brotli (a quarter of it); gzip in gzip; eight nested codings."""
    for coding in ("gzip", "br", "zstd"):
        bomb(coding)  # made before a client waits for it
    script = {
        "gzip": coded("gzip", lambda: bomb("gzip")),
        "br": coded("br", lambda: bomb("br")),
        "zstd": coded("zstd", lambda: bomb("zstd")),
        "nested": coded("gzip, gzip", lambda: gzip.compress(bomb("gzip"))),
        "many": coded(", ".join(["gzip"] * 8), lambda: b"x"),
    }
    return Played(links(*(f"/{name}" for name in script)), script)


_LOL: Final = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def _bombs(at: Places, root: str, body: str, kind: str) -> list[Script]:
    """Return documents with entities that expand to a billion letters, and with external entities."""
    secret = f"file://{at.root}/secret.html"
    return [
        keep(f'<?xml version="1.0"?><!DOCTYPE {root} [{dtd}]><{root}>{body}</{root}>', f"Content-Type: {kind}")
        for dtd in (
            f'<!ENTITY l0 "lol">{_LOL}<!ENTITY e "&l9;">',
            f'<!ENTITY e SYSTEM "{secret}">',
            f'<!ENTITY e SYSTEM "{at.victim}/entity">',
            f'<!ENTITY % p SYSTEM "{at.victim}/dtd"> %p; <!ENTITY e "x">',
        )
    ]


@attack("XML bombs and external entities", "Bombs", secret_kept)
def _(at: Places) -> Played:
    """In a sitemap, an SVG, a feed and an XHTML page: a billion laughs, entities and DTDs from `file:` and from 127.0.0.1."""
    script: dict[str, Script] = {}
    for name, root, body, kind in (
        ("sitemap", "urlset", "<url><loc>/&e;</loc></url>", "application/xml"),
        ("svg", "svg", '<text>&e;</text><image href="&e;"/>', "image/svg+xml"),
        ("feed", "rss", "<channel><item><link>&e;</link></item></channel>", "application/rss+xml"),
        ("xhtml", "html", '<body><a href="&e;">&e;</a></body>', "application/xhtml+xml"),
    ):
        script |= {f"{name}{number}.xml": reply for number, reply in enumerate(_bombs(at, root, body, kind))}
    svgs = [f"/{name}" for name in script if name.startswith("svg")]
    return Played(links(*(f"/{name}" for name in script)) + images(*svgs), script)


@attack("HTML nested too deep", "Bombs", heavy=True)
def _(_: Places) -> Played:
    """100,000 nested elements in HTML and in SVG; the same with `<b>` and `<table>`, which parsers repair."""
    deep = 100_000
    script: dict[str, Script] = {
        "div": keep("<div>" * deep + links("/deep"), HTML),
        "b": keep("<b><i>" * 2_000 + "<table>" * 2_000 + links("/deep"), HTML),
        "svg": keep("<svg xmlns='http://www.w3.org/2000/svg'>" + "<g>" * deep, "Content-Type: image/svg+xml"),
    }
    return Played(links("/div", "/b", "/svg"), script | {"deep": page("x")})


_HUGE: Final = 100_000_000


@attack(
    "attributes by the megabyte",
    "Bombs",
    lambda seen: "" if seen.size > _HUGE else "lost a page of 100 MB",
    heavy=True,
)
def _(_: Places) -> Played:
    """100 MB of attributes on one element, a value of 20 MB, 200,000 attributes with different names on another element."""

    def huge(connection: Connection) -> bool:
        block = b" data-a=%s" % (b"x" * 990) * 1000
        connection.send(
            b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n<a" % (HTML.encode(), 100 * len(block) + 3)
        )
        for _ in range(100):
            connection.send(block)
        connection.send(b">")
        return True

    script: dict[str, Script] = {
        "huge": huge,
        "value": keep(f'<a title="{"x" * 20_000_000}" href="/deep">x</a>', HTML),
        "names": keep(f"<a {' '.join(f'a{n}=1' for n in range(200_000))} href=/deep>x</a>", HTML),
    }
    return Played(links(*(f"/{name}" for name in script)), script | {"deep": page("x")})


@attack("hard for regular expressions", "Bombs", heavy=True)
def _(_: Places) -> Played:
    """HTML, CSS, srcset, scripts and robots.txt of a megabyte each that provoke backtracking: `url(((`, `/*`, `<!--`,
    `a*a*a*b$`."""
    many = 100_000
    css = (
        "url(" * many,
        "@import " * many,
        "/*" * many,
        "\\" * many * 2,
        "url('" * many,
        "a{b:" * many,
        "image-set(" * many,
    )
    html = (
        "<!--" * many,
        "<a href=" * many,
        "&#" * many,
        "<img srcset='" + "a 1x," * many,
        "<img srcset='" + "data:,(" * many,
        "<" * many * 4,
        "<a href='" + " " * many * 4,
        "<meta http-equiv=refresh content='" + "0;url=" * many,
        "<script>" + "'http://" * many,
        "<script>" + "//" * many,
        "<style>" + "url(" * many,
        "<!DOCTYPE" + " " * many,
        "<![CDATA[" * many,
        "<a style='" + "url(" * many,
    )
    script: dict[str, Script] = {f"c{n}.css": keep(text, "Content-Type: text/css") for n, text in enumerate(css)}
    script |= {f"h{n}": keep(text, HTML) for n, text in enumerate(html)}
    script["j.js"] = keep("'/" * many + "`${" * many, "Content-Type: text/javascript")
    stars = "".join(f"Disallow: /{'*a' * 200}*b{n}$\n" for n in range(200))
    script["robots.txt"] = keep(f"User-agent: *\n{stars}", "Content-Type: text/plain")
    styles = "".join(f'<link rel=stylesheet href="/{name}">' for name in script if name.endswith(".css"))
    long = "/" + "a" * 1000
    body = styles + links(*(f"/{name}" for name in script if name[0] == "h"), long) + '<script src="/j.js"></script>'
    return Played(body, script | {long[1:]: page("x")})


@attack("links by the million", "Bombs", heavy=True)
def _(at: Places) -> Played:
    """A page with a million links to another host."""
    million = "".join(f"<a href=//x.invalid/{n}>" for n in range(at.many))
    return Played(links("/million"), {"million": keep(million, HTML)})


def _followed_no_page(seen: Seen) -> str:
    followed = [name for name in ("from-picture", "from-utf7") if seen.here.asked(name)]
    return f"followed a link of what is no page (/{followed[0]})" if followed else bad_names(seen)


@attack("a picture that is HTML, and the reverse", "Bombs", _followed_no_page)
def _(_: Places) -> Played:
    """HTML and scripts as `image/png`, a PNG as `text/html`, HTML in UTF-7 and UTF-16, invalid media types."""
    script = {
        "i.png": keep("<script>alert(1)</script>" + links("/from-picture"), "Content-Type: image/png"),
        "p.html": keep(PNG, HTML),
        "none": Reply(ok(PNG), Then.KEEP),
        "u7": keep("+ADw-a href=/from-utf7+AD4-", "Content-Type: text/html; charset=utf-7"),
        "u16": keep(links("/deep").encode("utf-16"), "Content-Type: text/html; charset=utf-16"),
        "odd": keep(PNG, "Content-Type: ../../text/html;charset=\x1b[31m"),
        "two": keep(links("/deep"), "Content-Type: image/png", HTML),
    }
    return Played(
        links("/p.html", "/none", "/u7", "/u16", "/odd", "/two") + images("/i.png"), script | {"deep": page("x")}
    )


# --- broken answers -------------------------------------------------------------------------------------------------------

_CUT: Final = b"half of a page that was cut"


@attack("wrong lengths", "Broken answers", kept_as_good(_CUT), dict.fromkeys(("long", "forty", "two"), _BROKEN))
def _(_: Places) -> Played:
    """A Content-Length larger than the body, one of forty digits, and two that differ."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
    script = {
        name: Reply(head + lines + b"\r\n\r\n" + _CUT)
        for name, lines in {
            "long": b"Content-Length: 5000",
            "forty": b"Content-Length: " + b"9" * 40,
            "two": b"Content-Length: 3\r\nContent-Length: 5000",
        }.items()
    }
    return Played(links(*(f"/{name}" for name in script)), script)


@attack(
    "invalid chunks",
    "Broken answers",
    kept_as_good(_CUT),
    dict.fromkeys(("cut", "letters", "below", "beyond", "longer"), _BROKEN),
)
def _(_: Places) -> Played:
    """Chunks that are cut short or longer than their size; sizes that are letters, negative or too large to count."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    sized = b"%x\r\n%s\r\n" % (len(_CUT), _CUT)
    script = {
        name: Reply(head + body)
        for name, body in {
            "cut": sized,
            "letters": sized + b"zz\r\nhi\r\n0\r\n\r\n",
            "below": sized + b"-2\r\nhi\r\n0\r\n\r\n",
            "beyond": sized + b"f" * 40 + b"\r\nhi\r\n0\r\n\r\n",
            "longer": sized + b"2\r\nhi there\r\n0\r\n\r\n",
        }.items()
    }
    return Played(links(*(f"/{name}" for name in script)), script)


@attack("what is no HTTP", "Broken answers", reasons=dict.fromkeys(("bytes", "half", "old"), _BROKEN))
def _(_: Places) -> Played:
    """Random bytes, half of a header section, a status of letters (which is 200 to browsers), HTTP/0.9."""
    script = {
        "bytes": Reply(b"\x00\x01\x02\xff" * 100),
        "half": Reply(b"HTTP/1.1 200 OK\r\nContent-Le"),
        "letters": Reply(b"HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nhi"),
        "old": Reply(b"<title>HTTP/0.9</title>"),
    }
    return Played(links(*(f"/{name}" for name in script)), script)


@attack("wrong TLS", "Broken answers", reasons=r"certificate not trusted", silent=True)
def _(at: Places) -> Played:
    """A certificate of an unknown authority, and an `https:` URL of a server without TLS."""
    return Played(images(f"{at.tls}/i.png", at.url.replace("http:", "https:") + "/i.png"))


# --- the servers ----------------------------------------------------------------------------------------------------------


class _Script(dict[str, Script]):
    """A script with a reply to all other paths."""

    def __init__(self, script: Mapping[str, Script], also: Script | None) -> None:
        super().__init__(script)
        self._also = also

    def get(self, name: str, default: object = None) -> Script:
        if name in self:
            return self[name]
        assert default is scripted.MISSING
        return self._also if self._also and name != "robots.txt" else scripted.MISSING


@dataclass(slots=True)
class World:
    """The running servers of some rows."""

    servers: dict[str, Server]
    starts: dict[str, str]
    """Name of a row -> the URL of its start, with a login if the row has one."""
    victim: Server
    other: Server
    root: Path

    def seen(self, name: str, copy: Path, *, alone: bool) -> Seen:
        """Return the result of a row. `alone`: no other row ran, so that all requests to the other servers are its own."""
        server = self.servers[name]
        port = self.starts[name].rpartition(":")[2].rstrip("/")
        files = [
            path
            for path in copy.rglob("*")
            if path.is_file() and not path.is_symlink() and (alone or port in path.relative_to(copy).parts[0])
        ]
        data = b"\n".join(path.read_bytes()[: 1 << 20] for path in files)
        referred = f"{HERE}:{server.port}"
        victims = [
            asked.target
            for asked in self.victim.requests
            if alone or any(key == "referer" and referred in value for key, value in asked.headers)
        ]
        others = [
            asked
            for asked in self.other.requests
            if alone or any(key == "referer" and referred in value for key, value in asked.headers)
        ]
        names = [str(path.relative_to(copy)) for path in files]
        size = sum(path.stat().st_size for path in files)
        return Seen(server, victims, others, names, data, outside(self.root, copy), size)


def outside(root: Path, copy: Path) -> list[str]:
    """Return the files around the copy that are new, changed or missing."""
    found = []
    for path in sorted(root.rglob("*")):
        if path == copy or copy in path.parents or path.is_dir():
            continue
        name = str(path.relative_to(root))
        if LAID_OUT.get(name) != path.read_bytes():
            found.append(name)
    return [*found, *(name for name in LAID_OUT if not (root / name).exists())]


LAID_OUT: Final = {
    "secret.html": f"<title>{SECRET}</title>".encode(),
    f"{OUTSIDE}/victim.html": b"mine",
}


def lay_out(root: Path) -> None:
    """Put files around the copy that are not the copy's."""
    for name, content in LAID_OUT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def plant(attack: Attack, root: Path, copy: Path, port: int) -> None:
    """Put links into the copy, into each folder that a tool may use for the host."""
    for name, target in attack.planted:
        for folder in (f"{HERE}_{port}", f"{HERE}:{port}"):
            place = copy / folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(root / target)


def _asks_for_login(connection: Connection) -> bool:
    has_login = any(name == "authorization" for name, _ in connection.asked.headers)
    reply = page("x") if has_login else keep("", 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized")
    return connection.play(reply)


@contextmanager
def world(attacks: list[Attack], root: Path, *, many: int = 1_000_000) -> Iterator[World]:
    """Run the servers of these rows, each at a port of its own."""
    lay_out(root)
    secret = page(SECRET)
    with ExitStack() as stack:
        victim = stack.enter_context(scripted.serve(_Script({}, secret)))
        other = stack.enter_context(scripted.serve(_Script({"asks": _asks_for_login}, page("x")), OTHER))
        tls = stack.enter_context(_tls())
        ftp = stack.enter_context(serve_ftp(HERE))
        found = World({}, {}, victim, other, root)
        for attack in attacks:
            server = stack.enter_context(scripted.serve({}, HERE))
            at = Places(server.url, server.port, victim.url, victim.port, other.url, tls, ftp, root, many)
            played = attack.play(at)
            start = page(f"{played.body}\n{links('/honest')}", *played.headers)
            server.script = _Script({"": start, "honest": page(HONEST), **played.script}, played.also)
            login = server.url.replace("//", f"//guido:{SECRET}@")
            found.servers[attack.name] = server
            found.starts[attack.name] = attack.start.format(url=server.url, login=login, ftp=ftp)
        yield found


@contextmanager
def _tls() -> Iterator[str]:
    """Run a server with a certificate of an unknown authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HERE).configure_cert(context)
    with scripted.serve({}, HERE) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        yield server.url.replace("http:", "https:")
