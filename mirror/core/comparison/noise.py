"""Tells whether a page changed in nothing that a reader could miss: in nonces, tokens, clocks and cache busters only.

Input: two versions of an HTML document, as text. Output: whether everything that differs is noise. Each version is read once,
and only what differs is looked at more closely.

The law
-------
1. Comments don't count: nobody sees them, and programs write times and names of machines there.
2. The visible text is the same, line by line, without the clocks of the server: what `_CLOCKS` recognises. A date alone is
   none: it may be that of an article.
3. The tags are the same, in the same order, with the same attributes. Values may differ in random ids; in what a name says is a
   token (`_is_token`); and, in a URL, in parameters that are tokens or that keep a cache from answering. Another path, or any
   other parameter, is another link.
4. The scripts are the same without the values of names that are tokens or clocks. Style sheets are the same.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mirror.core.comparison.text_diff import Lines
from mirror.core.syntax.markup import read_html

MAX_LENGTH: Final = 4 << 20
"""Characters of a document that is compared. A change of a longer one is no noise."""

_MASK: Final = "~"
_Tag = tuple[str, dict[str, str]]


def is_noise(before: str, now: str) -> bool:
    """Whether two versions of an HTML document differ in noise only, by the law above.

    >>> is_noise("<p nonce=a1>Tides<!-- 1 -->", "<p nonce=b2>Tides"), is_noise("<p>Tides", "<p>Tide")
    (True, False)
    """
    if max(len(before), len(now)) > MAX_LENGTH:
        return False
    old, new = (read_html(text, _Page) for text in (before, now))
    for page in (old, new):
        page.break_line()
    return (
        _same(old.tags, new.tags, _tag_masked)
        and _same(old.lines, new.lines, _text_masked)
        and _same(old.scripts, new.scripts, _script_masked)
    )


class _Page(Lines):
    """Collects the lines of a page, its tags, and the texts of its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[_Tag] = []
        self.scripts: list[str] = []
        self._raw = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        super().start(tag, attributes)
        self.tags.append((tag, dict(attributes)))
        self._raw = tag in _RAW
        if self._raw:
            self.scripts.append("")

    def data(self, text: str) -> None:
        super().data(text)
        if self._raw:
            self.scripts[-1] += text

    def end(self, tag: str) -> None:
        super().end(tag)
        self._raw = False


def _same(before: Sequence[Any], now: Sequence[Any], masked: Callable[[Any], Any]) -> bool:
    pairs = zip(before, now, strict=False)
    return len(before) == len(now) and all(old == new or masked(old) == masked(new) for old, new in pairs)


# --- visible text -----------------------------------------------------------------------------------------------------


def _text_masked(line: str) -> str:
    """Return a line without clocks. Lines are looked at that no article has: short ones."""
    if len(line) > _LONGEST_CLOCK:
        return line
    for pattern in _CLOCKS:
        line = pattern.sub(_MASK, line)
    return line


# --- tags -------------------------------------------------------------------------------------------------------------


def _tag_masked(tag: _Tag) -> _Tag:
    name, attributes = tag
    kept = {key: _attribute_masked(name, key, value, attributes) for key, value in attributes.items()}
    if name == "input" and attributes.get("type", "").lower() == "hidden" and "name" in kept:
        kept["name"] = _OPAQUE.sub(_MASK, kept["name"])  # the name itself may be the token
        if _TICK.fullmatch(attributes.get("value", "")) or _STAMP.fullmatch(attributes.get("value", "")):
            kept["value"] = _MASK  # when the form was opened
    return name, kept


def _attribute_masked(tag: str, key: str, value: str, attributes: Mapping[str, str]) -> str:
    owner = next((attributes[name] for name in _NAMING if attributes.get(name)), "")
    if key == "nonce" or (_is_token(owner if key in {"value", "content"} else key) and _is_random(value)):
        return _MASK
    if key in _IDS or key.startswith(("data-", "aria-")):
        value = _EPOCH.sub(_MASK, _OPAQUE.sub(_MASK, value))
    if key.startswith("on"):
        return _script_masked(value)
    return _url_masked(value, is_page=tag in _LINKING) if "=" in value or "?" in value or "#" in value else value


