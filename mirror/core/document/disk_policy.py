"""A Content-Security-Policy for a copy on a disk: what the original forbade stays forbidden, and the copies are allowed.

Input: the value of a header or of a `<meta>`, and the URL of the document. Output: the value for a `<meta>`. Without it, a
script runs in the copy that no browser ran on the site: what a visitor wrote there, or a page that was served in a sandbox.

The law
-------
1. Only directives about what a page loads or runs count (`_LOADS`). Others mean nothing on a disk, or nothing in a `<meta>`.
2. A source list that allows any URL of the web allows `file:` too, because the copies have such URLs. `'self'` becomes the
   origin of the document. What allows nothing, or only inline code, stays as it is.
3. Hashes of styles become `'unsafe-inline'`, because rewriting changes styles. Scripts are not changed.
4. A sandbox without `allow-scripts` becomes a ban of scripts.
"""

import re
from typing import Final

from mirror.core.url.canonical import CanonicalURL, origin

_KINDS: Final = (
    "child",
    "connect",
    "default",
    "font",
    "frame",
    "img",
    "manifest",
    "media",
    "object",
    "script",
    "style",
    "worker",
)
_LOADS: Final = frozenset(
    [
        *(f"{kind}-src" for kind in _KINDS),
        *(f"{kind}-src-{of}" for kind in ("script", "style") for of in ("attr", "elem")),
    ]
)
_HASH_OR_NONCE: Final = re.compile(r"'(?:sha(?:256|384|512)|nonce)-[^']*'", re.IGNORECASE)
_NO_URL: Final = re.compile(r"'.*'|(?!https?:|wss?:)[a-z][a-z0-9+.\-]*:", re.IGNORECASE)
"""A source that allows no URL of the web: a keyword, or a scheme such as `data:`."""


def disk_policy(policy: str, url: CanonicalURL) -> str:
    """Return the policy for the copy of a document; "" if it forbids nothing there.

    >>> disk_policy("default-src 'self'; script-src 'none'; report-uri /r", CanonicalURL("https://h/a"))
    "default-src https://h file:; script-src 'none'"
    """
    found: dict[str, str] = {}
    for directive in policy.split(";"):
        name, *sources = directive.split() or [""]
        name = name.lower()
        if name in _LOADS:
            found.setdefault(name, " ".join([name, *_sources(name, sources, url)]))
        elif name == "sandbox" and "allow-scripts" not in map(str.lower, sources):
            return "script-src 'none'"
    return "; ".join(found.values())


def _sources(name: str, sources: list[str], url: CanonicalURL) -> list[str]:
    if name.startswith("style-") and any(map(_HASH_OR_NONCE.fullmatch, sources)):
        sources = [source for source in sources if not _HASH_OR_NONCE.fullmatch(source)] + ["'unsafe-inline'"]
    is_self = [source.lower() == "'self'" for source in sources]
    kept = [origin(url) if own else source for source, own in zip(sources, is_self, strict=True)]
    return kept + ["file:"] * (any(is_self) or not all(map(_NO_URL.fullmatch, sources)))
