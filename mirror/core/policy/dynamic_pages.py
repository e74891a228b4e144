"""Whether a page is worth a browser: what in its HTML says that scripts build it, or load more for it.

Enters: the text of an HTML document and its URL. Leaves: a `Look`. It is a look, not a parse: a regular expression finds the
scripts, and what it takes for one in a comment costs a rendering and nothing else. Never here: a browser, a manifest, or what
earlier pages of the site were like.

The signs
---------
`Sign` lists them. Without any script that runs, a page is what its HTML says, and no browser finds more. With scripts alone
(`Sign.SCRIPT`) most pages load no more than their HTML and their styles name: a few of each template are tried (`Look.trials`).
The other signs are of scripts that build pages or load parts of themselves: more are tried. A page whose HTML says next to
nothing (`Sign.LITTLE`) is nothing without its scripts: it is always rendered.

What it can't see: scripts that load more only when somebody clicks; a classic script, of a template whose first pages gave
nothing, that loads something for one page among many.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from mirror.core.url.canonical import CanonicalURL, origin


class Sign(StrEnum):
    """What is to be seen in the HTML of a page, and why it matters."""

    SCRIPT = "script"  # something runs
    MODULE = "module script"  # may import more, by names that are no literals
    IMPORT = "dynamic import"  # loads when it likes
    PRELOAD = "module preload"  # what bundlers write for the chunks of a page
    MOUNT = "mount node"  # where a framework puts what it builds
    BUNDLER = "bundler runtime"  # loads chunks by numbers
    LITTLE = "little text"  # what there is to read comes from scripts


MOUNTS: Final[dict[str, str]] = {
    "root": "React, as create-react-app and create-vite have it",
    "app": "Vue, VitePress, Svelte, as create-vite has it",
    "__next": "Next",
    "__nuxt": "Nuxt",
    "___gatsby": "Gatsby",
    "__docusaurus": "Docusaurus",
    "svelte": "SvelteKit",
    "q-app": "Quasar",
    "react-root": "React",
    "app-root": "Angular",
    "ember-application": "Ember",
    "hexo-root": "Hexo's themes with scripts",
    "docsify": "Docsify, which is #app as well",
}
"""An id, or an element's name, of what a framework fills -> whose it is."""

BUNDLERS: Final[dict[str, str]] = {
    "webpackChunk": "webpack 5: the array that chunks are pushed to",
    "webpackJsonp": "webpack before 5",
    "__webpack_require__": "webpack, not minified",
    "__vite__mapDeps": "Vite: the list of what a chunk needs",
    "__NEXT_DATA__": "Next: what a page is built from",
    "__next_f": "Next's app router",
    "__NUXT__": "Nuxt",
    "__sveltekit_": "SvelteKit",
    "__remixContext": "Remix",
    "__staticRouterHydrationData": "React Router",
    "parcelRequire": "Parcel",
    "System.register": "SystemJS, Vite's builds for old browsers",
    "requirejs": "RequireJS",
    "RLPAGEMODULES": "MediaWiki's loader",
    "$docsify": "Docsify",
}
"""What a bundler or a framework is known by in a page -> whose it is."""

FEW_TRIALS: Final = 3
MANY_TRIALS: Final = 10
"""So many pages of a template are rendered, one after the other, before it is said to give nothing new: see `Look.trials`."""

AGAIN: Final = 20
"""After that, each so-manyth page of it is, to see whether that is still so."""

LITTLE_TEXT: Final = 200
"""Characters of text, white space aside, below which a page with scripts says next to nothing."""

