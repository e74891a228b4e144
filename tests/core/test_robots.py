"""robots.txt: what an answer means, and that none is too much to read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core import robots
from mirror.core.robots import MAX_SIZE
from mirror.core.spans import Kind
from mirror.core.urls import CanonicalURL

LAW = settings(max_examples=120, deadline=None)

AGENT = "Websucker/1.0 (+https://websucker.example/)"


def allows(text: str | bytes, path: str, agent: str = AGENT) -> bool:
    payload = text.encode() if isinstance(text, str) else text
    return robots.robots(200, payload).allows(CanonicalURL(f"http://h{path}"), agent)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://h/", "http://h/robots.txt"),
        ("https://h:8443/a/b?c=/d", "https://h:8443/robots.txt"),
        ("http://[::1]:8000/a", "http://[::1]:8000/robots.txt"),
    ],
)
def test_robots_url(url: str, place: str) -> None:
    assert robots.robots_url(CanonicalURL(url)) == place


@pytest.mark.parametrize("url", ["ftp://a.org/b", "ftps://a.org/", "sftp://a.org:2222/", "file:///srv/www/"])
def test_trees_of_files_have_no_rules(url: str) -> None:
    assert robots.robots_url(CanonicalURL(url)) is None


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
    ],
)
def test_an_agent_is_named_by_its_product_token(named: str, *, meant: bool) -> None:
    for line in ("User-agent: {}", "User-agent {}", " user  agent {}", "useragent:{}"):
        for agent in ("websucker", AGENT):
            assert allows(f"{line.format(named)}\nDisallow: /", "/a", agent) != meant


@pytest.mark.parametrize(
    ("statuses", "allowed"),
    [((400, 401, 403, 404, 410, 429), True), ((100, 200, 204, 301, 304, 500, 503, 599), False)],
)
def test_status(statuses: tuple[int, ...], *, allowed: bool) -> None:
    forbids_all = b"User-agent: *\nDisallow: /"
    for status in statuses:
        assert robots.robots(status, forbids_all).allows(CanonicalURL("http://h/a"), AGENT) is allowed


@pytest.mark.parametrize(
    ("text", "allowed", "forbidden"),
    [
        ("", ["/"], []),
        ("User-agent: *\nDisallow:", ["/"], []),
        ("User-agent: *\nDisallow: /", [], ["/", "/a"]),
        ("\ufeffUser-Agent: *\r\nDisallow: /a\r\n", ["/", "/b"], ["/a", "/a/b", "/ab"]),
        ("user-agent:*#x\rdisallow:/a#b", ["/"], ["/a"]),
        ("User-agent: *\nDisallow: /\nAllow: /a", ["/a/b"], ["/b"]),
        ("User-agent: *\nAllow: /a\nDisallow: /a", ["/a"], []),
        ("User-agent: *\nDisallow: /*.php$\nDisallow: /a*b", ["/x.php?y", "/ac"], ["/x.php", "/acb"]),
        ("User-agent: *\nDisallow: /é\nDisallow: /%7ea", ["/e"], ["/%C3%A9", "/~a"]),
        ("User-agent: other\nDisallow: /", ["/"], []),
        ("User-agent: *\nDisallow: /\n\nUser-agent: websucker\nDisallow: /a", ["/b"], ["/a"]),
        ("User-agent: a\nUser-agent: websucker\nDisallow: /a\nUser-agent: b\nDisallow: /b", ["/b"], ["/a"]),
        ("<html><p>Not found</p>", ["/"], []),
        ("User-agent: *\nDisallow: /" + "a*" * 300 + "b", ["/" + "a" * 1000], ["/" + "a" * 1000 + "b"]),
    ],
)
def test_rules(text: str, allowed: list[str], forbidden: list[str]) -> None:
    assert all(allows(text, path) for path in allowed)
    assert not any(allows(text, path) for path in forbidden)


def test_sitemaps() -> None:
    text = b"Sitemap: /a.xml\nUser-agent: *\nDisallow: /\nsitemap: https://o/b.xml.gz # c\nSitemap: mailto:x\nSitemap: /a.xml"
    found = robots.sitemaps(robots.robots(200, text), CanonicalURL("http://h/robots.txt"))
    assert [(ref.url, ref.kind) for ref in found] == [
        ("http://h/a.xml", Kind.SITEMAP),
        ("https://o/b.xml.gz", Kind.SITEMAP),
    ]
    assert not robots.sitemaps(robots.robots(404, text), CanonicalURL("http://h/robots.txt"))


def test_a_rule_that_the_bound_cuts_in_two_is_none() -> None:
    head = b"User-agent: *\nDisallow: /a\n"
    text = head + b"#" * (MAX_SIZE - len(head) - 12) + b"\nDisallow: /b/c\n"
    assert len(text) > MAX_SIZE
    assert not allows(text, "/a")
    assert allows(text, "/b")
    assert not allows(text[: MAX_SIZE - 20] + b"\nDisallow: /b", "/b")


def test_groups_of_many_agents_are_read() -> None:
    agents = "".join(f"User-agent: bot{number}\n" for number in range(1000))
    assert not allows(agents + "User-agent: websucker\nDisallow: /a", "/a")
    alone = "".join(f"User-agent: bot{number}\nDisallow: /\n" for number in range(10_000))
    assert not allows(alone + "User-agent: websucker\nDisallow: /a", "/a")


@pytest.mark.parametrize(
    "agent",
    [
        "User-agent: {}b",
        "User-agent {}b",
        "User agent:{}b",
        "user  agent {}b",
        "useragent: {}b*",
        "Foo\nUser-agent:{}b",
    ],
)
@pytest.mark.parametrize(
    "rule", ["Disallow: /{}", "Disallow /{}", "Dissallow: /{}$", "Crawl-delay: {}", "Foo: {}\nAllow: /{}"]
)
def test_groups_are_not_multiplied_without_a_bound(agent: str, rule: str) -> None:
    """Protego would keep 10,000 times 10,000 rules."""
    lines = [agent.format(number) for number in range(10_000)] + [
        rule.format(number, number) for number in range(10_000)
    ]
    robots.robots(200, "\n".join(lines).encode())


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
    )
)


@LAW
@given(
    st.integers(0, 999),
    st.binary() | st.lists(WORDS).map(lambda words: "".join(words).encode()),
    st.lists(WORDS).map("".join),
)
def test_no_answer_is_a_failure(status: int, payload: bytes, agent: str) -> None:
    rules = robots.robots(status, payload)
    rules.allows(CanonicalURL("http://h/a%20b?c"), agent)
    robots.sitemaps(rules, CanonicalURL("http://h/robots.txt"))
