"""What the values of options mean, and how invalid ones are refused."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings

from mirror.browser.records import Screen
from mirror.cli.option_docs import BEGIN, END, spelling, with_tables
from mirror.cli.option_table import OPTIONS, Group
from mirror.cli.option_values import parse_size
from mirror.cli.options import Options, stored_words
from mirror.cli.scrapy_settings import check_names
from mirror.cli.start_urls import parse_starts
from mirror.cli.usage_errors import UsageError
from mirror.core.http.credentials import Login, Proxy
from mirror.core.policy.scope import Area, Requisites
from mirror.core.url.aliases import FOLDS, Fold
from mirror.core.url.canonical import canonical
from mirror.store.manifest.rendering_records import RenderMode
from mirror.store.rules.refresh_policy import RefreshPolicy
from tests.crawl.running import ROOT, run

START = "http://example.org/"
OPTIONS_PAGE = ROOT / "docs" / "options.md"
SECRET = "spam"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    return place


def options(**words: str) -> Options:
    return Options.parse({"start": START, **words})


def login(given: Options, url: str) -> Login | None:
    return given.credentials.login(canonical(url))


def refused(**words: str) -> str:
    """The one-line message with which option values are refused; it contains no secret."""
    with pytest.raises(UsageError) as error:
        options(**words)
    assert "\n" not in str(error.value)
    assert SECRET not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("http://example.org", ["http://example.org/"]),
        (" http://example.org/a\n http://example.org/b\t", ["http://example.org/a", "http://example.org/b"]),
        ("http://example.org/a,http://example.org/b", ["http://example.org/a", "http://example.org/b"]),
        ("http://example.org/a, https://example.org/b,", ["http://example.org/a", "https://example.org/b"]),
        ("http://example.org/a,b", ["http://example.org/a,b"]),
        ("http://example.org/#top http://example.org/", ["http://example.org/"]),
        ("http://example.org/?a=b,c=d", ["http://example.org/?a=b,c=d"]),
        ("http://example.org/a,b:c", ["http://example.org/a,b:c"]),
        ("http://guido:sp,am:x@example.org,http://a@example.com", ["http://example.org/", "http://example.com/"]),
    ],
)
def test_starts(text: str, starts: list[str]) -> None:
    assert list(Options.parse({"start": text}).scope.starts) == starts


def urls(text: str) -> list[str]:
    return [url for url, _ in parse_starts(text)]


def test_start_urls_and_lists_of_them_together(tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text("# remarks\nhttp://example.org/a#b  # a remark\n\nhttp://example.org/c, http://example.org/d\n")
    wanted = ["http://example.org/a", "http://example.org/c", "http://example.org/d"]
    assert urls(f"@{listed}") == wanted
    assert urls(f"@{listed} http://example.org/e") == [*wanted, "http://example.org/e"]
    assert urls(f"http://example.org/e,@{listed}") == ["http://example.org/e", *wanted]


def test_a_list_of_start_urls_in_a_folder_with_a_space(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "list").write_text("http://example.org/")
    assert urls(f"@{tmp_path}/a b/list") == ["http://example.org/"]


def test_defaults() -> None:
    options = Options.parse({"start": "http://example.org/"})
    assert options.out == Path("archive")
    assert options.limit is None
    scope = options.scope
    assert (scope.area, scope.requisites, scope.include, scope.exclude, scope.depth) == (
        Area.SITE,
        Requisites.ALL,
        None,
        None,
        None,
    )


def test_options_of_updates() -> None:
    words = {"start": "http://example.org/", "refresh": "1d12h", "trust": "1", "max_loss": "0.25"}
    assert Options.parse(words).renewal == RefreshPolicy(timedelta(hours=36), trust=True, max_loss=0.25)
    assert Options.parse({"start": "http://example.org/"}).renewal == RefreshPolicy()


@pytest.mark.parametrize("text", ["", "1 K", "1e3", "-1", "M", "1kiB", "1i", "nan"])
def test_an_invalid_size(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size: write it as"):
        parse_size("MIRROR_RESERVE", text)


def test_how_pages_are_rendered() -> None:
    given = Options.parse(
        {"start": "http://a/#/x http://a/#!/y http://a/#top", "settle": "0", "viewport": "phone, desktop"}
    )
    assert (given.settle, given.screens) == (0.0, (Screen.PHONE, Screen.DESKTOP))
    assert given.routes == {"http://a/": ("#/x", "#!/y")}
    default = Options.parse({"start": "http://a/"})
    assert (default.settle, default.screens, default.routes) == (3.0, (Screen.DESKTOP,), {})


def test_an_empty_value_is_the_default() -> None:
    assert Options.parse({"start": "http://example.org/", "out": "", "depth": "", "scope": ""}).scope.area is Area.SITE


def test_the_options_that_are_recorded() -> None:
    words = {"start": "http://example.org/", "depth": "3", "limit": "4", "include": "a", "scope": "host"}
    assert Options.parse(words).as_json() == {
        "start": ["http://example.org/"],
        "scope": "host",
        "requisites": "all",
        "include": "a",
        "exclude": None,
        "depth": 3,
        "limit": 4,
    }


def test_newer_options_are_recorded_only_if_given() -> None:
    before = Options.parse({"start": START}).as_json()
    now = Options.parse({"start": START, "max_file": "1k", "user_agent": "Spam/1", "login": "guido:spam", "rate": "1k"})
    assert now.as_json() == before | {"max_file": 1000, "user_agent": "Spam/1"}


@pytest.mark.parametrize("words", [{}, {"start": " "}, {"start": "http://example.org/", "depth": "two"}])
def test_invalid_values(words: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Options.parse(words)


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("", ()),
        ("example.com", ("example.com",)),
        ("Example.COM, .example.net\t*.example.org,example.com", ("example.com", "example.net", "example.org")),
        ("bücher.example:8080,[::1]:80", ("xn--bcher-kva.example:8080", "[::1]:80")),
    ],
)
def test_further_domains(text: str, domains: tuple[str, ...]) -> None:
    assert options(also=text).scope.also == domains
    assert options(also=text).as_json().get("also") == (",".join(domains) or None)


@pytest.mark.parametrize(
    "text", ["http://example.com/", "example.com/a", "a@example.com", "example.*", "example.com:x", "a..b:99999"]
)
def test_what_is_no_domain(text: str) -> None:
    assert refused(also=text) == f"also={text} is not a domain: write it as example.com, several separated by commas"


@pytest.mark.parametrize(
    ("words", "folds", "stored"),
    [
        ({}, FOLDS, {}),
        ({"fold": "all"}, FOLDS, {}),
        ({"fold": "1"}, FOLDS, {}),
        ({"fold": "none"}, frozenset(), {"fold": False}),
        ({"fold": "0"}, frozenset(), {"fold": False}),
        ({"fold": "www, scheme"}, {Fold.WWW, Fold.SCHEME}, {"fold": "scheme,www"}),
        ({"ignore_case": "1"}, FOLDS | {Fold.CASE}, {"ignore_case": 1}),
        ({"ignore_case": "1", "fold": "none"}, {Fold.CASE}, {"ignore_case": 1, "fold": False}),
    ],
)
def test_which_urls_are_one_resource(words: dict[str, str], folds: frozenset[Fold], stored: dict[str, Any]) -> None:
    given = options(**words)
    assert given.fold == folds
    assert {name: value for name, value in given.as_json().items() if name in {"fold", "ignore_case"}} == stored
    assert Options.parse(stored_words(given.as_json())).fold == folds


def test_further_attributes() -> None:
    given = options(attributes="Zoom, rel:big")
    assert given.attributes == {"zoom", "rel:big"}
    assert stored_words(given.as_json())["attributes"] == "rel:big,zoom"
    assert refused(attributes="zoom,a]b") == "attributes=a]b is not the name of an attribute, such as data-zoom"


def test_an_unknown_word_of_fold() -> None:
    assert refused(fold="www,case").startswith("fold=case is unknown: use all, none, or some of tracking, sessions, ")


def test_no_cookies() -> None:
    given = options(cookies="none")
    assert (given.cookies, given.settings(), given.as_json()["no_cookies"]) == ((), {"COOKIES_ENABLED": False}, True)
    assert stored_words(given.as_json())["cookies"] == "none"
    assert "cookies" not in stored_words(options().as_json() | {"cookies": "/etc/passwd"})


def test_options_that_are_not_given_set_nothing() -> None:
    assert options().settings() == {}


def test_options_that_are_settings(tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    given = options(
        connections="4",
        delay="1.5",
        timeout="30",
        user_agent="Spam/1",
        insecure="1",
        max_file="0",
        rate="500k",
        http="1.1",
        certificate=str(certificate),
        key=str(key),
        ca=str(certificate),
    )
    assert given.settings() == {
        "CONCURRENT_REQUESTS": 4,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 4,
        "DOWNLOAD_DELAY": 1.5,
        "DOWNLOAD_DELAY_JITTER": 0.0,
        "DOWNLOAD_TIMEOUT": 30.0,
        "USER_AGENT": "Spam/1",
        "DOWNLOAD_VERIFY_CERTIFICATES": False,
        "DOWNLOAD_MAXSIZE": 0,
        "MIRROR_RATE": 500_000,
        "MIRROR_HTTP_VERSION": "1.1",
        "MIRROR_CLIENT_CERTIFICATE": str(certificate),
        "MIRROR_CLIENT_KEY": str(key),
        "MIRROR_CA_FILE": str(certificate),
    }


def test_the_documented_defaults_are_those_of_the_settings() -> None:
    settings = Settings()
    settings.setmodule("mirror.settings")
    for name in ("connections", "delay", "timeout", "max_file"):
        given = options(**{name: OPTIONS[name].default}).settings()
        setting = next(iter(given))
        assert settings.getfloat(setting) == given[setting]
    assert settings["USER_AGENT"].startswith(f"{OPTIONS['user_agent'].default} ")
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES") is (OPTIONS["insecure"].default == "0")


def test_the_documentation_lists_each_option_in_its_group() -> None:
    listed: dict[Group, list[str]] = {group: [] for group in Group}
    group = None
    for line in OPTIONS_PAGE.read_text().splitlines():
        if line.startswith("## "):
            group = next((one for one in Group if one == line.removeprefix("## ")), None)
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        if group and len(cells) == 5 and cells[1].startswith("`"):
            listed[group].append(cells[1].replace("\\", ""))
    for group in Group:
        assert listed[group] == [spelling(name, o) for name, o in OPTIONS.items() if o.group is group]


def test_the_tables_of_the_documentation_are_those_that_make_docs_writes() -> None:
    page = OPTIONS_PAGE.read_text()
    assert page == with_tables(page)


def test_a_page_without_the_comments_around_the_tables_is_refused() -> None:
    for page in ("", BEGIN, END):
        with pytest.raises(ValueError, match="the page has no <!--"):
            with_tables(page)


def test_options_do_not_show_secrets(tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text(f"example.org\tTRUE\t/\tFALSE\t0\tid\t{SECRET}\n")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine example.com login guido password {SECRET}\n")
    given = options(
        start=f"http://guido:{SECRET}@example.org/",
        login=f"guido:{SECRET}",
        header=f"Authorization: Bearer {SECRET}\nX-Word: {SECRET}",
        proxy=f"http://guido:{SECRET}@127.0.0.1:9",
        cookies=str(cookies),
        netrc=str(netrc),
    )
    assert SECRET not in repr(given)
    assert SECRET not in repr((given.settings(), given.as_json(), given.transfers, given.credentials))
    assert [cookie.value for cookie in given.cookies] == [SECRET]
    assert given.transfers.proxy == Proxy("http://127.0.0.1:9", Login("guido", SECRET))


def test_a_login_in_a_start_is_for_its_origin() -> None:
    given = options(start="https://guido:sp%40m@example.org/a http://example.com/")
    assert given.scope.starts == ("https://example.org/a", "http://example.com/")
    assert login(given, "https://example.org/b") == Login("guido", "sp@m")
    assert login(given, "http://example.org/b") is None
    assert login(given, "http://example.com/") is None


def test_a_login_is_for_all_starts_and_one_in_a_start_is_stronger() -> None:
    given = options(start="http://a:b@example.org/ http://example.com:8000/x", login="guido:sp:am")
    assert login(given, "http://example.org/x") == Login("a", "b")
    assert login(given, "http://example.com:8000/") == Login("guido", "sp:am")
    assert login(given, "http://example.com/") is None


def test_a_start_with_and_without_its_login_is_one_start() -> None:
    given = options(start="http://example.org/ http://a:b@example.org/ http://a:b@example.org/#top")
    assert given.scope.starts == ("http://example.org/",)
    assert login(given, "http://example.org/") == Login("a", "b")


NETRC = """
machine Example.org login guido password spam  # a remark
machine example.com
    login guido
    password "sp am"
