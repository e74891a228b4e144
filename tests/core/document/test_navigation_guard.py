"""Which scripts may leave a copy, and the guard that they get."""

from dataclasses import replace
from typing import Final

import pytest

from mirror.core.document import navigation_guard
from mirror.core.document.navigation_guard import GUARD, MAX_SCRIPT, guarded, may_leave
from tests.core.document.test_documents import copied, response

LEAVES: Final = {
    "protocol": (
        "if(location.protocol!=='https:')location.replace('https:'+location.href.substring(location.protocol.length))"
    ),
    "window": "if (window.location.protocol != 'https:') window.location.href = location.href.replace('http:', 'https:')",
    "reversed": "if ('https:' != document.location.protocol) document.location = 'https://' + location.host",
    "minified": '"https:"!==location.protocol&&(location.href="https://h"+location.pathname)',
    "short name": "var l=window.location;l.protocol!=='https:'&&l.replace(l.href.replace('http','https'))",
    "host": "if(location.hostname!=='www.example.org')location.href='https://www.example.org'+location.pathname",
    "host set": "if (location.host == 'old.example') location.hostname = 'new.example'",
    "method": "if (location.href.indexOf('https') < 0) { location.assign('https://h/') }",
    "search": "if (!location.hostname.endsWith('.example')) window.location.replace('https://h.example')",
    "regex": "if(!/example\\.org$/.test(location.hostname))location.assign('https://example.org/')",
    "length": "if (location.pathname.length < 2) location = '/home'",
    "frame": "if (top !== self) top.location = self.location",
    "frame by location": "if (top.location != self.location) { top.location.href = self.location.href }",
    "no frame": "if (window.parent == window) location.replace('frames.html')",
    "cookie": "if(!document.cookie.includes('human')){document.cookie='human=1';location.reload()}",
    "storage": "if (!localStorage.getItem('seen')) { localStorage.seen = 1; location.reload(true) }",
    "history": "sessionStorage.length || history.go(0)",
}
STAYS: Final = (
    "button.onclick = () => { location.href = '/next.html' }",
    "const at = location.protocol === 'https:' ? 'wss:' : 'ws:'",
    "a.protocol + '//' + a.host !== b.protocol + '//' + b.host; text.replace(/a/, 'b')",
    "if (node.parent === null) text = text.replace(a, b)",
    "if (location.hash == '#top') show(location.search)",
    f"if (location.protocol != 'https:') {{}} {' ' * 500} location.reload()",
)


@pytest.mark.parametrize("script", LEAVES.values(), ids=LEAVES)
def test_scripts_that_look_at_their_address_and_go_elsewhere_are_guarded(script: str) -> None:
    assert may_leave(script)
    assert copied(response(f"<html><head><script>{script}</script>")) == (
        f"<html><head><script>{GUARD}</script><script>{script}</script>".encode()
    )
    assert copied(response(script, "text/javascript")) == (GUARD + script).encode()


@pytest.mark.parametrize("script", STAYS)
def test_other_scripts_stay_as_they_are(script: str) -> None:
    page, file = (
        response(text, kind)
        for text, kind in ((f"<script>{script}</script>", "text/html"), (script, "text/javascript"))
    )
    assert copied(page) is page.payload
    assert copied(file) is file.payload


def test_a_handler_is_a_script() -> None:
    assert copied(response("<body onload=\"if (top != self) top.location = '/'\">")).startswith(b"<script>")


def test_the_guard_runs_before_any_policy() -> None:
    policy = ("Content-Security-Policy", "default-src 'self'")
    answer = response(f"<html><head><script>{LEAVES['frame']}</script>é", "text/html; charset=utf-8")
    copy = copied(replace(answer, headers=[*answer.headers, policy])).decode()
    assert copy.startswith(
        f'<html><head><meta charset="utf-8"><script>{GUARD}</script><meta http-equiv="content-security'
    )


@pytest.mark.parametrize(
    ("script", "guarded_script"),
    [
        ("A", "{}A"),
        ("\ufeffA", "\ufeff{}A"),
        ("'use strict';A", "'use strict';{};A"),
        ('/* licence */\n// of this\n"use strict"\nA', '/* licence */\n// of this\n"use strict";{}\nA'),
        ("x();'use strict';A", "{}x();'use strict';A"),
    ],
)
def test_the_guard_leaves_a_script_strict(script: str, guarded_script: str) -> None:
    found = guarded(script.replace("A", LEAVES["frame"]).encode())
    assert found.decode() == guarded_script.replace("A", LEAVES["frame"]).format(GUARD)
    assert guarded(found) == found


def test_long_texts_are_not_searched() -> None:
    assert not may_leave(LEAVES["frame"] + " " * MAX_SCRIPT)


@pytest.mark.parametrize(
    "part", ["location", "x.href ", "location.href!=", "!=a.", "top==", "x.replace(", " ", "/*", "'use strict'"]
)
def test_no_text_takes_long(part: str) -> None:
    """Of a hundred thousand characters each; a pattern that backtracks takes minutes and more."""
    script = "location.reload();" + part * (100_000 // len(part))
    guarded(script.encode())
    may_leave(script + " " * 100_000)


@pytest.mark.parametrize(
    "script",
    [
        "!function(l){'https:'!=l.protocol&&l.replace(l.href.replace('http:','https:'))}(location)",
        "((w, l) => { if (l.protocol != 'https:') l.href = 'https://h/' })(window, location)",
        "const l = location; if (l.protocol !== 'https:') l.replace(l.href.replace('http', 'https'))",
    ],
)
def test_the_address_may_have_another_name(script: str) -> None:
    assert may_leave(script)


@pytest.mark.parametrize("prose", ["The location. The host", "a new location, a better history", "at this location"])
def test_prose_is_not_searched_further(prose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation_guard, "_GOES", None)
    assert not may_leave(f"<p>{prose} <a href=/>x</a>")
