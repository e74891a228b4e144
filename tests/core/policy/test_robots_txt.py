"""robots.txt: what an answer means, which group applies, what it says about a URL, and that reading takes linear time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.policy import robots_txt
from mirror.core.policy.robots_txt import MAX_SIZE, Robots
from mirror.core.syntax.reference import Kind
from mirror.core.syntax.robots_meta import PRODUCT
from mirror.core.url.canonical import CanonicalURL

LAW = settings(max_examples=120)

AGENT = "Websucker/1.0 (+https://websucker.example/)"


def read(text: str | bytes, agent: str = AGENT) -> Robots:
    rules = robots_txt.robots(200, text.encode() if isinstance(text, str) else text, agent)
    assert rules is not None
    return rules


def allows(text: str | bytes, path: str, agent: str = AGENT) -> bool:
    return read(text, agent).allows(CanonicalURL(f"http://h{path}"))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://h/", "http://h/robots.txt"),
        ("https://h:8443/a/b?c=/d", "https://h:8443/robots.txt"),
        ("http://[::1]:8000/a", "http://[::1]:8000/robots.txt"),
    ],
)
def test_robots_url(url: str, place: str) -> None:
    assert robots_txt.robots_url(CanonicalURL(url)) == place


@pytest.mark.parametrize("url", ["ftp://a.org/b", "ftps://a.org/", "sftp://a.org:2222/", "file:///srv/www/"])
def test_file_servers_have_no_rules(url: str) -> None:
    assert robots_txt.robots_url(CanonicalURL(url)) is None


# Whom it speaks to


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("websucker", True),
        ("WebSucker", True),
        ("websucker/2.0", True),
        ("Websucker (all versions)", True),
        ("websucker # us", True),
        ("websucker*", True),
        ("web", False),
        ("websuckers", False),
        ("websucker-news", False),
        ("*", True),
        ("* all", True),
        ("*bot", False),
    ],
)
def test_an_agent_is_named_by_its_product_token(named: str, *, meant: bool) -> None:
    for line in ("User-agent: {}", "User-agent {}", " user agent : {}", "useragent:{}"):
        for agent in ("websucker", AGENT):
            assert allows(f"{line.format(named)}\nDisallow: /", "/a", agent) != meant


@pytest.mark.parametrize(
    ("statuses", "meant"),
    [
        ((200, 204), "its text"),
        ((400, 401, 403, 404, 410), "no rules"),
        ((100, 301, 304, 429, 500, 503, 599), "unreachable"),
    ],
)
def test_status(statuses: tuple[int, ...], meant: str) -> None:
    forbids_all = b"User-agent: *\nDisallow: /"
    for status in statuses:
        rules = robots_txt.robots(status, forbids_all)
        allowed = rules and rules.allows(CanonicalURL("http://h/a"))
        assert allowed is {"its text": False, "no rules": True, "unreachable": None}[meant]


# What it says. "/" in front of an agent's name: it may; the facts are those of RFC 9309 and of Google's published tests.

GROUPS = """
allow: /foo/bar/

user-agent: FooBot
disallow: /
allow: /x/
user-agent: BarBot
disallow: /
allow: /y/


allow: /w/
user-agent: BazBot

user-agent: FooBot
allow: /z/
disallow: /
"""
EXAMPLE = """
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""  # RFC 9309, 5.1
OTHER_LINES = ("Sitemap: https://h/map", "Invalid-Unknown-Line: unknown", "Crawl-delay: 5", "", "# words")


@pytest.mark.parametrize(
    ("agent", "allowed", "forbidden"),
    [
        ("FooBot", ["/x/b", "/z/d"], ["/y/c", "/foo/bar/", "/w/a"]),
        ("BarBot", ["/y/c", "/w/a"], ["/z/d", "/foo/bar/"]),
        ("BazBot", ["/z/d"], ["/x/b", "/foo/bar/"]),
        ("QuxBot", ["/", "/x/b"], []),
    ],
)
def test_groups_of_one_agent_are_one_group(agent: str, allowed: list[str], forbidden: list[str]) -> None:
    assert all(allows(GROUPS, path, agent) for path in allowed)
    assert not any(allows(GROUPS, path, agent) for path in forbidden)