default login anonymous password anybody
"""


def test_the_netrc_file_in_the_home_folder_is_read_unless_turned_off(home: Path) -> None:
    (home / ".netrc").write_text(NETRC)
    assert login(options(), START) == Login("guido", "spam")
    assert login(options(), "https://example.com:8443/") == Login("guido", "sp am")
    assert login(options(), "http://example.com/") is None  # unencrypted, and not a start URL
    assert login(options(), "https://example.net/") is None  # `default` is ignored
    assert options().transfers.netrc == home / ".netrc"
    for off in ("0", "none"):
        assert login(options(netrc=off), START) is None


def test_another_netrc_file(home: Path, tmp_path: Path) -> None:
    (home / ".netrc").write_text("nonsense")
    (tmp_path / "netrc").write_text(NETRC)
    given = options(start="http://guido@example.org/ http://else@example.com/", netrc=str(tmp_path / "netrc"))
    assert login(given, START) == Login("guido", "spam")  # the user from the URL, the password from the file
    assert login(given, "http://example.com/") == Login("else", "")


def test_a_home_folder_without_a_netrc_file_or_with_a_folder_called_so(home: Path) -> None:
    assert options().transfers.netrc is None
    (home / ".netrc").mkdir()
    assert options().transfers.netrc is None


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("A: b", (("A", "b"),)),
        ("A:b\r\n\nX-C:  d: e \n", (("A", "b"), ("X-C", "d: e"))),
        ("A: b\nA: c", (("A", "b"), ("A", "c"))),
        ("Accept-Language: de\t", (("Accept-Language", "de"),)),
    ],
)
def test_headers(text: str, headers: tuple[tuple[str, str], ...]) -> None:
    assert options(header=text).transfers.headers == headers
    assert options(header=text).credentials.headers(canonical("http://example.com/")) == headers


@pytest.mark.parametrize(
    ("text", "url", "user"),
    [
        ("none", "", None),
        ("127.0.0.1:3128", "http://127.0.0.1:3128", None),
        ("HTTPS://proxy.example:443/", "https://proxy.example:443", None),
        ("socks5h://guido:sp%40m@[::1]:1080", "socks5h://[::1]:1080", Login("guido", "sp@m")),
        ("socks4://guido@127.0.0.1:1080", "socks4://127.0.0.1:1080", Login("guido", "")),
    ],
)
def test_a_proxy(text: str, url: str, user: Login | None) -> None:
    assert options(proxy=text).transfers.proxy == Proxy(url, user)
    assert options().transfers.proxy is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("start", "http://guido:spam@/x", "'http://...@/x' has no valid host"),
        ("start", "http://guido:spam@example.org:port/", "'http://...@example.org:port/' has no valid host"),
        ("start", "http:guido:spam@", "'http:...@' has no valid host"),
        ("start", "gopher://guido:spam@example.org/", "'gopher://...@example.org/': the scheme 'gopher' is not"),
        ("start", "//guido:spam@example.org/", "is not a URL: it should begin with http://"),
        ("start", "guido:spam@example.org", "'guido:...@example.org' is not a URL"),
        ("start", "http://a%3Ab:spam@example.org/", "http://...@example.org/: the name of a user can't hold a colon"),
        ("start", "http://guido:spam%0A@example.org/", "can't hold a control character"),
        ("start", "http://guido:spam@example.org/ http://guido:x@example.org/a", "two logins for http://example.org"),
        ("login", "spam", "login has no password: write it as user:password"),
        ("login", ":spam", "login has no user: write it as user:password"),
        ("login", "guido:spam\n", "login: a name or a password can't hold a control character"),
        ("header", "A: b\nspam", "header: line 2 has no name and colon"),
        ("header", " A: spam", "header: line 1 has no name and colon"),
        ("header", "A b: spam", "header: line 1 has no name and colon"),
        ("header", "A: spam\rB: c", "header A has a control character in its value"),
        ("header", "A:", "header A has no value"),
        ("header", "HOST: spam", "header HOST can't be set: it belongs to the connection"),
        ("header", "Transfer-Encoding: chunked", "header Transfer-Encoding can't be set"),
        (
            "header",
            "Range: bytes=0-1",
            "header Range can't be set: Websucker sets it from what the archive already has",
        ),
        ("header", "User-Agent: x", "header User-Agent can't be set: use user_agent=TEXT"),
        (
            "proxy",
            "gopher://guido:spam@127.0.0.1:70",
            "proxy=gopher://... is unknown: use one of http, https, socks4",
        ),
        ("proxy", "http://guido:spam@127.0.0.1", "proxy is not a proxy URL: write it as http://host:port, or none"),
        ("proxy", "http://guido:spam@127.0.0.1:99999", "proxy: there is no port 99999"),
        ("proxy", "http://guido:spam%00@127.0.0.1:80", "proxy: a name or a password can't hold a control character"),
        ("user_agent", "a\nb", "user_agent contains a control character"),
        ("http", "4", "http=4 is unknown: use one of 1.1, 2, 3"),
        ("insecure", "yes", "insecure=yes is neither 0 nor 1"),
        ("connections", "0", "connections=0 is not a whole number of 1 or more"),
        ("delay", "-1", "delay=-1 is not a number of seconds"),
        ("delay", "inf", "delay=inf is not a number of seconds"),
        ("timeout", "0", "timeout=0 is not a number of seconds"),
        ("settle", "soon", "settle=soon is not a number of seconds"),
        ("settle", "61", "settle=61: the browser waits for at most 60 seconds"),
        ("viewport", "watch", "viewport=watch"),
        ("click", "1", "click=1"),
        ("viewport", "phone,", "viewport="),
        ("rate", "fast", "rate=fast is not a size"),
        ("max_file", "1g", "max_file=1g is not a size"),
        ("quota", "half", "quota=half is not a size"),
        ("netrc", "/nowhere", "netrc=/nowhere can't be read: No such file or directory"),
        ("cookies", "/", "cookies=/ is not a file"),
        ("cookies", "~nobody-here/x", "this user has no home folder here"),
        ("certificate", "/nowhere", "certificate=/nowhere can't be read"),
        ("ca", "/nowhere", "ca=/nowhere can't be read"),
    ],
)
def test_a_value_that_is_refused(name: str, value: str, message: str) -> None:
    assert message in refused(**{name: value})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "netrc",
            "machine example.org\nlogin guido spam\n",
            "netrc={}: near line 3 is an invalid entry; correct it or",
        ),
        ("netrc", 'machine example.org login guido password "spam\n"', "netrc={}: a name or a password can't hold"),
        ("cookies", "# spam\nexample.org spam\n", "cookies={}: line 2 has 1 fields, not the 7 that tabs divide"),
        ("cookies", "sp\udcffam", "cookies={} can't be read: it is not UTF-8, at byte 2"),
        ("certificate", "spam", "certificate={}: not a certificate and its private key in PEM"),
        ("ca", "spam", "ca={}: no CA certificates in PEM"),
        ("key", "spam", "key={} needs certificate=FILE as well"),
    ],
)
def test_a_file_that_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / "file"
    path.write_text(text, errors="surrogateescape")
    assert message.format(path) in refused(**{name: str(path)})


def certified(folder: Path, *words: str) -> tuple[Path, Path]:
    """Make a certificate and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-subj", "/CN=localhost", *(words or ("-nodes",))]
    assert run(*command, "-keyout", str(key), "-out", str(certificate)).code == 0
    return certificate, key


