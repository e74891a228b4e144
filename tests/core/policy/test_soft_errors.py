"""Soft errors: answers that are no longer the page, and honest pages that raise no suspicion."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.policy.soft_errors import (
    LOGIN_HOSTS,
    LOGIN_PLACES,
    LOGIN_WORDS,
    NOT_FOUND_PLACES,
    PHRASES,
    UNSPACED_PHRASES,
    Suspicion,
    is_login_page,
    leads_to_login,
    redirect_suspicion,
    suspicion,
)
from mirror.core.url.canonical import canonical

PAGE = canonical("https://example.org/fish")
LAW = settings(max_examples=200)

LOGIN, NOT_FOUND = Suspicion.LOGIN, Suspicion.NOT_FOUND
FORM = "<form><input name=user><input type=password></form>"
GOOD = "<title>Fish - Example</title><h1>Fish</h1><p>They can swim."


def page(title: str = "", heading: str = "", body: str = "") -> str:
    return f"<!doctype html><head><title>{title}</title></head><body><h1>{heading}</h1>{body}</body>"


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (GOOD, GOOD, None),
        (GOOD, GOOD + FORM, None),  # the page, and a login form beside it
        (GOOD, page("fish  -\nEXAMPLE", "", FORM), None),
        (GOOD, page("Sign in", "", FORM), LOGIN),
        (GOOD, page("", "", FORM), LOGIN),
        (GOOD, page("Welcome", "", "<INPUT TYPE=' Password '>"), LOGIN),
        (GOOD, page("Welcome", "", "<input type=text>"), None),
        (GOOD, page("Welcome", "", "<!-- <input type=password> --><p>&lt;input type=password>"), None),
        (page("Log in", "", FORM), page("Sign in", "", FORM), None),
        ("", FORM, None),
        (GOOD, "", None),
        (GOOD, page("404"), NOT_FOUND),
        (GOOD, page("Error 404 (Not Found)!!1"), NOT_FOUND),
        (GOOD, page("Example", "Sorry, that page <em>doesn&rsquo;t</em>\n exist"), NOT_FOUND),
        (GOOD, page("Example", "\uff14\uff10\uff14"), NOT_FOUND),
        (GOOD, page("Seite nicht gefunden | Beispiel", "", FORM), NOT_FOUND),
        (GOOD, page("Pa\u0301gina na\u0303o encontrada"), NOT_FOUND),
        (GOOD, page("抱歉您访问的页面不存在"), NOT_FOUND),
        (GOOD, "<p>x</p><title>404</title>", NOT_FOUND),
        (GOOD, "<title>Not found", NOT_FOUND),
        (GOOD, page("Fish", "", "<p>404 not found"), None),
        (GOOD, page("Fish", "Fish", "<h1>Not found</h1>"), None),
        (GOOD, page("Fish", "", "<svg><title>Not found</title></svg>"), None),
        (page("Not found: an essay"), page("Not found: the essay"), None),
        (page("", "404"), page("404"), None),
        (GOOD, page("Room 4040"), None),
        (GOOD, page("1,404 fish"), None),
        (GOOD, page("Now $404 or 404.50"), None),
        (GOOD, page("Knot founders"), None),
        (GOOD, page("How not to be seen"), None),
    ],
)
def test_suspicion(before: str, now: str, expected: Suspicion | None) -> None:
    assert suspicion(before, now) is expected


@pytest.mark.parametrize("phrase", [*PHRASES, *UNSPACED_PHRASES])
def test_phrases(phrase: str) -> None:
    for text in (phrase, phrase.upper(), f"(Page) {phrase}!", phrase.replace("'", "\u2019").replace(" ", "&nbsp;\n")):
        assert suspicion(GOOD, page(text)) is NOT_FOUND
        assert suspicion(GOOD, page("", text)) is NOT_FOUND
        assert suspicion(page(text), page("", text)) is None


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases_are_whole(phrase: str) -> None:
    assert suspicion(GOOD, page(f"x{phrase}")) is None
    assert suspicion(GOOD, page(f"{phrase}x")) is None


@pytest.mark.parametrize(
    "markup",
    [
        "<",
        "<title",
        "<title>",
        "<h1><title><h1>",
        "\0<title>\0</title>",
        "\ud800<h1>\udcff",
        "</title></h1></input>",
        "<div>" * 50_000,
        "<title>" * 50_000,
        "<h1>" * 5_000,
        "<title>" + "a " * 10**6,
        '<input type="' + "a" * 10**6,
    ],
)
def test_broken_markup_can_be_read(markup: str) -> None:
    assert suspicion(markup, markup) is None
    suspicion(GOOD, markup)


TOKENS = st.lists(
    st.sampled_from(
        ("<title>", "</title>", "<h1>", "</h1>", FORM, "<input ", ">", "404", "not found", "Fish", "<!--", "&")
    )
    | st.text()
).map("".join)


@LAW
@given(TOKENS, TOKENS)
def test_a_page_is_never_suspicious_compared_with_itself(before: str, now: str) -> None:
    assert suspicion(now, now) is None
    if suspicion(before, now):
        assert suspicion(now, before) is not suspicion(before, now)


# --- redirects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://example.org/login", LOGIN),
        ("https://example.org/Login/?next=/a", LOGIN),
        ("https://example.org/wp-login.php?redirect_to=x", LOGIN),
        ("https://example.org/en/users/sign_in", LOGIN),
        ("https://example.org/Account/LogOn.aspx", LOGIN),
        ("https://example.org/login;jsessionid=1", LOGIN),
        ("https://example.org/session/new", LOGIN),
        ("https://example.org/wiki/Special:UserLogin", LOGIN),
        ("https://example.org/auth/realms/a", LOGIN),
        ("https://example.org/en/auth", LOGIN),
        ("https://example.org/de-AT/sso/", LOGIN),
        ("https://example.org/oauth2/start", LOGIN),
        ("https://accounts.example.com/v3", LOGIN),
        ("https://login.example.com/", LOGIN),
        ("https://eu.sso.example.com/", LOGIN),
        ("https://example.org/404", NOT_FOUND),
        ("https://example.org/404.html", NOT_FOUND),
        ("https://example.org/en/404/", NOT_FOUND),
        ("https://example.org/site/error/404", NOT_FOUND),
        ("https://example.org/NotFound.aspx?path=/a", NOT_FOUND),
        ("https://example.org/not-found", NOT_FOUND),
        ("https://example.org/errors/page-not-found.html", NOT_FOUND),
        ("https://example.org/", NOT_FOUND),
        ("https://example.org/authors/", None),
        ("https://example.org/author/", None),
        ("https://example.org/blog/login-forms-explained", None),
        ("https://example.org/blog/how-to-login", None),
        ("https://example.org/sessions/2024/", None),
        ("https://example.org/sessions/newcomers/", None),
        ("https://example.org/en/5.1/topics/auth/", None),
        ("https://example.org/a?next=/login", None),
        ("https://example.org/cas-clients/", None),
        ("https://example.org/casino", None),
        ("https://example.org/articles/404", None),
        ("https://example.org/4040", None),
        ("https://example.org/404-ways", None),
        ("https://example.org/docs/not-found", None),
        ("https://example.org/docs/module-not-found", None),
        ("https://www.cas.cz/", None),
        ("https://www.auth.gr/en/", None),
        ("https://login-news.example.org/", None),
        ("http://127.0.0.1:8000/a", None),
        ("http://[::1]/a", None),
        ("http://login/", None),
    ],
)
def test_redirects(target: str, expected: Suspicion | None) -> None:
    for status in (302, 303, 307):
        assert redirect_suspicion(PAGE, status, canonical(target)) is expected
    for status in (200, 301, 308, 404):
        assert redirect_suspicion(PAGE, status, canonical(target)) is None


@pytest.mark.parametrize(
    ("places", "expected"), [(LOGIN_PLACES, LOGIN), (NOT_FOUND_PLACES, NOT_FOUND)], ids=["login", "not found"]
)
def test_places(places: tuple[str, ...], expected: Suspicion) -> None:
    for place in places:
        path = place.lstrip("/")
        for found in (f"/{path}", f"/{path}/", f"/{path.upper()}?a", f"/{path}.php", f"/pt-BR/{path}/a"):
            assert redirect_suspicion(PAGE, 302, canonical(f"https://example.org{found}")) is expected
        for other in (f"/x{path}", f"/{path}x", f"/a?/{path}", f"/{path}-a", f"/{path}.5"):
            assert redirect_suspicion(PAGE, 302, canonical(f"https://example.org{other}")) is None
        deep = redirect_suspicion(PAGE, 302, canonical(f"https://example.org/manual/{path}"))
        assert deep is (None if place.startswith("/") else expected)


@pytest.mark.parametrize("label", sorted(LOGIN_HOSTS))
def test_hosts(label: str) -> None:
    assert redirect_suspicion(PAGE, 302, canonical(f"https://{label}.example.org/a")) is LOGIN
    assert redirect_suspicion(PAGE, 302, canonical(f"https://{label}.org/a")) is None
    assert redirect_suspicion(PAGE, 302, canonical(f"https://www.{label}.org/a")) is None


@pytest.mark.parametrize("path", ["/", "/index.html", "/Home", "/default.aspx"])
def test_a_redirect_of_a_home_page_to_itself_is_not_suspicious(path: str) -> None:
    home = canonical("https://example.org/")
    assert redirect_suspicion(PAGE, 302, home) is NOT_FOUND
    assert redirect_suspicion(PAGE, 301, home) is None
    assert redirect_suspicion(canonical(f"https://example.org{path}"), 302, home) is None


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f"<title>Club - Log in</title>{FORM}", True),
        (f"<title>Club</title><h1>Bitte anmelden</h1>{FORM}", True),
        (f"<title>Вход</title>{FORM}", True),
        (f"<title>Club</title><h1>News</h1>{FORM}", False),
        ("<title>How to log in</title><p>Write your name", False),
        (f"<title>Catalogin</title>{FORM}", False),
    ],
)
def test_a_login_page_has_a_password_field_and_says_so(html: str, *, expected: bool) -> None:
    assert is_login_page(html) == expected


@pytest.mark.parametrize("word", LOGIN_WORDS)
def test_the_words_of_login_pages(word: str) -> None:
    assert is_login_page(f"<title>A: {word.upper()}!</title>{FORM}")


@pytest.mark.parametrize(
    ("status", "target", "expected"),
    [
        (302, "https://example.org/login?next=/m/", True),
        (303, "https://sso.example.org/in", True),
        (301, "https://example.org/login", False),
        (302, "https://example.org/404", False),
        (302, "https://example.org/m/welcome", False),
    ],
)
def test_a_redirect_to_a_login_page(status: int, target: str, *, expected: bool) -> None:
    assert leads_to_login(canonical("https://example.org/m/"), status, canonical(target)) == expected
