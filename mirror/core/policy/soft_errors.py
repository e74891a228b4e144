"""Soft errors: answers with a success status that are an error page or a login page in the place of an earlier good page.

Input: two HTML documents as text, or the status and the target of a redirect. Output: a `Suspicion` or `None`. This module
doesn't decide what happens to the earlier page, and it doesn't judge a page that has no earlier version.

Avoiding false alarms comes first: a page about logins or about the number 404 is no soft error. The tables have only the names
and phrases that servers, frameworks and content management systems actually use for such pages.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mirror.core.document import documents
from mirror.core.http.messages import Response
from mirror.core.syntax.markup import read_html
from mirror.core.url.canonical import CanonicalURL, is_web, split


class Suspicion(StrEnum):
    """What an answer seems to be instead of the page."""

    LOGIN = "login page where a page was"
    NOT_FOUND = "soft 404 where a page was"


PHRASES: Final = (
    "404",
    "not found",
    "cannot be found",
    "can't be found",
    "could not be found",
    "couldn't be found",
    "couldn't find",
    "does not exist",
    "doesn't exist",
    "no longer exists",
    "no longer available",
    "page missing",
    "page unavailable",
    "nicht gefunden",
    "existiert nicht",
    "nicht mehr verfügbar",
    "introuvable",
    "n'existe pas",
    "n'existe plus",
    "no encontrado",
    "no encontrada",
    "no existe",
    "não encontrado",
    "não encontrada",
    "não existe",
    "non trovata",
    "non trovato",
    "non esiste",
    "niet gevonden",
    "bestaat niet",
    "nie znaleziono",
    "nie istnieje",
    "nenalezena",
    "nenalezeno",
    "nebyla nalezena",
    "hittades inte",
    "ikke funnet",
    "ikke fundet",
    "ei löytynyt",
    "не найдена",
    "не найдено",
    "не существует",
    "не знайдено",
    "nem található",
    "δεν βρέθηκε",
)
"""Phrases of the title or heading of an error page; they match as whole words, after `_folded`."""

UNSPACED_PHRASES: Final = ("页面不存在", "未找到", "找不到", "見つかりません", "찾을 수 없")
"""The same for scripts that don't separate words."""

LOGIN_PLACES: Final = (
    "login",
    "log-in",
    "log_in",
    "wp-login",
    "userlogin",
    "user-login",
    "special:userlogin",
    "logon",
    "log-on",
    "signin",
    "sign-in",
    "sign_in",
    "session/new",
    "sessions/new",
    "/auth",
    "/authenticate",
    "/authorize",
    "/oauth",
    "/oauth2",
    "/openid",
    "/saml",
    "/saml2",
    "/sso",
    "/cas",
)
"""Segments of the path of a login page. Those with a slash count only at the root, because manuals may have an `auth` too."""

NOT_FOUND_PLACES: Final = (
    "/404",
    "/notfound",
    "/not-found",
    "/not_found",
    "error/404",
    "error/notfound",
    "error/not-found",
    "errors/404",
    "errors/notfound",
    "errors/not-found",
    "error404",
    "error-404",
    "404-not-found",
    "page-not-found",
    "page_not_found",
    "pagenotfound",
)
"""Segments of the path of an error page, in the same notation. `/articles/404` is an article."""

LOGIN_WORDS: Final = (
    "log in",
    "login",
    "logon",
    "sign in",
    "sign-in",
    "signin",
    "anmelden",
    "anmeldung",
    "einloggen",
    "connexion",
    "se connecter",
    "iniciar sesión",
    "acceder",
    "accedi",
    "entrar",
    "inloggen",
    "aanmelden",
    "zaloguj",
    "logowanie",
    "přihlášení",
    "logga in",
    "logg inn",
    "log ind",
    "kirjaudu",
    "войти",
    "вход",
    "увійти",
    "ログイン",
    "登录",
    "로그인",
)
"""Words of the title or heading of a login page; they match as whole words, after `_folded`."""

LOGIN_HOSTS: Final = frozenset(
    {"login", "logon", "signin", "sign-in", "auth", "oauth", "sso", "saml", "cas", "idp", "accounts"}
)
"""Labels of the host of a login page. The last two labels don't count: `cas.cz` is an academy."""

TEMPORARY: Final = frozenset({302, 303, 307})
"""Statuses of redirects that are not permanent (RFC 9110 15.4)."""


def answer_suspicion(before: Response, now: Response) -> Suspicion | None:
    """Return the suspicion that a good answer is a login page or a soft error in the place of the earlier page.

    File servers have neither: they report a missing file as an error.
    """
    if not is_web(before.url):
        return None
    if now.is_redirect:
        target = next((reference.url for reference in documents.find_references(now)), None)
        return redirect_suspicion(before.url, now.status, target) if target else None
    texts = [text for response in (before, now) if (text := documents.html_text(response)) is not None]
    return suspicion(*texts) if len(texts) == 2 else None  # noqa: PLR2004 - both