def _url_masked(value: str, *, is_page: bool) -> str:
    """Return a text with URLs, without sessions, tokens and cache busters."""

    def masked(parameter: re.Match[str]) -> str:
        name, found = parameter["name"].lower(), parameter["value"]
        if name in _BUSTERS:
            is_masked = bool(
                _TICK.fullmatch(found) or (not is_page and name not in _VERSIONS and _COUNT.fullmatch(found))
            )
        else:
            is_masked = _is_token(name) and _is_random(found)
        return f"{parameter['start']}{name}={_MASK}" if is_masked else parameter[0]

    value = _BARE_TICK.sub(_MASK, _SESSION.sub("", value))
    value = _PARAMETER.sub(masked, value)
    address, mark, fragment = value.partition("#")
    return address + mark + _OPAQUE.sub(_MASK, fragment) if mark else value


# --- scripts ----------------------------------------------------------------------------------------------------------


def _script_masked(text: str) -> str:
    """Return a script, or data, without the values of tokens and clocks."""
    for pattern in _BLOCKS:
        text = pattern.sub(_MASK, text)
    return _url_masked(_PAIR.sub(_pair_masked, text), is_page=True)


def _pair_masked(pair: re.Match[str]) -> str:
    name, value = pair["name"], pair["value"]
    is_clock = bool(_TICK.fullmatch(value) or _STAMP.fullmatch(value)) and not _OF_CONTENT.search(name)
    is_timing = bool(_TIMING.search(name) and _NUMBER.fullmatch(value))
    is_masked = is_clock or is_timing or name.lower() in _MACHINES or (_is_token(name) and _is_random(value))
    return f"{name}{pair['between']}{_MASK}" if is_masked else pair[0]


# --- names and values -------------------------------------------------------------------------------------------------


def _is_token(name: str) -> bool:
    """Whether a name says that its value is a nonce, a token or a session.

    >>> [_is_token(name) for name in ("_wpnonce", "csrfmiddlewaretoken", "wgRequestId", "token_price", "form")]
    [True, True, True, False, False]
    """
    plain = re.sub(r"[^a-z]", "", name.lower())
    return plain in _TOKENS or plain.endswith("token") or any(part in plain for part in _TOKEN_PARTS)


def _is_random(value: str) -> bool:
    """Whether a value may be random: no word, and no small number."""
    is_mixed = any(map(str.isdigit, value)) or (value != value.lower() and value != value.capitalize())
    return len(value) >= _SHORTEST_TOKEN and is_mixed and not re.search(r"\s", value)


_RAW: Final = frozenset({"script", "style"})
_LINKING: Final = frozenset({"a", "area", "form"})
_IDS: Final = frozenset({"id", "for", "name", "headers", "list", "form", "value"})
_NAMING: Final = ("name", "id", "property", "http-equiv")
_SHORTEST_TOKEN: Final = 6
_LONGEST_CLOCK: Final = 300

_TOKENS: Final = frozenset(
    {"sid", "sectok", "sesskey", "sessid", "reqid", "rayid", "cfray", "state", "formkey", "logid"}
)
_TOKEN_PARTS: Final = (
    *("nonce", "csrf", "xsrf", "requestid", "requestuuid", "traceid", "correlationid", "transactionid", "sessionid"),
    *("phpsessid", "formbuildid", "viewstate", "eventvalidation", "captcha", "uniqid", "authenticity", "securitytoken"),
)
"""What the names of tokens are, or have in them, without signs: those of WordPress, Django, Rails, Drupal, ASP.NET, ..."""

_MACHINES: Final = frozenset({"wghostname", "servedby", "served_by", "hostname"})

_E: Final = r"(?:1[5-9]|2[0-4])\d{8}(?:\d{3})?(?:\.\d+)?"
_EPOCH: Final = re.compile(rf"(?<![\w.]){_E}(?![\w.])")
"""Seconds or milliseconds since 1970, from 2017 on."""

_TICK: Final = re.compile(rf"{_E}|0?\.\d{{6,}}|\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\w.:+\-]*")
"""What a clock or a random number gives."""

_STAMP: Final = re.compile(r"20\d{12}")
_COUNT: Final = re.compile(r"\d{3,}|(?=\D*\d)[0-9a-f]{6,}")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_OPAQUE: Final = re.compile(
    r"(?<![A-Za-z0-9./])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}|(?=[A-Za-z]*[0-9])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{16,})"
    r"(?![A-Za-z0-9./])"
)
"""A random id: a UUID, eight or more hexadecimal digits, or sixteen or more letters and digits in no order."""