@pytest.mark.parametrize(
    ("agent", "allowed", "forbidden"),
    [
        ("foobot", ["/example/page.html", "/example/allowed.gif"], ["/", "/example/", "/publications/a"]),
        ("barbot", ["/", "/example/a.gif"], ["/example/page.html"]),
        ("bazbot", ["/", "/example/a.gif"], ["/example/page.html"]),
        ("quxbot", ["/", "/example/page.html", "/a.gif"], []),
        ("nobot", ["/", "/publications/a", "/a.gif?b", "/publications/b.gif"], ["/a.gif", "/example/page.html"]),
    ],
)
def test_the_example_of_the_rfc(agent: str, allowed: list[str], forbidden: list[str]) -> None:
    assert all(allows(EXAMPLE, path, agent) for path in allowed)
    assert not any(allows(EXAMPLE, path, agent) for path in forbidden)


@pytest.mark.parametrize("line", OTHER_LINES)
def test_other_lines_do_not_end_a_group(line: str) -> None:
    for agent in ("FooBot", "BarBot"):
        assert not allows(f"User-agent: BarBot\n{line}\nUser-agent: *\nDisallow: /\n", "/", agent)


@pytest.mark.parametrize(
    ("text", "allowed", "forbidden"),
    [
        ("", ["/"], []),
        ("Disallow:", ["/"], []),
        ("Disallow: /", ["/robots.txt"], ["/", "/a", "/robots.txt2"]),
        ("disallow /", [], ["/"]),
        ("DISALLOW : /", [], ["/"]),
        ("Dissallow: /", [], ["/"]),
        ("Disallowed: /\nfoo: /\nDisallow", ["/"], []),
        ("Disallow: /\nAllow: /a", ["/a/b"], ["/b"]),
        ("Allow: /a\nDisallow: /a", ["/a"], []),
        ("Disallow: /\nAllow: /", ["/"], []),
        ("Disallow: \nAllow: ", ["/"], []),
        ("Disallow: /x/page.html\nAllow: /x/", ["/x/"], ["/x/page.html"]),
        ("Allow: /x/page.html\nDisallow: /x/", ["/x/page.html"], ["/x/"]),
        ("Disallow: /x\nAllow: /x/", ["/x/"], ["/x"]),
        ("Allow: /page\nDisallow: /*.html", ["/page"], ["/page.html"]),
        ("Allow: /x/page.\nDisallow: /*.html", ["/x/page.html"], ["/x/y.html"]),
        ("Allow: /p\nDisallow: /", ["/page"], ["/"]),
        ("Allow: /page\nDisallow: /*.htm", [], ["/page.htm"]),
        ("Allow: /$\nDisallow: /", ["/"], ["/page.htm"]),
        ("Disallow: /X", ["/x"], ["/X"]),
        ("Disallow: /fish", ["/Fish.asp", "/catfish", "/?id=fish"], ["/fish", "/fishheads/y.html", "/fish.php?id=a"]),
        ("Disallow: /fish*", ["/Fish.asp", "/catfish", "/?id=fish"], ["/fish", "/fishheads/y.html", "/fish.php?id=a"]),
        ("Disallow: /fish/", ["/fish", "/fish.html", "/animals/fish/"], ["/fish/", "/fish/?id=a", "/fish/salmon.htm"]),
        ("Disallow: fish/", ["/fish/", "/fish/salmon.htm"], []),
        ("Disallow: /*.php", ["/", "/windows.PHP"], ["/index.php", "/d/a.php?b", "/a.php/", "/d/a.php.b"]),
        ("Disallow: /*.php$", ["/a.php?b", "/a.php/", "/a.php5"], ["/a.php", "/d/a.php"]),
        ("Disallow: /fish*.php", ["/Fish.PHP"], ["/fish.php", "/fishheads/catfish.php?a"]),
        ("Disallow: /foo/bar$\nAllow: /foo/bar/qux", ["/foo/bar/qux", "/foo/bar/", "/foo/bar/baz"], ["/foo/bar"]),
        ("Disallow: /foo/bar/quz\nAllow: /foo/*/qux", ["/foo/quz", "/foo//quz", "/foo/bax/quz"], ["/foo/bar/quz"]),
        ("# Disallow: /\nDisallow: /foo/quz#qux\nAllow: /", ["/foo/bar"], ["/foo/quz"]),
        ("Disallow: /*.php$\nDisallow: /a*b", ["/x.php?y", "/ac"], ["/x.php", "/acb"]),
        ("Disallow: /a$b", ["/a"], ["/a$b", "/a$bc"]),
        ("Disallow: /a*a$", ["/a"], ["/aa", "/aba"]),
        ("Disallow: /**a***b$", ["/ab/"], ["/ab", "/xaxb"]),
        ("Disallow: /" + "a*" * 300 + "b", ["/" + "a" * 1000], ["/" + "a" * 1000 + "b"]),
        # one spelling of escapes: RFC 9309, 2.2.2 and 2.2.3
        ("Disallow: /foo/bar?baz=quz", [], ["/foo/bar?baz=quz"]),
        ("Disallow: /a?b=http://h.i", [], ["/a?b=http%3A%2F%2Fh.i", "/a?b=http://h.i"]),
        ("Disallow: /a?b=http%3a%2F%2fh.i", [], ["/a?b=http%3A%2F%2Fh.i", "/a?b=http://h.i"]),
        ("Disallow: /*/b", ["/a%2Fb", "/a?b"], ["/a/b", "/a?c=/b", "/a?c=%2Fb"]),
        ("Disallow: /foo/bar/\u30c4", [], ["/foo/bar/%E3%83%84"]),
        ("Disallow: /foo/bar/%E3%83%84", [], ["/foo/bar/%E3%83%84"]),
        ("Disallow: /foo/bar/%62%61%7A", [], ["/foo/bar/baz"]),
        ("Disallow: /foo/b%2Fr", ["/foo/b/r"], ["/foo/b%2Fr"]),
        ("Disallow: /a-%2A.html\nDisallow: /foo-%24", ["/a-b.html", "/foo-"], ["/a-*.html", "/a-%2A.html", "/foo-$"]),
        ("Disallow: /é\nDisallow: /%7ea\nDisallow: /(%28b c", ["/e"], ["/%C3%A9", "/~a", "/((b%20c", "/%28(b%20c"]),
        ("<html><p>Not found</p>", ["/"], []),
    ],
)
def test_rules(text: str, allowed: list[str], forbidden: list[str]) -> None:
    for head in (
        "User-agent: *\n",
        "User-agent: websucker\n\n",
        "\ufeffUser-Agent:*#x\n",
        "User-agent: other\nuser-agent: *\n",
    ):
        for end in ("\n", "\r", "\r\n"):
            lines = (head + text).replace("\n", end)
            assert [path for path in allowed if not allows(lines, path)] == []
            assert [path for path in forbidden if allows(lines, path)] == []


