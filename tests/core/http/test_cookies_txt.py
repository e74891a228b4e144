"""cookies.txt: what exporters, curl and wget write, and the cookies that a jar then sends."""

from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy, MozillaCookieJar
from pathlib import Path
from urllib.request import Request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.http.cookies_txt import InvalidCookiesError, read_cookies

LATER = "4102444800"  # 2100
LINE = f"example.org\tFALSE\t/\tFALSE\t{LATER}\tid\t42"


def line(**changes: str) -> str:
    fields = dict(
        zip(("domain", "subdomains", "path", "secure", "ends", "name", "value"), LINE.split("\t"), strict=True)
    )
    return "\t".join((fields | changes).values())


def sent(text: str, url: str) -> str | None:
    """Return the Cookie header that a jar with these cookies sends to a URL."""
    jar = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain))
    for cookie in read_cookies(text):
        jar.set_cookie(cookie)
    request = Request(url)
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"# Netscape HTTP Cookie File\n\n{LINE}\n",
        f"# HTTP Cookie File\r\n# a remark\r\n{LINE}\r\n",
        f"\ufeff{LINE}\n   \n\t\n",
        f"#HttpOnly_{LINE}",
        line(domain=".example.org"),
        line(subdomains="false", secure="False"),
        line(ends="0"),
        line(ends=""),
        line(ends="-1"),
        line(ends=f"{LATER}.123456"),
    ],
)
def test_every_hand_that_writes_them(text: str) -> None:
    (cookie,) = read_cookies(text)
    assert (cookie.domain, cookie.path, cookie.name, cookie.value) == ("example.org", "/", "id", "42")
    assert cookie.has_nonstandard_attr("HTTPOnly") is text.startswith("#HttpOnly_")
    assert sent(text, "http://example.org/a") == "id=42"
    assert sent(text, "http://www.example.org/a") is None


@pytest.mark.parametrize(
    ("text", "url", "header"),
    [
        (line(subdomains="TRUE"), "http://www.example.org/", "id=42"),
        (line(subdomains="TRUE"), "http://example.org/", "id=42"),
        (line(subdomains="TRUE"), "http://notexample.org/", None),
        (line(subdomains="TRUE"), "http://example.org.example.com/", None),
        (line(domain="127.0.0.1"), "http://127.0.0.1:8000/", "id=42"),
        (line(path="/a"), "http://example.org/a/b", "id=42"),
        (line(path="/a"), "http://example.org/b", None),
        (line(secure="TRUE"), "https://example.org/", "id=42"),
        (line(secure="TRUE"), "http://example.org/", None),
        (line(ends="1"), "http://example.org/", None),
        (line(value=""), "http://example.org/", "id="),
        (line().rpartition("\t")[0], "http://example.org/", "id="),
        (line(value="a=b c"), "http://example.org/", "id=a=b c"),
        (line(name=""), "http://example.org/", "42"),
        (f"{LINE}\n{line(value='43')}", "http://example.org/", "id=43"),
    ],
)
def test_what_a_jar_sends(text: str, url: str, header: str | None) -> None:
    assert sent(text, url) == header


def test_a_cookie_of_a_session_ends_with_it() -> None:
    (cookie,) = read_cookies(line(ends="0"))
    assert (cookie.expires, cookie.discard) == (None, True)
    (cookie,) = read_cookies(LINE)
    assert (cookie.expires, cookie.discard) == (int(LATER), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("example.org FALSE / FALSE 0 id 42", "line 3 has 1 fields, not the 7"),
        (f"{LINE}\tmore", "line 3 has 8 fields"),
        (line(subdomains="maybe"), "line 3: its second and fourth fields"),
        (line(secure="1"), "line 3: its second and fourth fields"),
        (line(domain=""), "line 3 has no domain"),
        (line(path="a"), "line 3 has no domain, or a path"),
        (line(ends="tomorrow"), "line 3: its fifth field is not a time"),
        (line(name="", value=""), "line 3 has no name"),
        (line(value="4\r2"), "line 3 has no name, or a character"),
        (line(value="4;2"), "line 3 has no name, or a character"),
        (line(value="\x00"), "line 3 has no name, or a character"),
        ("Set-Cookie: id=42", "line 3 has 1 fields"),
    ],
)
def test_a_line_that_is_no_cookie_is_told_with_its_number_and_nothing_of_it(text: str, said: str) -> None:
    with pytest.raises(InvalidCookiesError) as error:
        read_cookies(f"# remark\n{LINE}\n{text}\n")
    assert str(error.value).startswith(said)
    assert "42" not in str(error.value)


PLAIN = st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=";#$"), min_size=1)


@settings(max_examples=200)
@given(
    fields=st.lists(
        st.tuples(PLAIN, PLAIN, st.sampled_from(("example.org", "www.example.org")), st.booleans(), st.booleans()),
        max_size=4,
        unique_by=lambda field: (field[0], field[2]),
    )
)
def test_what_the_standard_library_writes_is_read_as_it_was(fields: list[tuple[str, str, str, bool, bool]]) -> None:
    def known(cookies: list[Cookie]) -> list[tuple[object, ...]]:
        return [(c.domain, c.path, c.secure, c.expires, c.name, c.value, c.discard) for c in cookies]

    lines = [
        "\t".join((domain, str(wide).upper(), "/", str(secure).upper(), LATER, name, value))
        for name, value, domain, wide, secure in fields
    ]
    cookies = read_cookies("\n".join(lines))
    written = [
        "\t".join(
            (
                c.domain,
                str(c.domain_specified).upper(),
                c.path,
                str(c.secure).upper(),
                str(c.expires),
                c.name,
                c.value or "",
            )
        )
        for c in cookies
    ]
    assert known(read_cookies("\n".join(written))) == known(cookies)
    assert [(c.name, c.value) for c in cookies] == [(name, value) for name, value, *_ in fields]


def test_the_library_s_own_file_is_read(tmp_path: Path) -> None:
    jar = MozillaCookieJar(tmp_path / "cookies.txt")
    for cookie in read_cookies(f"{LINE}\n#HttpOnly_{line(domain='.example.com', subdomains='TRUE', ends='0')}"):
        jar.set_cookie(cookie)
    jar.save(ignore_discard=True)
    again = read_cookies((tmp_path / "cookies.txt").read_text())
    assert [(c.domain, c.expires, c.has_nonstandard_attr("HTTPOnly")) for c in again] == [
        ("example.org", int(LATER), False),
        (".example.com", None, True),
    ]
