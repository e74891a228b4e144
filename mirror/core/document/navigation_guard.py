"""A script that keeps a page of a copy from leaving the copy, or from loading itself without end.

Many pages look at their own address, and go to where they belong: `if (location.protocol != "https:") location.replace(...)`. A
copy is elsewhere, so it would load itself again and again, or try to reach the live site. No script can pretend that a page is
at another address, but a script can see where a page is about to go (the Navigation API of WHATWG HTML, 7.2.6).

Input: documents and scripts. Output: the text of the guard, and a script file with the guard in front.

The law
-------
1. The guard cancels only what scripts and `<meta>` begin, before the reader's first input on this page. A reader may go
   anywhere.
2. It does so only on a disk, and on this machine (`localhost`, 127.0.0.1): on a real host, a page is where it belongs.
3. It cancels what leads to another scheme, or off this machine.
4. It cancels the third time within a minute that a page loads itself, as a copy does not change. Pages that reload once after
   they have stored something go on. In a window, it cancels the fifth navigation within five seconds: pages in a circle.
5. In replay, all pages with scripts have it. In a tree, only pages whose scripts look at their address and go to another one
   have it (`may_leave`), and script files that do, as a page does not say what its script files do.
6. Browsers without the Navigation API (Firefox before 147, Safari before 26.2) do as they would without it.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

_MARK: Final = "websucker.navigations"

GUARD: Final = """(() => {
    const mark = Symbol.for("websucker.navigations"), nav = globalThis.navigation
    const isNear = host => /(^|\\.)localhost$|^127\\.|^\\[::1\\]$/.test(host)
    if (!nav || nav[mark] || !(location.protocol == "file:" || isNear(location.hostname))) return
    nav[mark] = true
    let isUsed = false  // userActivation.hasBeenActive is true from the start in a page that a click led to
    const used = event => { isUsed ||= event.isTrusted }
    for (const kind of ["pointerdown", "keydown", "click"]) addEventListener(kind, used, true)
    const plain = url => url.split("#")[0]
    const isCircle = (from, to) => {
        const now = performance.timeOrigin + performance.now(), name = "websucker.navigations"
        const known = JSON.parse(sessionStorage.getItem(name) || "[]").filter(([time]) => now - time < 60000)
        const same = known.filter(([, ...one]) => one[0] == from && one[1] == to).length
        const fast = known.filter(([time]) => now - time < 5000).length
        sessionStorage.setItem(name, JSON.stringify([...known, [now, from, to]].slice(-20)))
        return from == to && same >= 2 || fast >= 4 && self == top
    }
    nav.addEventListener("navigate", event => {
        const { destination, navigationType } = event, from = plain(location.href), to = plain(destination.url)
        if (event.userInitiated || isUsed || event.hashChange || destination.sameDocument
            || navigationType == "traverse" || event.downloadRequest != null || !/^(https?|file):/.test(to)) return
        const { protocol, hostname } = new URL(to)
        let stops = protocol != location.protocol || (protocol == "file:" ? hostname != "" : !isNear(hostname))
        if (!stops) try { stops = isCircle(from, to) } catch { stops = from == to }
        if (stops) event.preventDefault()
    })
})();
"""
"""The guard. It may run several times on a page."""

_NEAR: Final = 400
"""Characters of a script between a look at the address and a navigation, at most."""

_PLACE: Final = r"(?:\blocation|\b\w)\s*+\.\s*+(?:protocol|hostname|host|origin|href|pathname)\b"
"""A part of the address, of `location` or of a variable with a short name."""

_STORED: Final = r"\b(?:document\s*+\.\s*+cookie|(?:local|session)Storage)\b"
_WINDOW: Final = r"(?:\bwindow\s*+\.\s*+)?\b(?:top|self|parent|window)\b(?:\s*+\.\s*+location)?"
_EQUALS: Final = r"\s*+[!=]==?\s*+"
_DOTS: Final = r"(?:\b\w++\s*+\.\s*+){0,3}"
_LOOKS: Final = re.compile(
    rf"{_PLACE}\s*+\)?+{_EQUALS}|[!=]==?\s*+\(?+{_DOTS}{_PLACE}|{_PLACE}\s*+\.\s*+\w++\s*+[(<>=!]"
    rf"|\.\s*+(?:test|exec|includes|indexOf)\s*+\(\s*+{_DOTS}{_PLACE}|{_STORED}|{_WINDOW}{_EQUALS}{_WINDOW}"
)
_GOES: Final = re.compile(
    r"\blocation(?:\s*+\.\s*+(?:href|protocol|hostname|host|port|pathname|search))?\s*+=(?![=>])"
    r"|\blocation\s*+\.\s*+(?:replace|assign|reload)\s*+\(|\bhistory\s*+\.\s*+go\s*+\(\s*+0?\s*+\)"
    r"""|\b\w\s*+\.\s*+(?:replace|assign)\s*+\(\s*+(?:\w\s*+\.\s*+href\b|["'`]https?:)|\b\w\s*+\.\s*+href\s*+=\s*+["'`]https?:"""
)
_SIGNS_OF_LOOKING: Final = (
    re.compile(r"location(?:\s*+(?:\.\s*+[a-z]{4}|=)|\b(?:(?<=[.=(,]location)|(?<=[=,] location)|(?<=\{ location)))"),
    re.compile(r"history\s*+\.\s*+go"),
)
_SIGNS_OF_GOING: Final = (
    re.compile(r"location\s*+(?:=|\.\s*+(?:[a-z]++\s*+[=(]))"),
    re.compile(r"history\s*+\.\s*+go"),
    re.compile(r"\.\s*+(?:(?:replace|assign)\s*+\(|href\s*+=)"),
)
"""What a script that leaves has somewhere, one of each. They begin with a literal, so that a search takes little time."""

_PROLOGUE: Final = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?:(?:\s++|//[^\n]*+\n|/\*.*?\*/)*+(?P<strict>"use strict"|'use strict'))?""", re.DOTALL
)
MAX_SCRIPT: Final = 2 << 20
"""Characters of a text, at most, in which is looked for what leaves a copy."""


def may_leave(text: str) -> bool:
    """Whether scripts in a text look at the address of the page, or at what it has stored, and then go to an address.

    >>> may_leave("if (location.protocol != 'https:') location.replace('https:' + location.href.substring(5))")
    True
    >>> may_leave("button.onclick = () => { location.href = '/next.html' }")
    False
    """
    if len(text) > MAX_SCRIPT:
        return False
    if not all(any(sign.search(text) for sign in signs) for signs in (_SIGNS_OF_LOOKING, _SIGNS_OF_GOING)):
        return False
    if _MARK in text:
        return False
    goes = [found.span() for found in _GOES.finditer(text)]
    return bool(goes) and any(_is_near(look, goes) for look in _LOOKS.finditer(text))


def _is_near(look: re.Match[str], goes: Sequence[tuple[int, int]]) -> bool:
    """Whether one of the navigations, which are in their order, comes within `_NEAR` characters of a look at the address."""
    following = bisect_left(goes, (look.start(), 0))
    return following < len(goes) and goes[following][1] <= look.end() + _NEAR


def guarded(script: bytes) -> bytes:
    """Return a script file with the guard in front, behind a `"use strict"`, if it may leave a copy; else the file as it is.

    >>> guarded(b"'use strict';if (top != self) top.location = self.location.href").startswith(b"'use strict';(() => {")
    True
    """
    if not may_leave(script.decode("latin-1")):
        return script
    prologue = _PROLOGUE.match(script)
    assert prologue is not None  # it may be empty
    end, separator = prologue.end(), b";" if prologue["strict"] else b""
    return script[:end] + separator + GUARD.encode() + script[end:]