def suspicion(before: str, now: str) -> Suspicion | None:
    """Return what a page seems to be now, compared with its earlier version; both are HTML documents.

    A soft 404 has a phrase in its title or first heading. A login page has a password field and another title than before. What
    the earlier version had too raises no suspicion.

    >>> suspicion("<title>Fish</title>", "<title>Sorry: page not found</title>")
    <Suspicion.NOT_FOUND: 'soft 404 where a page was'>
    >>> suspicion("<title>Room 4039</title>", "<title>Room 4040</title>") is None
    True
    """
    old, new = _read(before), _read(now)
    if new.is_missing and not old.is_missing:
        return Suspicion.NOT_FOUND
    if new.has_password and not old.has_password and new.title != old.title:
        return Suspicion.LOGIN
    return None


def redirect_suspicion(page: CanonicalURL, status: int, target: CanonicalURL) -> Suspicion | None:
    """Return what a redirect of a page seems to be, judged by its target: a login page, an error page or the home page.

    >>> page = CanonicalURL("https://example.org/a")
    >>> redirect_suspicion(page, 302, CanonicalURL("https://example.org/login?next=/a"))
    <Suspicion.LOGIN: 'login page where a page was'>
    >>> redirect_suspicion(page, 302, CanonicalURL("https://example.org/authors/")) is None
    True
    """
    if status not in TEMPORARY:
        return None
    parts, here = split(target), split(page)
    path = parts.path.lower()
    if _NOT_FOUND_PATH.search(path):
        return Suspicion.NOT_FOUND
    if _LOGIN_PATH.search(path) or LOGIN_HOSTS.intersection(parts.host.split(".")[:-2]):
        return Suspicion.LOGIN
    is_home = (parts.host, parts.path) == (here.host, "/") and not parts.query
    return Suspicion.NOT_FOUND if is_home and not _HOME_PATH.fullmatch(here.path) else None


def leads_to_login(page: CanonicalURL, status: int, target: CanonicalURL) -> bool:
    """Whether a redirect of a page leads to a login page of any kind, judged by its target.

    >>> leads_to_login(CanonicalURL("https://a.example/m/"), 302, CanonicalURL("https://a.example/login?next=/m/"))
    True
    """
    return redirect_suspicion(page, status, target) is Suspicion.LOGIN


def is_login_page(html: str) -> bool:
    """Whether a document is a login page: it has a password field, and its title or first heading says so.

    >>> is_login_page("<title>Log in - Club</title><input type=password>"), is_login_page("<title>Club</title>")
    (True, False)
    """
    page = _read(html)
    return page.has_password and bool(_LOGIN_WORDS.search(page.title) or _LOGIN_WORDS.search(page.heading))


@dataclass(frozen=True, slots=True)
class _Page:
    """The parts of a page that are judged."""

    title: str
    heading: str
    has_password: bool

    @property
    def is_missing(self) -> bool:
        return bool(_MISSING.search(self.title) or _MISSING.search(self.heading))


class _Reader:
    """Collects the first title, the first h1, and whether there is a password field."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.has_password = False
        self._open = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in {"title", "h1"} and tag not in self.texts:
            self.texts[tag] = []
            self._open = tag
        elif tag == "input" and attributes.get("type", "").strip().lower() == "password":
            self.has_password = True

    def data(self, text: str) -> None:
        if self._open:
            self.texts[self._open].append(text)

    def end(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def text(self, tag: str) -> str:
        return _folded("".join(self.texts.get(tag, ())))


def _read(html: str) -> _Page:
    reader = read_html(html, _Reader)
    return _Page(reader.text("title"), reader.text("h1"), reader.has_password)


def _folded(text: str) -> str:
    """Normalise white space, case, compatibility characters and apostrophes."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold().split())


def _alternatives(phrases: tuple[str, ...]) -> str:
    return "|".join(re.escape(_folded(phrase)) for phrase in phrases)


def _places(places: tuple[str, ...]) -> re.Pattern[str]:
    """Compile a pattern that finds segments in a path. A language may precede those at the root; each may have an extension."""
    root = r"^(?:/[a-z]{2}(?:[-_][a-z]{2})?)?"
    alternatives = "|".join((root if place[0] == "/" else "/") + re.escape(place) for place in places)
    return re.compile(rf"(?:{alternatives})(?:\.[a-z]{{2,5}})?(?=[/;]|$)")


# 404 as a part of a number or a price doesn't count: 1,404 or $404 or 404.5
_MISSING: Final = re.compile(
    rf"(?<![\w$€£#])(?<!\d[.,])(?:{_alternatives(PHRASES)})(?!\w|[.,]\d)|{_alternatives(UNSPACED_PHRASES)}"
)
_LOGIN_WORDS: Final = re.compile(rf"(?<!\w)(?:{_alternatives(LOGIN_WORDS)})(?!\w)")
_HOME_PATH: Final = re.compile(r"/(?:(?:index|home|default|start)(?:\.\w+)?/?)?", re.IGNORECASE)
_LOGIN_PATH: Final = _places(LOGIN_PLACES)
_NOT_FOUND_PATH: Final = _places(NOT_FOUND_PLACES)