def test_a_certificate_and_its_key_in_one_file_or_in_two(tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    assert options(certificate=str(both)).transfers.certificate == both
    assert options(certificate=str(certificate), key=str(key)).transfers.key == key
    assert "and its private key in PEM" in refused(certificate=str(certificate))


def test_a_key_of_another_certificate_and_one_that_is_encrypted(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certificate, _ = certified(tmp_path)
    _, key = certified(tmp_path / "other", "-passout", f"pass:{SECRET}")
    assert refused(certificate=str(certificate), key=str(key)) == f"key={key} is encrypted; decrypt it first"
    _, key = certified(tmp_path / "other")
    assert "(key values mismatch)" in refused(certificate=str(certificate), key=str(key))


@pytest.mark.parametrize(
    ("missing", "expected"), [(None, RenderMode.AUTO), ("rendering needs a Chromium", RenderMode.NEVER)]
)
def test_pages_are_rendered_by_default_if_there_is_a_browser(
    monkeypatch: pytest.MonkeyPatch, missing: str | None, expected: RenderMode
) -> None:
    monkeypatch.setattr("mirror.cli.options.what_is_missing", lambda _: missing)
    assert options().rendering is expected
    assert options(render="never").rendering is RenderMode.NEVER
    if missing:
        assert refused(render="auto") == f"render=auto: {missing}"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("ROBOTS_OBEY", "-s ROBOTS_OBEY is no setting: did you mean ROBOTSTXT_OBEY?"),
        ("robotstxt_obey", "-s robotstxt_obey is no setting: did you mean ROBOTSTXT_OBEY?"),
        ("MIRROR_PROGRES", "-s MIRROR_PROGRES is no setting: did you mean MIRROR_PROGRESS?"),
        ("MIRROR_ZZZ", "-s MIRROR_ZZZ is no setting"),
        ("MY_OWN", None),
        ("ROBOTSTXT_OBEY", None),
    ],
)
def test_a_misspelt_setting_is_told(word: str, message: str | None) -> None:
    settings = get_project_settings()
    if message is None:
        check_names([word], settings)
        return
    with pytest.raises(UsageError, match=re.escape(message)):
        check_names([word], settings)
