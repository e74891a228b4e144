"""A site with a page for each modern browser feature: import maps, workers, WebAssembly...

The pages in `STATIC` work from a disk. The pages in `SCRIPTED` load resources in ways that browsers do not allow for files, so
they work only in replay.
"""

import io
import json
import wave
from typing import Final

from PIL import Image, ImageFont

from tests.site import HTML, Site

WASM: Final = bytes.fromhex("0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b")
"""(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"""


def picture(colour: str, size: tuple[int, int] = (80, 60)) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def film(seconds: int) -> bytes:
    """A WAV file that a `<video>` plays, and seeks in by ranges: 192,000 bytes per second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as track:
        track.setnchannels(2)
        track.setsampwidth(2)
        track.setframerate(48000)
        track.writeframes(bytes(48000 * 4 * seconds))
    return file.getvalue()


def font() -> bytes:
    """The font that Pillow includes."""
    found = ImageFont.load_default(20)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return bytes(found.font_bytes)


CORS: Final = {"Access-Control-Allow-Origin": "*"}
SYMBOL: Final = '<symbol id="a" viewBox="0 0 9 9"><rect width="9" height="9"/></symbol>'
SPRITE: Final = f'<svg xmlns="http://www.w3.org/2000/svg">{SYMBOL}</svg>'

STATIC: Final[dict[str, str]] = {
    "fonts": '<link rel="stylesheet" href="/fonts.css"><h1>Set in a font from elsewhere</h1><p class="here">And from here</p>',
    "pictures": (
        '<img srcset="/blue.png 1x, {other}/red.png 2x" src="/gone.png" alt="">'
        '<picture><source media="(min-width: 100px)" srcset="/green.png"><img src="/blue.png" alt=""></picture>'
        '<img loading="lazy" src="{other}/red.png" style="margin-top: 3000px" alt=""><p>The last one is far below'
    ),
    "backgrounds": (
        "<style>p { background: image-set(url(/green.png) 1x, '/blue.png' 2x) } "
        "@supports (display: grid) { h2 { border-image: url('/red.png') 1 } }</style><h2>A border</h2><p>A background"
        '<div style="height: 60px; background: url(&quot;{other}/red.png&quot;)"></div>'
    ),
    "template": (
        '<div><template shadowrootmode="open"><style>p { color: red }</style><p>In the shadow <img src="/blue.png" alt="">'
        "<slot></slot></template>In the light</div>"
        "<template id=t><p>A copy of the template <img src=/green.png alt=></template><div id=here></div>"
        "<script>here.append(t.content.cloneNode(true))</script>"
    ),
    "sprite-inline": f'<div hidden>{SPRITE}</div><svg width="60" height="60"><use href="#a"/></svg><p>A sprite',
    "frames": (
        '<iframe src="/pages/inner" title=""></iframe><iframe srcdoc="<p>Said here <img src=/blue.png alt>" title=""></iframe>'
        '<object data="/drawing.svg" type="image/svg+xml" width="80" height="80"></object>'
    ),
    "video": '<video src="/film.wav" poster="/green.png" preload="metadata" width="200" height="150"></video><p>A film',
    "classic": '<script src="/classic.js" defer></script><p id="said">Not yet said',
    "theme": (
        "<style>.dark { background: black; color: white }</style><button onclick=\"document.body.classList.toggle('dark')\">"
        'Dark</button><div role=tablist><button onclick="two.hidden = false">Two</button></div><p id=two hidden>The second tab'
    ),
}
"""Name of a page -> its body. These pages work from a disk as well."""

SCRIPTED: Final[dict[str, str]] = {
    "importmap": (
        '<script type="importmap">{"imports": {"far": "{other}/far.js", "near/": "/lib/"}}</script><p id=said></p>'
        '<script type="module">import { far } from "far"; import { near } from "near/near.js"; said.textContent = far + near'
        "</script><link rel=modulepreload href=/lib/near.js>"
    ),
    "dynamic": (
        '<p id=said></p><script type="module">const { word } = await import("/lib/lazy.js"); said.textContent = word</script>'
    ),
    "data": (
        '<p id=said></p><script>fetch("/data.json").then(a => a.json()).then(d => { said.textContent = d.word;'
        " said.append(Object.assign(new Image(), { src: d.picture })) })</script>"
    ),
    "element": (
        "<x-card></x-card><script>customElements.define('x-card', class extends HTMLElement { async connectedCallback() {"
        " this.attachShadow({ mode: 'open' }).innerHTML = await (await fetch('/card.html')).text() } })</script>"
    ),
    "sprite": '<svg width="60" height="60"><use href="/sprite.svg#a"/></svg><p>A sprite from a file',
    "wasm": (
        '<p id=said></p><script>WebAssembly.instantiateStreaming(fetch("/add.wasm")).then('
        "({ instance }) => said.textContent = `2 + 3 = ${instance.exports.add(2, 3)}`)</script>"
    ),
    "worker": (
        '<p id=said></p><script>new Worker("/worker.js").onmessage = event => said.textContent = event.data</script>'
    ),
    "face": (
        '<p id=said>Not yet in its font</p><script>new FontFace("Late", "url({other}/font.ttf)").load().then('
        'face => { document.fonts.add(face); said.style.font = "30px Late" })</script>'
    ),
    "panel": (
        "<button id=more onclick=\"fetch('/panel.html').then(a => a.text()).then(t => panel.innerHTML = t)\">More</button>"
        "<div id=panel></div><input id=q><ul id=hits></ul><script>q.oninput = async () => {"
        " const all = await (await fetch('/search.json')).json();"
        " hits.innerHTML = all.filter(w => w.includes(q.value)).map(w => `<li>${w}`).join('') }</script>"
    ),
}
"""Name of a page -> its body. These pages do not work from a disk."""


def sites() -> tuple[Site, Site]:
    """The site, and a second one with fonts, pictures and modules for it."""
    main = Site().page("/", "<h1>Modern</h1>", links=["/pages/", "/scripted/"])
    main.page("/pages/", links=[f"/pages/{name}" for name in STATIC]).page("/pages/inner", "<p>Inside")
    main.page("/scripted/", links=[f"/scripted/{name}" for name in SCRIPTED])
    for folder, pages in (("pages", STATIC), ("scripted", SCRIPTED)):
        for name, body in pages.items():
            main.file(f"/{folder}/{name}", f"<!DOCTYPE html><html lang=en><title>{name}</title><body>{body}", HTML)
    faces = "@font-face {{ font-family: {0}; src: url({1}/font.ttf) }}\n".format
    main.file(
        "/fonts.css",
        faces("Far", "{other}") + faces("Near", "") + "h1 { font-family: Far } .here { font: 24px Near }",
        "text/css",
    )
    main.file("/favicon.ico", picture("green", (16, 16)), "image/png").file("/film.wav", film(3), "audio/wav")
    for colour in ("blue", "green", "red"):
        main.file(f"/{colour}.png", picture(colour), "image/png")
    main.file(
        "/drawing.svg",
        '<svg xmlns="http://www.w3.org/2000/svg"><circle cx="40" cy="40" r="30"/></svg>',
        "image/svg+xml",
    )
    main.file("/sprite.svg", SPRITE, "image/svg+xml").file("/add.wasm", WASM, "application/wasm").file(
        "/font.ttf", font(), "font/ttf"
    )
    main.file("/classic.js", "said.textContent = 'Said by a script'", "text/javascript")
    main.file("/worker.js", "importScripts('/part.js'); postMessage('A worker with ' + part)", "text/javascript")
    main.file("/part.js", "self.part = 'its part'", "text/javascript")
    main.file("/lib/near.js", "export { near } from './deep.js'", "text/javascript")
    main.file("/lib/deep.js", "export const near = ' and near'", "text/javascript")
    main.file("/lib/lazy.js", "export const word = 'Loaded late'", "text/javascript")
    main.file("/data.json", json.dumps({"word": "Said by data", "picture": "/blue.png"}), "application/json")
    main.file("/search.json", json.dumps(["medlar", "quince"]), "application/json")
    main.file("/card.html", "<p>A card <img src=/red.png alt=>", HTML).file("/panel.html", "<p>A panel", HTML)
    other = (
        Site().page("/", "<p>Elsewhere").file("/far.js", "export const far = 'far'", "text/javascript", headers=CORS)
    )
    other.file("/font.ttf", font(), "font/ttf", headers=CORS).file("/red.png", picture("red"), "image/png")
    return main, other
