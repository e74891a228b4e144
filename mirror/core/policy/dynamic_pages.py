"""Dynamic pages: whether a page should be rendered in a browser, judged by its HTML.

Input: the text of an HTML document and its URL. Output: `ScriptSigns`. This module doesn't parse the document: a regular
expression finds the scripts. A script in a comment counts too, which costs an unnecessary rendering and does no other harm.
This module starts no browser, and it doesn't know earlier pages of the site.

The signs --------- `Sign` lists them. A page without a script that runs is complete as HTML, and a browser would find nothing
more. If a page has scripts and no other sign (`Sign.SCRIPT`), it usually loads only what its HTML and its styles name, so the
crawl renders a few pages of each template (`ScriptSigns.trials`). The other signs stand for scripts that build pages or load
parts of themselves, so the crawl renders more pages. A page with nearly no text in its HTML (`Sign.LITTLE`) may be empty
without its scripts, or just be short: the first pages of its template show which. Its template also depends on what its inline
scripts do, because short pages have little else by which to tell them apart.

Two cases stay unseen: scripts that load more only after a click; and a classic script that loads something for one page among
many, if the first pages of the template loaded nothing.
"""

import re
import zlib
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from mirror.core.url.canonical import CanonicalURL, origin


class Sign(StrEnum):
    """What the HTML of a page shows, and why it matters."""

    SCRIPT = "script"  # a script runs
    MODULE = "module script"  # may import modules by names that are not literals
    IMPORT = "dynamic import"  # may load modules at any time
    PRELOAD = "module preload"  # bundlers write it for the chunks of a page
    MOUNT = "mount node"  # the element that a framework fills
    BUNDLER = "bundler runtime"  # loads chunks by their numbers
    LITTLE = "little text"  # scripts create the text


MOUNTS: Final[dict[str, str]] = {
    "root": "React, from create-react-app and create-vite",
    "app": "Vue, VitePress, Svelte, from create-vite",
    "__next": "Next",
    "__nuxt": "Nuxt",
    "___gatsby": "Gatsby",
    "__docusaurus": "Docusaurus",
    "svelte": "SvelteKit",
    "q-app": "Quasar",
    "react-root": "React",
    "app-root": "Angular",
    "ember-application": "Ember",
    "hexo-root": "themes of Hexo with scripts",
    "docsify": "Docsify, which uses #app too",
}
"""The id or the name of the element that a framework fills -> the framework."""

BUNDLERS: Final[dict[str, str]] = {
    "webpackChunk": "webpack 5: the array that receives the chunks",
    "webpackJsonp": "webpack before 5",
    "__webpack_require__": "webpack, not minified",
    "__vite__mapDeps": "Vite: the list of the dependencies of a chunk",
    "__NEXT_DATA__": "Next: the data of a page",
    "__next_f": "the app router of Next",
    "__NUXT__": "Nuxt",
    "__sveltekit_": "SvelteKit",
    "__remixContext": "Remix",
    "__staticRouterHydrationData": "React Router",
    "parcelRequire": "Parcel",
    "System.register": "SystemJS, builds of Vite for old browsers",
    "requirejs": "RequireJS",
    "RLPAGEMODULES": "the loader of MediaWiki",
    "$docsify": "Docsify",
}
"""A string by which a bundler or a framework can be recognised in a page -> the bundler or the framework."""

FEW_TRIALS: Final = 3
MANY_TRIALS: Final = 10
"""After this many pages of a template in a row load nothing new, its other pages are not rendered (`ScriptSigns.trials`)."""

RECHECK_INTERVAL: Final = 20
"""After that, one page of the template in this many is rendered, to check whether it still loads nothing new."""

LITTLE_TEXT: Final = 200
"""A page with scripts and fewer characters of text than this, without white space, may be empty without its scripts."""

_BEGINNING: Final = 1 << 14
"""Characters of a page that are looked at first, as most pages have more text than that there."""

_MAX_SHAPE: Final = 500
"""Characters of the inline scripts of such a page, without their literals, that its template depends on."""

LOADER: Final = "still shows its loader"
"""The outcome of a page that does not get beyond a loader in the browser."""

LOADER_TEXT: Final = 60
"""A page with a loader and more characters of text than this has content."""

