"""The table of options. `--help`, `scrapy crawl --help` and docs/options.md are generated from it.

A description is a phrase without a capital letter or a full stop, in which backticks mark literal text; `--help` leaves
the backticks out. Details are whole Markdown sentences that only docs/options.md shows.

A new option needs a row here and a field in `options.Options` or `options.Transfers`, which `parse` fills. `Options.settings`
passes it on as a Scrapy setting, unless it is secret: Scrapy logs settings. `Options.as_json` has what tells two runs apart.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from mirror import __version__

AUTO: Final = "auto"
"""The value that leaves a choice to Websucker."""

NONE: Final = "none"
"""The value that turns off what is on by default."""


class Group(StrEnum):
    """The headings under which the help and docs/options.md list the options."""

    WHAT = "What to fetch"
    WHERE = "Where to store it"
    UPDATES = "Updates"
    REQUESTS = "Requests"
    CREDENTIALS = "Credentials"
    TRANSFERS = "Transfers"


class Option(NamedTuple):
    """One option: the name of its value, its default or "", what it does; `repeatable` options can be given several times.

    `default_note` describes a default that a user could not give as a value. `short` are the letters by which hands know the
    option from curl or wget. `usual`: `--help` lists it, not only `--help all`.
    """

    value: str
    default: str
    description: str
    group: Group
    repeatable: bool = False
    details: str = ""
    default_note: str = ""
    short: str = ""
    usual: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off, and `websucker` takes it without a value: as `--NAME` or `--no-NAME`."""
        return self.value == "0|1"

    @property
    def help(self) -> str:
        """The text of `--help`."""
        default = self.default or self.default_note
        if self.is_switch:
            default = "on" if self.default == "1" else "off"
        return (f"{self.description} (default: {default})" if default else self.description).replace("`", "")


def flag(name: str) -> str:
    """The option on the command line of `websucker`.

    >>> flag("max_file")
    '--max-file'
    """
    return f"--{name.replace('_', '-')}"


