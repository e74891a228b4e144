"""The options of a run as checked values: what `-a NAME=VALUE` and `websucker --NAME VALUE` mean.

Input: the user's words by option name. Output: `Options`, or `UsageError` with one line for the user.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie
from pathlib import Path
from typing import Any, Final

from mirror.browser.chromium import find
from mirror.browser.limits import MAX_SETTLE, SETTLE
from mirror.browser.offline_browser import what_is_missing
from mirror.browser.records import Clicks, Screen
from mirror.cli.input_files import (
    check_authorities,
    check_certificate,
    find_file,
    find_netrc,
    read_cookie_file,
    read_netrc,
)
from mirror.cli.option_table import AUTO, NONE, OPTIONS
from mirror.cli.option_values import (
    parse_attributes,
    parse_choice,
    parse_choices,
    parse_domains,
    parse_duration,
    parse_events,
    parse_flag,
    parse_fold,
    parse_headers,
    parse_http_version,
    parse_line,
    parse_login,
    parse_number,
    parse_optional_size,
    parse_path,
    parse_proxy,
    parse_regex,
    parse_seconds,
    parse_share,
    parse_workers,
)
from mirror.cli.start_urls import Start, parse_routes, parse_starts, split
from mirror.cli.usage_errors import Given, UsageError
from mirror.core.http.credentials import Credentials, Header, Login, Origin, Proxy
from mirror.core.policy.reading_requests import Sends
from mirror.core.policy.scope import Area, Media, Requisites, Scope
from mirror.core.syntax.robots_meta import Directive
from mirror.core.url.aliases import FOLDS, Fold
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import Names
from mirror.store.manifest import checks
from mirror.store.manifest.rendering_records import RenderMode
from mirror.store.rules.refresh_policy import RefreshPolicy

REPAIR: Final = "repair"
"""The key in a run's options in the manifest that marks a run of `verify --repair`."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """How files are requested. `None` if the user did not give the option; a size of 0 is no limit."""

    user_agent: str | None = None
    headers: tuple[Header, ...] = field(default=(), repr=False)
    http: str | None = None
    proxy: Proxy | None = None
    private: bool = False
    ca: Path | None = None
    insecure: bool | None = None
    login: Login | None = None
    netrc: Path | None = None
    cookies: Path | None = None
    keeps_cookies: bool | None = None
    certificate: Path | None = None
    key: Path | None = None
    connections: int | None = None
    delay: float | None = None
    rate: int | None = None
    timeout: float | None = None
    max_file: int | None = None
    quota: int | None = None

    @classmethod
    def parse(cls, words: Mapping[str, str]) -> "Transfers":
        """Check the user's words by option name; raises `UsageError`."""
        given = {name: words.get(name, "") for name in OPTIONS}
        certificate, key = (find_file(name, given[name]) for name in ("certificate", "key"))
        check_certificate(certificate, key)
        return cls(
            user_agent=parse_line("user_agent", given["user_agent"]),
            headers=parse_headers(given["header"]),
            http=parse_http_version(given["http"]),
            proxy=parse_proxy(given["proxy"]),
            private=parse_flag("private", given["private"] or "0"),
            ca=check_authorities(find_file("ca", given["ca"])),
            insecure=parse_flag("insecure", given["insecure"]) if given["insecure"] else None,
            login=parse_login(given["login"]),
            netrc=find_netrc(given["netrc"]),
            cookies=None if given["cookies"] == NONE else find_file("cookies", given["cookies"]),
            keeps_cookies=False if given["cookies"] == NONE else None,
            certificate=certificate,
            key=key,
            connections=parse_number("connections", given["connections"], minimum=1),
            delay=parse_seconds("delay", given["delay"]),
            rate=parse_optional_size("rate", given["rate"]),
            timeout=parse_seconds("timeout", given["timeout"], allow_zero=False),
            max_file=parse_optional_size("max_file", given["max_file"]),
            quota=parse_optional_size("quota", given["quota"]),
        )