_VERSIONS: Final = frozenset({"v", "ver", "version"})
_BUSTERS: Final = frozenset(
    (
        *_VERSIONS,
        "_",
        "t",
        "ts",
        "time",
        "timestamp",
        "cb",
        "bust",
        "buster",
        "cache",
        "cachebust",
        "cachebuster",
        "_dc",
    )
) | {"nocache", "no_cache", "rand", "random", "rnd", "r"}
_PARAMETER: Final = re.compile(
    r"(?P<start>(?:[?&;]|%3F|%26|\\u0026)(?:amp;)?)(?P<name>[\w\-.\[\]]{1,60})(?:=|%3D)(?P<value>[\w\-.~+/:,|]{0,500}(?:=|%3D){0,2})",
    re.IGNORECASE,
)
_BARE_TICK: Final = re.compile(rf"(?<=[?&])(?:{_E}|0?\.\d{{6,}}|\d{{5,}})(?=[&#\s\"']|\Z)")
_SESSION: Final = re.compile(r";jsessionid=[\w.!\-]+|(?<=/)\((?:[A-Z]\([\w\-]{8,64}\))+\)/", re.IGNORECASE)

_PAIR: Final = re.compile(
    r"(?<![\w\-.$])(?P<name>[A-Za-z_$][\w\-.$]{0,60})(?P<between>\\?[\"'`]?\]?\s{0,4}[:=,]\s{0,4}\\?[\"'`]?)"
    r"(?P<value>[\w+/=.~%|:\-]{1,500})"
)
"""A name and its value, in JSON, an assignment, or the arguments of a call."""

_OF_CONTENT: Final = re.compile(r"publi|modif|creat|updat|post|start|end|open|clos|event|date", re.IGNORECASE)
"""In the name of a time that is one of the content."""

_TIMING: Final = re.compile(
    r"(?:response|backend|generat\w*|render\w*|load\w*|exec\w*|elapsed|cpu|wall|process\w*|queue|application|server)_?-?"
    r"(?:time|ms)|timing",
    re.IGNORECASE,
)
_BLOCKS: Final = (
    re.compile(r"\"timingprofile\":\[[^\]]*+\]"),  # MediaWiki
    re.compile(r"__CF\$cv\$params=\{[^}]*+\}"),  # Cloudflare
    re.compile(r"(?<![\w.])0?\.\d{12,}"),
    re.compile(rf"(?<=[(\[,]){_E}(?=[)\],])"),
    re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
)

_SPAN: Final = r"\d+(?:[.,]\d+)*\s*(?:s|secs?|seconds?|ms|msecs?|milliseconds?|µs)\b\.?"
_TIME: Final = r"\d{1,2}:\d\d(?::\d\d)?(?:\s*[ap]\.?m\.?)?"
_DAY: Final = r"(?:[\w,./\-]{1,12}\s{1,2}){0,5}?[\w,./\-]{1,12}"
_MADE: Final = r"(?:generated|rendered|loaded|served|executed|processed|parsed|retrieved|cached|exported|printed)"
_WORK: Final = r"(?:generation|load|loading|render|rendering|process|processing|execution|parse|response|server)"
_NOW: Final = (
    r"(?:it is (?:currently|now)|(?:the )?(?:current|server|local) (?:date|time)(?: and time)?"
    r"|(?:the )?time(?: is)? now(?: is)?)"
)
_CLOCKS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_MADE}\b[^.\n]{{0,60}}?\b(?:in|within|took|time)\b\D{{0,12}}{_SPAN}",
        rf"\b(?:page|document|request|script|site)\b[^.\n]{{0,40}}\b(?:created|built|took|takes|time|in)\b\D{{0,12}}{_SPAN}",
        rf"\b{_WORK}[ -]time\D{{0,12}}{_SPAN}",
        r"\b\d+ (?:sql |db |database |mysql )?quer(?:y|ies)\b",
        r"\b(?:memory|mem)\b[^.\d\n]{0,20}\d+(?:[.,]\d+)*\s*[kmg]i?b\b",
        rf"\b{_MADE}\b.{{0,80}}?\b(?:at|on)\b:?\s*{_DAY}[,\s]\s*(?:at )?{_TIME}(?:\s*(?:[+-]\d{{4}}|UTC|GMT|[A-Z]{{3,4}}))?",
        rf"\b{_NOW}\b\D{{0,10}}(?:{_DAY}[,\s]\s*)?{_TIME}",
        r"\b(?:an?|\d+) (?:sec(?:ond)?|min(?:ute)?|hour|day|week|month|year)s?\.? ago\b|\b(?:just|right) now\b",
    )
)
"""How pages say how long they took, when they were made, and what time it is: those of servers, not those of articles."""
