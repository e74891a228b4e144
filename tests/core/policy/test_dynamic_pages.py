"""Pages that should be rendered in a browser, and pages that should not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.policy import dynamic_pages
from mirror.core.policy.dynamic_pages import (
    BUNDLERS,
    FEW_TRIALS,
    MANY_TRIALS,
    MOUNTS,
    ScriptSigns,
    Sign,
    find_signs,
    has_little_text,
    is_built_by_scripts,
    is_module_built,
    may_have_modules,
    shows_loader,
)
from mirror.core.url.canonical import CanonicalURL

URL = CanonicalURL("https://example.org/docs/")
TEXT = "<p>" + "A paragraph that says something. " * 20 + "</p>"


def signs(html: str) -> set[str]:
    return {str(sign) for sign in find_signs(html, URL).signs}


@pytest.mark.parametrize(
    "html",
    [
        TEXT,
        "<p>short",
        "",
        f"{TEXT}<script type='application/ld+json'>{{}}</script>",
        f"{TEXT}<script type='text/x-template'><b>import(</b></script>",
        f"<div id=root>{TEXT}</div>",
        f"<link rel=modulepreload href=a.js>{TEXT}",
        "<noscript>no script</noscript>",
        "<p>&lt;script&gt;",
    ],
)
def test_pages_without_scripts_are_not_rendered(html: str) -> None:
    assert find_signs(html, URL).trials == 0


@pytest.mark.parametrize(
    "script",
    [
        "<script>var a</script>",
        "<script src=/a.js></script>",
        "<SCRIPT TYPE='text/javascript' SRC='a.js'></SCRIPT>",
        "<script async defer src='a.js'>",
        '<script data-x="a>b" src="a.js"></script>',
        "<script type=''>1</script>",
    ],
)
def test_a_few_pages_with_scripts_are_tried(script: str) -> None:
    found = find_signs(TEXT + script, URL)
    assert found.signs == {Sign.SCRIPT}
    assert found.trials == FEW_TRIALS


@pytest.mark.parametrize(
    ("html", "sign"),
    [
        ("<script type=module src=/assets/app.js></script>", Sign.MODULE),
        ('<script type="module">import "/a.js"</script>', Sign.MODULE),
        ("<script>setTimeout(() => import('./a.js'))</script>", Sign.IMPORT),
        ("<script>1</script><link rel='modulepreload' href='/a.js'>", Sign.PRELOAD),
        ("<script src=a.js></script><app-root></app-root>", Sign.MOUNT),
        *((f"<script src=a.js></script><div class=x id='{name}'></div>", Sign.MOUNT) for name in MOUNTS),
        *((f"<script>self.{name}=1</script>", Sign.BUNDLER) for name in BUNDLERS),
    ],
)
def test_more_pages_that_scripts_build_are_tried(html: str, sign: Sign) -> None:
    found = find_signs(TEXT + html, URL)
    assert sign in found.signs
    assert found.trials == MANY_TRIALS


def test_a_page_with_little_text_is_tried_like_others() -> None:
    """A short page with a menu script is no application."""
    shell = "<title>A long title</title><style>p{color:red}</style><div id=root></div><script src=/a.js></script>"
    assert find_signs(shell, URL).trials == MANY_TRIALS
    assert find_signs("<p>Short</p><script src=/menu.js></script>", URL).trials == FEW_TRIALS
    assert "little text" in signs("<noscript>" + TEXT + "</noscript><script src=a.js></script>")
    assert "little text" not in signs(TEXT + "<script src=a.js></script>")


def test_pages_with_the_same_scripts_have_the_same_template() -> None:
    def template(html: str, url: str = URL) -> str:
        return find_signs(TEXT + html, CanonicalURL(url)).template

    one = template("<script src=/a.js?v=1></script><script>var page = 1</script>")
    assert one == template("<p>more</p><script>var page = 2</script><script src='/a.js?v=2'></script>")
    assert one == template("<script src=/a.js></script><script></script>", "https://example.org/other?x")
    assert one != template("<script src=/b.js></script><script></script>")
    assert one != template("<script src=/a.js></script><script></script>", "https://example.com/")


def test_pages_with_other_actions_in_their_urls_have_other_templates() -> None:
    def template(url: str) -> str:
        return find_signs(TEXT + "<script src=/a.js></script>", CanonicalURL(f"https://example.org/{url}")).template

    plain = template("doku.php?id=a")
    assert plain == template("doku.php?id=b") == template("a?dog=edit") == template("?action=1796015401")
    assert template("doku.php?id=a&do=edit") == template("doku.php?do=edit&id=b") == template("doku.php?id=c&do=EDIT")
    actions = [
        "?do=edit",
        "?do=media",
        "?title=A&action=edit",
        "?title=A&veaction=edit",
        "?mode=list",
        plain and "?a=b",
    ]
    assert len(set(map(template, actions))) == len(actions)
    assert len({template(f"?do={a}{b}") for a in "abcdefghijklmno" for b in "abcdefghijklmno"}) <= 64


def test_short_pages_with_other_inline_scripts_have_other_templates() -> None:
    def template(script: str, text: str = "") -> str:
        return find_signs(f"<p>Short{text}</p><script>{script}</script>", URL).template

    assert template("menu('a', 1)") == template("menu( 'b',  2)")
    assert template("menu('a', 1)") != template("fetch('a', 1)")
    assert template("menu('a', 1)", TEXT) == template("fetch('a', 1)", TEXT)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<script type=module src=a.js></script>", True),
        ("<script type='module'>import { a } from './a.js'</script>", True),
        ("<script type='module'>const a = await import('./a.js')</script>", True),
        ("<script type='module'>document.title = 1</script>", False),
        ("<script nomodule src=a.js></script>", False),
        ("<script src=module.js></script>", False),
        ("<script type='importmap'>{}</script>", False),
    ],
)
def test_is_module_built(html: str, *, expected: bool) -> None:
    assert is_module_built(html) is expected


SPACES = st.sampled_from(["", " ", "\n", "   ", "\n\t "])


@given(SPACES, SPACES, SPACES, st.sampled_from(["", '"', "'"]), st.sampled_from(["", ' src="a.js"', "\tsrc=a.js"]))
def test_a_page_that_is_built_of_modules_may_have_modules(
    name: str, value: str, inner: str, quote: str, after: str
) -> None:
    html = f"<p>text<script type{name}={value}{quote}{inner}module{quote}{after}>import {{ a }} from 'b'</script>"
    assert may_have_modules(html.encode()) or not is_module_built(html)


@pytest.mark.parametrize("html", ["the module", '<a href="#module-os">module</a>', "<p id=modules>", "(`module`)"])
def test_a_word_is_no_module(html: str) -> None:
    assert not may_have_modules(html.encode())


PIECES = [
    "<p>",
    "word ",
    "<!-- a -->",
    "<script>",
    "</script>",
    "<title>t</title>",
    "<svg>",
    "</svg>",
    "&amp;",
    "<!--",
    ">",
    "<a b=",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.sampled_from(PIECES), max_size=12))
def test_a_long_page_is_looked_at_in_two_steps_with_the_same_result(begin: list[str], end: list[str]) -> None:
    html = "".join(begin) * 20 + "<i></i>" * 3000 + "".join(end) * 20
    in_two_steps = has_little_text(html)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamic_pages, "_BEGINNING", len(html))
        assert has_little_text(html) is in_two_steps


def test_looking_takes_linear_time() -> None:
    """The time is linear: with backtracking each of these would take hours."""
    for part in ("<script", "<script>", "<div id=", "<!--", "<", "<script a='", "import (", "<template>"):
        assert isinstance(find_signs(part * 20_000, URL), ScriptSigns)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<p>Loading...</p>", True),
        ("<div id=app><h1> Please  wait</h1></div>", True),
        ("<p>\u8aad\u307f\u8fbc\u307f\u4e2d</p>", True),
        ('<div class="app-loading" aria-hidden=true></div>', True),
        ('<main aria-busy="true"></main>', True),
        ("<script>var text = 'Loading'</script><p>Here it is", False),
        ('<img class="lazyloading" loading="lazy"><p>A picture', False),
        ('<div class="spinner"></div><p>' + 9 * "and its text ", False),
        ("<p>" + "Loading docks of old harbours, " * 3, False),
        ("", False),
    ],
)
def test_a_page_that_shows_only_a_loader_is_recognised(body: str, *, shown: bool) -> None:
    assert shows_loader(f"<!DOCTYPE html><title>Loading</title>{body}") == shown


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<div id="root"></div><script src="/a.js"></script>', True),
        ("<p>Loading…</p><script>start()</script>", True),
        ("<p>A short page</p><script>count()</script>", False),
        (f'<div id="root"><p>{"words " * 60}</div><script src="/a.js"></script>', False),
        ('<div id="root"></div>', False),
    ],
)
def test_a_page_that_is_nothing_without_its_scripts(html: str, *, expected: bool) -> None:
    assert is_built_by_scripts(html, find_signs(html, URL)) == expected