@dataclass(frozen=True)
class Options:
    """All options of a run."""

    out: Path
    scope: Scope
    limit: int | None
    renewal: RefreshPolicy
    transfers: Transfers
    credentials: Credentials
    cookies: tuple[Cookie, ...] = field(default=(), repr=False)
    workers: int | None = None
    traps: bool = True
    fold: frozenset[Fold] = FOLDS
    keep_errors: bool = False
    attributes: frozenset[str] = frozenset()
    render: RenderMode | None = None
    browser: Path | None = None
    settle: float = SETTLE
    screens: tuple[Screen, ...] = (Screen.DESKTOP,)
    clicks: Clicks = Clicks.NONE
    routes: Mapping[CanonicalURL, tuple[str, ...]] = field(default_factory=dict)
    names: Names | None = None
    events: str | None = None

    @property
    def rendering(self) -> RenderMode:
        """Which pages to render. By default `auto` if a browser is installed, else `never`."""
        if self.render is not None:
            return self.render
        return RenderMode.NEVER if self.missing_browser else RenderMode.AUTO

    @property
    def missing_browser(self) -> str | None:
        """What has to be installed to render pages, as a sentence; `None` if nothing, or if the user has decided."""
        return None if self.render is not None else what_is_missing(self.browser)

    @classmethod
    def parse(cls, words: Mapping[str, str]) -> "Options":
        """Check the user's words by option name; an empty word means the default. Raises `UsageError`."""
        unknown = sorted(set(words) - set(OPTIONS))
        if unknown:
            raise UsageError(f"there is no option {unknown[0]!r}; the options are {', '.join(OPTIONS)}")
        values = {name: words.get(name) or option.default for name, option in OPTIONS.items()}
        starts = parse_starts(values["start"])
        scope, renewal, transfers = _scope(starts, values), _renewal(values), Transfers.parse(words)
        browser = parse_path(values["browser"]) if values["browser"] else None
        return cls(
            out=parse_path(values["out"]),
            scope=scope,
            limit=parse_number("limit", values["limit"], minimum=1),
            renewal=renewal,
            transfers=transfers,
            credentials=_credentials(starts, transfers),
            cookies=read_cookie_file(transfers.cookies) if transfers.cookies else (),
            workers=parse_workers(values["workers"]),
            traps=parse_flag("traps", values["traps"]),
            fold=parse_fold(values["fold"])
            | ({Fold.CASE} if parse_flag("ignore_case", values["ignore_case"]) else set()),
            attributes=parse_attributes(values["attributes"]),
            keep_errors=parse_flag("keep_errors", values["keep_errors"]),
            render=_render(values["render"], browser),
            browser=browser,
            settle=_settle(values["settle"]),
            clicks=parse_choice(Clicks, "click", values["click"]),
            screens=_screens(values["viewport"]),
            routes=parse_routes(values["start"]),
            events=parse_events(values["events"]),
            names=None if values["names"] == AUTO else parse_choice(Names, "names", values["names"]),
        )

    def as_json(self) -> dict[str, Any]:
        """The options that decide whether a run continues an earlier one, and that `verify --repair` uses again.

        These are the options that determine the pages and their contents. Options for transfers are not included: if a run
        ended because of a slow line, a proxy or `quota`, the user can change these options and continue it. Secrets such as
        logins and headers are left out, so that the archive holds none. Options that an older version did not have are
        included only if the user gave them, so that a new version continues the runs of an old one.
        """
        obeys = sorted(self.scope.obeys)
        given = {
            "routes": [f"{url}{route}" for url, routes in self.routes.items() for route in routes] or None,
            "also": ",".join(self.scope.also) or None,
            "no_cookies": None if self.transfers.keeps_cookies is None else True,
            "max_file": self.transfers.max_file,
            "user_agent": self.transfers.user_agent,
            "traps": None if self.traps else False,
            "fold": _fold_word(self.fold),
            "attributes": ",".join(sorted(self.attributes)) or None,
            "keep_errors": 1 if self.keep_errors else None,
            "ignore_case": 1 if Fold.CASE in self.fold else None,
            "render": self.render,
            "media": None if self.scope.media is Media.ALL else self.scope.media,
            "private": 1 if self.transfers.private else None,
            "variants": None if self.scope.sends is Sends.AUTO else self.scope.sends,
            "obey": None if obeys == [OPTIONS["obey"].default] else ",".join(obeys) or NONE,
        }
        return {
            "start": list(self.scope.starts),
            "scope": self.scope.area,
            "requisites": self.scope.requisites,
            "include": self.scope.include and self.scope.include.pattern,
            "exclude": self.scope.exclude and self.scope.exclude.pattern,
            "depth": self.scope.depth,
            "limit": self.limit,
            **{name: value for name, value in given.items() if value is not None},
        }

    def settings(self) -> dict[str, Any]:
        """The settings of Scrapy and Websucker that the user's options set; no secrets, because Scrapy logs settings."""
        given = self.transfers
        settings = {
            "CONCURRENT_REQUESTS": given.connections,
            "CONCURRENT_REQUESTS_PER_DOMAIN": given.connections,
            "DOWNLOAD_DELAY": given.delay,
            "DOWNLOAD_DELAY_JITTER": None
            if given.delay is None
            else 0.0,  # exactly the user's delay, like wget's --wait
            "DOWNLOAD_TIMEOUT": given.timeout,
            "USER_AGENT": given.user_agent,
            "DOWNLOAD_VERIFY_CERTIFICATES": None if given.insecure is None else not given.insecure,
            "DOWNLOAD_MAXSIZE": given.max_file,
            "COOKIES_ENABLED": given.keeps_cookies,
            "MIRROR_RATE": given.rate,
            "MIRROR_QUOTA": given.quota,
            "MIRROR_HTTP_VERSION": given.http,
            "MIRROR_CLIENT_CERTIFICATE": given.certificate and str(given.certificate),
            "MIRROR_CLIENT_KEY": given.key and str(given.key),
            "MIRROR_CA_FILE": given.ca and str(given.ca),
            "MIRROR_EVENTS": self.events,
        }
        return {name: value for name, value in settings.items() if value is not None}