_LOADING: Final = re.compile(
    r"\W*(?:loading|please wait|just a moment|one moment|laden|wird geladen|bitte warten|chargement|cargando|caricamento"
    r"|carregando|загрузка|読み込み中|加载中|載入中)",
    re.IGNORECASE,
)
_LOADER: Final = re.compile(
    r"""\saria-busy=["']?true|\srole=["']?progressbar"""
    r"""|\s(?:class|id)=["'](?:[^"'<>]{0,200}[\s_-])?(?:spinner|loader|loading|preloader|skeleton)(?:[\s_-][^"'<>]{0,200})?["']""",
    re.IGNORECASE,
)
_SCRIPT: Final = re.compile(  # each quantifier has a bound, or hostile pages would take quadratic time
    r"<script((?=[\s/>])(?:[^<>\"']{1,2000}+|\"[^\"]{0,4000}+\"|'[^']{0,4000}+'){0,60}+)>(.*?)(?:</script|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_TYPE: Final = re.compile(r"\stype\s{0,3}=\s{0,3}[\"']?\s{0,3}([^\"'\s>]*)", re.IGNORECASE)
_SRC: Final = re.compile(r"\ssrc\s{0,3}=\s{0,3}(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_MODULE_VALUE: Final = re.compile(  # begins with the word, which is found faster than what may stand in front of it
    rb"module(?=[\"'\s>])(?:%s)" % b"|".join(rb"(?<=[\"'=]%smodule)" % (rb"\s" * spaces) for spaces in range(7))
)
_JAVASCRIPT: Final = re.compile(r"(?:(?:text|application)/(?:x-)?(?:java|ecma)script|module|)\s*(?:;|$)", re.IGNORECASE)
_IMPORT: Final = re.compile(r"\bimport\s*\(")
_IMPORTS: Final = re.compile(r"(?:^|[;\s}])(?:import|export)\s*[\w*{\"'(]")
_PRELOAD: Final = re.compile(r"\brel\s{0,3}=\s{0,3}[\"']?modulepreload", re.IGNORECASE)
_MOUNT: Final = re.compile(
    rf"\bid\s{{0,3}}=\s{{0,3}}[\"']?(?P<id>{'|'.join(map(re.escape, MOUNTS))})[\"'\s>]|<(?P<name>app-root)[\s>]",
    re.IGNORECASE,
)
_BUNDLER: Final = re.compile("|".join(map(re.escape, BUNDLERS)))
_INVISIBLE: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|noscript|title|svg)\b.*?(?:</\1|\Z)", re.IGNORECASE | re.DOTALL
)
_ACTION: Final = re.compile(
    r"(?<=[?&;])(?:do|\w{0,8}action|mode|op|cmd|task)=[a-z_\-]{1,20}(?=[&;#]|\Z)", re.IGNORECASE
)
_ACTIONS: Final = 64
"""Into how many templates the actions of a site's URLs may divide its pages: a bound for what it can make us render."""

_LITERAL: Final = re.compile(r"\"[^\"\n]{0,2000}+\"|'[^'\n]{0,2000}+'|`[^`]{0,2000}+`|[0-9]+|\s+")
_TAG: Final = re.compile(r"<[^>]*+>?|\s+|&[#\w]+;")
_STRONG: Final = frozenset({Sign.MODULE, Sign.IMPORT, Sign.PRELOAD, Sign.MOUNT, Sign.BUNDLER})


@dataclass(frozen=True, slots=True)
class ScriptSigns:
    """What the HTML of a page shows. `template` is the same for pages of an origin that run the same scripts.

    If their URLs name an action (`do=edit`), that has to be the same, too.
    """

    signs: frozenset[Sign]
    template: str

    @property
    def trials(self) -> int:
        """The number of pages of the template that have to load nothing new before other pages are not rendered; 0: none is."""
        if not self.signs:
            return 0
        return MANY_TRIALS if self.signs & _STRONG else FEW_TRIALS


NOTHING: Final = ScriptSigns(frozenset(), "")
"""The look of a page without scripts."""


def may_have_scripts(payload: bytes) -> bool:
    """Return whether a page in any encoding may have scripts. Those that do not write ASCII as ASCII write zeros.

    >>> may_have_scripts(b"<p>no"), may_have_scripts(b"<SCRIPT>"), may_have_scripts("<script>".encode("utf-16"))
    (False, True, True)
    """
    return b"\0" in payload or b"<script" in payload.lower()