_SCRIPT: Final = re.compile(  # what is unbounded here would be looked for again and again in hostile pages
    r"<script((?=[\s/>])(?:[^<>\"']{1,2000}+|\"[^\"]{0,4000}+\"|'[^']{0,4000}+'){0,60}+)>(.*?)(?:</script|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TYPE: Final = re.compile(r"\stype\s{0,3}=\s{0,3}[\"']?\s{0,3}([^\"'\s>]*)", re.IGNORECASE)
_SRC: Final = re.compile(r"\ssrc\s{0,3}=\s{0,3}(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_JAVASCRIPT: Final = re.compile(r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script|module|)\s*(?:;|$)", re.IGNORECASE)
_IMPORT: Final = re.compile(r"\bimport\s*\(")
_IMPORTS: Final = re.compile(r"(?:^|[;\s}])(?:import|export)\s*[\w*{\"'(]")
_PRELOAD: Final = re.compile(r"\brel\s{0,3}=\s{0,3}[\"']?modulepreload", re.IGNORECASE)
_MOUNT: Final = re.compile(
    rf"\bid\s{{0,3}}=\s{{0,3}}[\"']?(?P<id>{'|'.join(map(re.escape, MOUNTS))})[\"'\s>]|<(?P<name>app-root)[\s>]",
    re.IGNORECASE,
)
_BUNDLER: Final = re.compile("|".join(map(re.escape, BUNDLERS)))
_UNSEEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|noscript|title|svg)\b.*?(?:</\1|\Z)", re.IGNORECASE | re.DOTALL
)
_TAG: Final = re.compile(r"<[^>]*+>?|\s+|&[#\w]+;")
_STRONG: Final = frozenset({Sign.MODULE, Sign.IMPORT, Sign.PRELOAD, Sign.MOUNT, Sign.BUNDLER, Sign.LITTLE})


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a page shows. `template` is the same for pages of an origin that run the same scripts."""

    signs: frozenset[Sign]
    template: str

    @property
    def trials(self) -> int | None:
        """How many pages of the template have to give nothing new before others are spared; `None`: none ever is, 0: all."""
        if not self.signs:
            return 0
        if Sign.LITTLE in self.signs:
            return None
        return MANY_TRIALS if self.signs & _STRONG else FEW_TRIALS


NOTHING: Final = Look(frozenset(), "")
"""A page in which nothing runs."""


def look(text: str, url: CanonicalURL) -> Look:
    """What the HTML of a page says of its scripts.

    >>> page = '<div id="root"></div><script type="module" src="/a.js"></script>'
    >>> sorted(map(str, look(page, CanonicalURL("http://a.example/")).signs))
    ['little text', 'module script', 'mount node', 'script']
    >>> look("<p>Text and no script", CanonicalURL("http://a.example/")).trials
    0
    """
    signs: set[Sign] = set()
    sources: set[str] = set()
    for attributes, source, body in _scripts(text):
        kind = _TYPE.search(attributes)
        if kind and not _JAVASCRIPT.match(kind[1]):
            continue
        signs.add(Sign.SCRIPT)
        sources.add(source.partition("?")[0])
        if kind and kind[1].lower() == "module":
            signs.add(Sign.MODULE)
        if _IMPORT.search(body):
            signs.add(Sign.IMPORT)
    if not signs:
        return NOTHING
    mount = _MOUNT.search(text)
    signs |= {
        sign
        for sign, found in (
            (Sign.MOUNT, mount),
            (Sign.PRELOAD, _PRELOAD.search(text)),
            (Sign.BUNDLER, _BUNDLER.search(text)),
            (Sign.LITTLE, _says_little(text)),
        )
        if found
    }
    named = "\n".join([origin(url), *sorted(sources), (mount["id"] or mount["name"]).lower() if mount else ""])
    return Look(frozenset(signs), blake2b(named.encode("utf-8", "replace"), digest_size=12).hexdigest())


def is_module_built(text: str) -> bool:
    """Whether a page has module scripts that load something: no browser loads these from a disk.

    >>> is_module_built('<script type="module" src="a.js"></script>'), is_module_built('<script src="a.js"></script>')
    (True, False)
    >>> is_module_built('<script type="module">document.title = "a"</script>')
    False
    """
    if "module" not in text:
        return False
    return any(
        (kind := _TYPE.search(attributes)) and kind[1].lower() == "module" and (source or _IMPORTS.search(body))
        for attributes, source, body in _scripts(text)
    )


def _scripts(text: str) -> list[tuple[str, str, str]]:
    """Each script: its attributes, the URL it is from, its text."""
    found = []
    for match in _SCRIPT.finditer(text):
        source = _SRC.search(match[1])
        found.append((match[1], next(filter(None, source.groups()), "") if source else "", match[2]))
    return found


def _says_little(text: str) -> bool:
    length = 0
    for part in _UNSEEN.sub(" ", text).split("<"):
        _, _, words = part.rpartition(">") if ">" in part else ("", "", part)
        length += len(_TAG.sub("", words))
        if length >= LITTLE_TEXT:
            return False
    return True