def test_octets_that_are_not_utf_8_are_compared_unchanged() -> None:
    assert not allows(b"User-agent: *\nDisallow: /\xe9", "/%E9")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_the_deciding_rule_has_its_line(end: str) -> None:
    lines = [
        "# of a host",
        "User-agent: *",
        "Allow: /private/open",
        "",
        "Disallow: /private  # of ours",
        "Disallow: /*?s=",
    ]
    rules = read(end.join(lines))
    said = {
        path: str(rules.rule(CanonicalURL(f"http://h{path}"))) for path in ("/private/a", "/private/open/b", "/x?s=1")
    }
    assert said == {
        "/private/a": "Disallow: /private (line 5)",
        "/private/open/b": "Allow: /private/open (line 3)",
        "/x?s=1": "Disallow: /*?s= (line 6)",
    }


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("User-agent: *\nCrawl-delay: 3", 3),
        ("User-agent: *\nDisallow: /a\ncrawl-delay: 0.5 # s", 0.5),
        ("User-agent: *\nCrawl-delay: 3\nUser-agent: websucker\nCrawl-delay: 7", 7),
        ("User-agent: websucker\nDisallow: /\nUser-agent: *\nCrawl-delay: 3", None),
        ("User-agent: a\nCrawl-delay: 3\nUser-agent: websucker\nDisallow: /a", None),
        ("Crawl-delay: 3", None),
        ("User-agent: *\nCrawl-delay: -3\nCrawl-delay: soon\nCrawl-delay: 1e9\nCrawl-delay: inf", None),
    ],
)
def test_crawl_delay(text: str, delay: float | None) -> None:
    assert read(text).delay == delay


def test_sitemaps() -> None:
    text = b"Sitemap: /a.xml\nUser-agent: *\nDisallow: /\nsitemap: https://o/b.xml.gz # c\nSitemap: mailto:x\nSitemap: /a.xml"
    found = robots_txt.sitemaps(robots_txt.robots(200, text), CanonicalURL("http://h/robots.txt"))
    assert [(ref.url, ref.kind) for ref in found] == [
        ("http://h/a.xml", Kind.SITEMAP),
        ("https://o/b.xml.gz", Kind.SITEMAP),
    ]
    assert not robots_txt.sitemaps(robots_txt.robots(404, text), CanonicalURL("http://h/robots.txt"))
    assert not robots_txt.sitemaps(None, CanonicalURL("http://h/robots.txt"))