def may_have_modules(payload: bytes) -> bool:
    """Return whether a page may have a module script that `is_module_built` finds. The word alone is in many pages.

    >>> may_have_modules(b"<script type=module>"), may_have_modules(b'<a href="#m" id="module-os">the module</a>')
    (True, False)
    """
    return _MODULE_VALUE.search(payload) is not None


def find_signs(text: str, url: CanonicalURL) -> ScriptSigns:
    """Return what the HTML of a page shows of its scripts.

    >>> page = '<div id="root"></div><script type="module" src="/a.js"></script>'
    >>> sorted(map(str, find_signs(page, CanonicalURL("http://a.example/")).signs))
    ['little text', 'module script', 'mount node', 'script']
    >>> find_signs("<p>Text and no script", CanonicalURL("http://a.example/")).trials
    0
    """
    signs: set[Sign] = set()
    sources: set[str] = set()
    bodies: list[str] = []
    for attributes, source, body in _scripts(text):
        kind = _TYPE.search(attributes)
        if kind and not _JAVASCRIPT.match(kind[1]):
            continue
        signs.add(Sign.SCRIPT)
        sources.add(source.partition("?")[0])
        bodies.append(body)
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
            (Sign.LITTLE, has_little_text(text)),
        )
        if found
    }
    shape = _LITERAL.sub("", " ".join(bodies))[:_MAX_SHAPE] if Sign.LITTLE in signs else ""
    named = "\n".join(
        [origin(url), *sorted(sources), (mount["id"] or mount["name"]).lower() if mount else "", shape, _action(url)]
    )
    return ScriptSigns(frozenset(signs), blake2b(named.encode("utf-8", "replace"), digest_size=12).hexdigest())


def _action(url: CanonicalURL) -> str:
    """Return which of `_ACTIONS` a URL names, as programs do that show several views of a page: an editor loads other files."""
    found = "&".join(sorted(match[0].lower() for match in _ACTION.finditer(url)))
    return str(zlib.crc32(found.encode()) % _ACTIONS) if found else ""


def is_built_by_scripts(text: str, look: ScriptSigns) -> bool:
    """Whether a page shows next to nothing without its scripts: little text, and a framework's mark or a loader.

    >>> page = '<div id="root"></div><script src="/a.js"></script>'
    >>> is_built_by_scripts(page, find_signs(page, CanonicalURL("http://a.example/")))
    True
    """
    return Sign.LITTLE in look.signs and (bool(look.signs & _STRONG) or shows_loader(text))


def is_module_built(text: str) -> bool:
    """Whether a page has module scripts that load other files, which no browser loads from a disk.

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


def shows_loader(text: str) -> bool:
    """Whether a page shows no more than that it is loading: little text, and a word or an element for that.

    >>> shows_loader('<div id="root"><p>Loading…</p></div>'), shows_loader('<div class="spinner big"></div>')
    (True, True)
    >>> shows_loader("<p>Loading docks of Rotterdam: a history of their cranes, sheds and crews, with three maps</p>")
    False
    """
    words = " ".join(_TAG.sub(" ", _INVISIBLE.sub(" ", text)).split())
    return len(words) <= LOADER_TEXT and bool(_LOADING.match(words) or _LOADER.search(text))


def _scripts(text: str) -> list[tuple[str, str, str]]:
    """Return each script: its attributes, its source URL, its text."""
    found = []
    for match in _SCRIPT.finditer(text):
        source = _SRC.search(match[1])
        found.append((match[1], next(filter(None, source.groups()), "") if source else "", match[2]))
    return found


def has_little_text(text: str) -> bool:
    """Whether a page has fewer characters of text than `LITTLE_TEXT`."""
    if len(text) > _BEGINNING and not has_little_text(text[: text.rfind(">", 0, _BEGINNING) + 1]):
        return False
    length = 0
    for part in _INVISIBLE.sub(" ", text).split("<"):
        _, _, words = part.rpartition(">") if ">" in part else ("", "", part)
        length += len(_TAG.sub("", words))
        if length >= LITTLE_TEXT:
            return False
    return True