OPTIONS: Final[dict[str, Option]] = {
    "start": Option(
        "URL",
        "",
        "URL to start from, or several; `@FILE` reads them from a file; `user:password@` before a host is the login for it",
        Group.WHAT,
        details="[Without a scheme](#start-urls), it means https if the host has it, else http. A file has one or more URLs on "
        "each line, and `#` starts a comment. If a start redirects to another site, that site is mirrored in its place, and "
        "the summary says so; it gets no login of the first one, and `exclude` bars it. [Logins](logins.md)",
        usual=True,
    ),
    "scope": Option(
        "WORD",
        "site",
        "how far to follow links: `site` (the registrable domain), `host`, or `prefix` (the folder of the start URL)",
        Group.WHAT,
        details="With `site`, `docs.example.org` and `example.org` belong together. `host` is the same host and port. "
        "`prefix` is the folder of the start URL and everything below it.",
        usual=True,
    ),
    "also": Option(
        "LIST",
        "",
        "further domains whose pages belong to the mirror, with all hosts below them, separated by commas: "
        "`example.com,cdn.example.net`",
        Group.WHAT,
        details="They belong to it as a whole, whatever `scope` is, and count as the site for `requisites`. "
        "`example.com:8080` is that port only. They get no logins; [who gets what](logins.md#who-gets-what).",
    ),
    "requisites": Option(
        "WORD",
        "all",
        "where to fetch images, stylesheets, scripts, fonts and media from: `all` (anywhere), `site`, or `none`",
        Group.WHAT,
        details="With `all`, Websucker fetches them from any host, but does not follow links to pages there.",
    ),
    "attributes": Option(
        "LIST",
        "",
        "further attributes of elements that hold the URL of a file that a page needs, separated by commas: "
        "`zoom,full`",
        Group.WHAT,
        details="Pictures in `data-*` attributes are found by their extension without this option. An attribute with `srcset` "
        "in its name holds a list. What a standard says of an attribute, such as `href`, stays.",
    ),
    "media": Option(
        "WORD",
        "all",
        "which qualities of films and music in playlists (HLS, DASH) to fetch: `all`, `best`, or `none`, the playlists only",
        Group.WHAT,
        details="[Films and music in pieces](media.md)",
    ),
    "include": Option("REGEX", "", "follow only pages whose URL matches", Group.WHAT, usual=True),
    "exclude": Option("REGEX", "", "fetch nothing whose URL matches", Group.WHAT, usual=True),
    "depth": Option(
        "N",
        "",
        "follow links at most N levels deep; 0 fetches the start URLs only",
        Group.WHAT,
        short="l",
        usual=True,
    ),
    "limit": Option("N", "", "fetch at most N pages, and the files that they need", Group.WHAT, usual=True),
    "max_file": Option(
        "SIZE",
        "0",
        "skip files that are larger, for example `500k`, `100M` or `1.5G`; 0 sets no limit",
        Group.WHAT,
        details="A copy that the archive already has stays.",
        usual=True,
    ),
    "quota": Option(
        "SIZE",
        "",
        "stop after receiving this many bytes; the same command continues later",
        Group.WHAT,
        short="Q",
    ),
    "obey": Option(
        "WORDS",
        "nofollow",
        "which instructions to robots in pages to obey: `nofollow` (do not follow the links of this page), `rel` "
        "(do not follow links with rel=nofollow), `noindex` and `noarchive` (leave this page out), several separated by "
        "commas, or `none`",
        Group.WHAT,
        details="[What pages ask for](politeness.md#what-pages-ask-for)",
    ),
    "traps": Option(
        "0|1",
        "1",
        "stop following parts of a site that have no end and nothing new, such as calendars, combinations of filters and "
        "endless pages",
        Group.WHAT,
        details="[Traps](traps.md)",
    ),
    "fold": Option(
        "WORDS",
        "all",
        "treat URLs as one that differ only in tracking parameters (`tracking`), session ids (`sessions`), a URL in a URL "
        "(`nested`) or the order of a listing (`sortings`); also URLs with the same content, if one page calls the other "
        "`canonical` or if they differ only in `www.` (`www`), in http and https (`scheme`), or as a folder and its index page "
        "do (`index`); `all`, `none`, or several words separated by commas",
        Group.WHAT,
        details="1 and 0 mean `all` and `none`. [Which URLs are one resource](traps.md#which-urls-are-one-resource)",
    ),
    "ignore_case": Option(
        "0|1",
        "0",
        "treat URLs as one whose paths differ only in capital letters, as servers on Windows do",
        Group.WHAT,
        details="[Which URLs are one resource](traps.md#which-urls-are-one-resource)",
    ),
    "keep_errors": Option(
        "0|1",
        "0",
        "keep the answers of pages that fail as files, such as the page of a 404",
        Group.WHAT,
        details="They still count as failures, their links are not followed, and they never replace a good copy. "
        "[Pages with status 404](updates.md#pages-with-status-404)",
    ),
    "render": Option(
        "WORD",
        "",
        "open pages in a browser to find the files that their scripts load: `auto` (pages whose HTML suggests that there are "
        "some), `always`, `never`, or `dom` (always, and publish pages as their scripts built them, without the scripts)",
        Group.WHAT,
        details="[Rendering](rendering.md)",
        default_note="`auto` if a browser is installed, else `never`",
        usual=True,
    ),
    "settle": Option(
        "SECONDS",
        "3",
        "wait for the timers of a rendered page that are due within so many seconds of its last request",
        Group.WHAT,
        details="[Rendering](rendering.md#how-a-page-is-rendered)",
    ),
    "viewport": Option(
        "LIST",
        "desktop",
        "show rendered pages on these screens, one after the other: `desktop` (1280x900), `phone` (390x844), or both, "
        "separated by a comma",
        Group.WHAT,
        details="[Rendering](rendering.md#how-a-page-is-rendered)",
    ),
    "click": Option(
        "WORD",
        "none",
        'in rendered pages, click on what reveals more: `auto` (tabs, menus, details, "load more"; never in forms, on links to '
        "other pages, or on what logs out, buys or deletes), or `none`",
        Group.WHAT,
        details="[Rendering](rendering.md#how-a-page-is-rendered)",
    ),
    "variants": Option(
        "WORD",
        "auto",
        "keep what scripts of rendered pages get by more than a URL: `auto` (by headers of their own, and by POST if it only "
        "reads, such as a search), `all` (by every POST to a site of the start URLs), or `none`",
        Group.WHAT,
        details="[Requests that are more than a URL](rendering.md#requests-that-are-more-than-a-url)",
    ),
    "browser": Option(
        "PATH",
        "",
        "the Chromium in which to open pages",
        Group.WHAT,
        default_note="the first of `chromium`, `chromium-browser`, `google-chrome`... that is installed",
    ),
    "out": Option("DIR", "archive", "the folder of the archive", Group.WHERE, short="oP", usual=True),
    "names": Option(
        "WORD",
        AUTO,
        "how to name files: `exact` (as in their URLs), `portable` (so that the tree can be copied to Windows, macOS, a stick "
        "or a share), or `auto`, exact where the file system can keep the names apart",
        Group.WHERE,
        details="An archive keeps its names until a run, or `publish`, is given others. [File names](file-names.md)",
    ),
    "events": Option(
        "FILE|unix:PATH|-",
        "",
        "write what happens as lines of JSON: to the end of a file, to a socket that somebody listens on, or to stdout (`-`)",
        Group.WHERE,
        details="On stdout, they take the place of the list of files. [Events](events.md)",
    ),
    "refresh": Option(
        "DURATION",
        "",
        "do not check files again that were checked within this time: `30m`, `12h`, `7d` or `1d12h`",
        Group.UPDATES,
        usual=True,
    ),
    "trust": Option(
        "0|1",
        "0",
        "do not check files again that are still fresh according to their server (`Cache-Control: max-age`, `Expires`)",
        Group.UPDATES,
    ),
    "max_loss": Option(
        "SHARE",
        "0.5",
        "hold a run in which more than this share of the pages loses its content; 1 holds none",
        Group.UPDATES,
        details="Ten lost pages are always accepted, but no lost start URL. [Held runs](updates.md#held-runs)",
    ),
    "user_agent": Option(
        "TEXT",
        f"Websucker/{__version__}",
        "the User-Agent to send",
        Group.REQUESTS,
        details="It does not change which groups of robots.txt apply. [robots.txt](politeness.md#robotstxt-rfc-9309)",
        short="AU",
        usual=True,
    ),
    "header": Option(
        "NAME:VALUE",
        "",
        "add a header to requests; can be given several times; a header that holds a secret goes only to the origins of the "
        "start URLs",
        Group.REQUESTS,
        repeatable=True,
        details="[Which headers hold a secret](logins.md#who-gets-what)",
        short="H",
        usual=True,
    ),
    "http": Option(
        "1.1|2|3",
        "2",
        "the highest HTTP version to use; Websucker uses HTTP/2 over TLS only",
        Group.REQUESTS,
        details="With servers that do not support it, Websucker uses a lower version.",
    ),
    "proxy": Option(
        "URL",
        "",
        "send requests through this proxy: `SCHEME://host:port`, with `user:password@` before the host if it needs a login; "
        "SCHEME is `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`; `none` connects directly",
        Group.REQUESTS,
        default_note="from the environment",
        short="x",
    ),
    "private": Option(
        "0|1",
        "0",
        "allow connections to loopback, private and other special addresses even if the start URL is on the internet",
        Group.REQUESTS,
        details="Without it, no public site can lead Websucker to this machine, its network or a cloud's metadata. "
        "[SECURITY.md](../SECURITY.md)",
    ),
    "ca": Option(
        "FILE", "", "trust the certificate authorities in this PEM file instead of the usual ones", Group.REQUESTS
    ),
    "insecure": Option(
        "0|1",
        "0",
        "accept certificates that can't be verified",
        Group.REQUESTS,
        details="Over sftp, it accepts hosts that are not in `~/.ssh/known_hosts`.",
    ),
    "login": Option(
        "USER:PASSWORD",
        "",
        "log in to the origins of the start URLs, and nowhere else",
        Group.CREDENTIALS,
        details="[Logins and cookies](logins.md)",
        short="u",
        usual=True,
    ),
    "netrc": Option(
        "FILE",
        "~/.netrc",
        "read logins by host from this file, in the format of ftp, curl and wget; `none` reads no such file",
        Group.CREDENTIALS,
    ),
    "cookies": Option(
        "FILE",
        "",
        "send the cookies of this `cookies.txt`, in the format of browser extensions, curl and wget; `none` keeps and sends no "
        "cookies at all",
        Group.CREDENTIALS,
        details="By default, Websucker keeps the cookies that servers set until the run ends.",
        short="b",
        usual=True,
    ),
    "certificate": Option("FILE", "", "the client certificate, in PEM", Group.CREDENTIALS),
    "key": Option(
        "FILE", "", "the private key of the client certificate, if it is not in the same file", Group.CREDENTIALS
    ),
    "connections": Option(
        "N", "128", "transfer at most N files at once; without this option, at most 8 from one host", Group.TRANSFERS
    ),
    "delay": Option(
        "SECONDS", "0", "wait this long between two requests to the same host", Group.TRANSFERS, short="w", usual=True
    ),
    "rate": Option(
        "SIZE",
        "",
        "receive at most this many bytes a second, all transfers together, for example `500k`; 0 sets no limit",
        Group.TRANSFERS,
        usual=True,
    ),
    "timeout": Option(
        "SECONDS", "180", "give up a transfer that receives nothing for this long", Group.TRANSFERS, short="T"
    ),
    "workers": Option(
        "N",
        AUTO,
        "read and rewrite documents in N extra processes; `auto` uses one for each core, up to 4, and none on a single core",
        Group.TRANSFERS,
    ),
}
"""Option name -> option, in the order in which the help lists them.

A default that Scrapy or mirror/settings.py sets is repeated here for the user, not set from here.
"""