# How much of it


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_rule_that_the_size_limit_cuts_is_ignored(end: bytes) -> None:
    head = b"User-agent: *" + end + b"Disallow: /a" + end
    text = head + b"#" * (MAX_SIZE - len(head) - len(end) - 11) + end + b"Disallow: /b/c" + end
    assert len(text) > MAX_SIZE
    assert not allows(text, "/a")
    assert allows(text, "/b")
    assert not allows(text[: MAX_SIZE - 20] + end + b"Disallow: /b", "/b")


def test_groups_of_many_agents_are_read() -> None:
    agents = "".join(f"User-agent: bot{number}\n" for number in range(1000))
    assert not allows(agents + "User-agent: websucker\nDisallow: /a", "/a")
    alone = "".join(f"User-agent: bot{number}\nDisallow: /\n" for number in range(10_000))
    assert not allows(alone + "User-agent: websucker\nDisallow: /a", "/a")


def test_rules_for_other_agents_are_not_kept() -> None:
    agents = "".join(f"User-agent: {letter}\n" for letter in "abcdefgh" * 1000)
    rules = read(agents + "".join(f"Disallow: /{number}\n" for number in range(10_000)))
    assert not rules.prefixes
    assert not rules.wildcards


class Counted(str):
    """A text that counts how many of its characters were read."""

    __slots__ = ("looked_at",)

    def find(self, part: str, start: int = 0) -> int:  # type: ignore[override]
        found = super().find(part, start)
        self.looked_at = getattr(self, "looked_at", 0) + (found if found >= 0 else len(self)) - start + len(part)
        return found


PATTERNS = st.builds("/{}{}".format, st.text(alphabet="ab*/", max_size=30), st.sampled_from(("", "$")))


@LAW
@given(PATTERNS, st.text(alphabet="ab/", max_size=60).map("/".__add__))
def test_a_pattern_matches_like_the_regular_expression(pattern: str, place: str) -> None:
    assert robots_txt.matches(pattern, place) == oracle(pattern, place)


def oracle(pattern: str, place: str) -> bool:
    """Match by dynamic programming, character by character: which beginnings of the pattern match all that was read so far."""
    body, is_whole = pattern.removesuffix("$"), pattern.endswith("$")
    states = closure(body, {0})
    if not is_whole and len(body) in states:
        return True
    for char in place:
        states = closure(body, {at + (body[at] != "*") for at in states if at < len(body) and body[at] in {char, "*"}})
        if not is_whole and len(body) in states:
            return True
    return len(body) in states


def closure(body: str, states: set[int]) -> set[int]:
    found = set(states)
    for at in range(len(body)):
        if at in found and body[at] == "*":
            found.add(at + 1)
    return found


@LAW
@given(PATTERNS, st.text(alphabet="ab/", max_size=400).map("/".__add__))
def test_matching_reads_each_character_about_once(pattern: str, place: str) -> None:
    counted = Counted(place)
    robots_txt.matches(pattern, counted)
    assert getattr(counted, "looked_at", 0) <= len(place) + len(pattern)


WORDS = st.sampled_from(
    (
        "User-agent",
        "Disallow",
        "Allow",
        "Sitemap",
        "Crawl-delay",
        ":",
        " ",
        "*",
        "$",
        "/",
        "a",
        "%",
        "é",
        "\n",
        "\r",
        "#",
        "\0",
        "\u2028",
        PRODUCT,
    )
)


@LAW
@given(
    st.integers(0, 999),
    st.binary() | st.lists(WORDS).map(lambda words: "".join(words).encode()),
    st.lists(WORDS).map("".join),
)
def test_any_payload_can_be_read(status: int, payload: bytes, agent: str) -> None:
    rules = robots_txt.robots(status, payload, agent)
    if rules:
        assert rules.allows(CanonicalURL("http://h/a%20b?c")) == rules.rule(CanonicalURL("http://h/a%20b?c")).allows
    robots_txt.sitemaps(rules, CanonicalURL("http://h/robots.txt"))


@LAW
@given(st.text(max_size=20))
def test_normalising_is_idempotent(text: str) -> None:
    normalised = robots_txt.normalised(text.encode("utf-8", errors="replace").decode())
    assert robots_txt.normalised(normalised) == normalised