def _scope(starts: Iterable[Start], values: Mapping[str, str]) -> Scope:
    return Scope(
        starts=tuple(dict.fromkeys(url for url, _ in starts)),
        area=parse_choice(Area, "scope", values["scope"]),
        also=parse_domains("also", values["also"]),
        requisites=parse_choice(Requisites, "requisites", values["requisites"]),
        media=parse_choice(Media, "media", values["media"]),
        include=parse_regex("include", values["include"]),
        exclude=parse_regex("exclude", values["exclude"]),
        depth=parse_number("depth", values["depth"], minimum=0),
        sends=parse_choice(Sends, "variants", values["variants"]),
        obeys=parse_choices(Directive, "obey", values["obey"]),
    )


def _renewal(values: Mapping[str, str]) -> RefreshPolicy:
    return RefreshPolicy(
        refresh=parse_duration("refresh", values["refresh"]),
        trust=parse_flag("trust", values["trust"]),
        max_loss=parse_share("max_loss", values["max_loss"]),
    )


def _render(text: str, browser: Path | None) -> RenderMode | None:
    """Parse `render=`, and check that a browser is there if it needs one."""
    if browser and find(browser) is None:
        raise UsageError(Given("browser", browser), " is not an executable program")
    if not text:
        return None
    when = parse_choice(RenderMode, "render", text)
    missing = None if when is RenderMode.NEVER else what_is_missing(browser)
    if missing:
        raise UsageError(Given("render", text), f": {missing}")
    return when


def _screens(text: str) -> tuple[Screen, ...]:
    """Parse `viewport=`; the order stays."""
    return tuple(dict.fromkeys(parse_choice(Screen, "viewport", part.strip()) for part in text.split(",")))


def _settle(text: str) -> float:
    seconds = parse_seconds("settle", text) or 0.0
    if seconds > MAX_SETTLE:
        raise UsageError(Given("settle", text), f": the browser waits for at most {MAX_SETTLE:g} seconds")
    return seconds


def _credentials(starts: Iterable[Start], transfers: Transfers) -> Credentials:
    """The logins by origin: those in start URLs, then `login=` for the other start URLs. The netrc file adds the rest."""
    hosts = read_netrc(transfers.netrc) if transfers.netrc else {}
    origins = frozenset(Origin.of(url) for url, _ in starts)
    logins: dict[Origin, Login] = {}
    for url, login in starts:
        origin = Origin.of(url)
        if login and logins.setdefault(origin, login) != login:
            raise UsageError(f"the start URLs have two logins for {origin}: give one")
    for origin, login in logins.items():
        known = hosts.get(origin.host)
        if known and not login.password and known.user == login.user:
            logins[origin] = known  # the URL has the user's name, the file the password
    if transfers.login:
        logins = dict.fromkeys(origins, transfers.login) | logins
    return Credentials(origins, logins, hosts, transfers.headers)


def _fold_word(folds: frozenset[Fold]) -> str | bool | None:
    """What `as_json` stores of `fold`: nothing for the default, and `False` for none, as earlier versions did."""
    folds &= FOLDS
    return None if folds == FOLDS else ",".join(sorted(folds)) or False


_STORED: Final = frozenset(
    {
        "ignore_case",
        "keep_errors",
        "attributes",
        "scope",
        "also",
        "requisites",
        "media",
        "include",
        "exclude",
        "depth",
        "limit",
        "max_file",
        "user_agent",
        "traps",
        "fold",
        "private",
        "variants",
        "obey",
    }
)
"""The options that `as_json` stores and that decide about the pages and their contents; rendering needs no repeating."""


def stored_words(stored: dict[str, Any]) -> dict[str, str]:
    """Return the words that repeat the options of an earlier run, as `as_json` stored them in an archive.

    Somebody else may have made the archive: an option that is not stored is left out, and a start is one URL. Raises
    `DamagedManifestError`.
    """
    starts = " ".join(checks.urls(stored.get("start")))
    if split(starts) != stored["start"]:  # such as `http://a/,@FILE` or `http://a/,file:///etc/`
        raise checks.DamagedManifestError("a start is more than one URL")
    given = {name: value for name, value in stored.items() if name in _STORED and value is not None}
    words = {name: str(int(value) if isinstance(value, bool) else value) for name, value in given.items()}
    return {"start": starts, **words, **({"cookies": NONE} if stored.get("no_cookies") else {})}


def reads_files(stored: dict[str, Any]) -> bool:
    """Whether a run with the stored options copies files of this machine: a start has the scheme `file`."""
    return any(start.startswith("file:") for start in checks.urls(stored.get("start")))
