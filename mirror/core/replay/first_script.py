"""The script that runs before all others of a page, in the browser that renders it and in replay.

Input: a time. Output: the text of a script, its place in the replay server, and HTML that loads it. The script makes a page
request the same URLs in replay as it did while it was rendered, and lets a page go on that waits for a service worker.

The clock of a page
-------------------
1. The clock starts at a time that is passed in, and stands still: scripts that put `Date.now()` into a URL always get the same
   URL. Random numbers (`Math.random`, `crypto.getRandomValues`, `crypto.randomUUID`) are the same at each visit, too.
2. When a timer or an animation frame calls back, the clock has advanced by its delay. So pages that wait for time to pass
   (debouncing, countdowns) go on, and they read the same times at each visit. Each thousandth reading advances it by a
   millisecond, for scripts that wait in a loop.
3. After the first input of a user, and the first scrolling of a loaded page, the clock runs as usual.
4. A cookie that is to expire at a time expires as long after now as that time is after the clock's.
"""

import re
from datetime import datetime
from typing import Final

PLACE: Final = "/.well-known/websucker/"
"""Where the replay server has the script, at each origin (RFC 8615)."""

_SCRIPT_PATH: Final = re.compile(rf"{re.escape(PLACE)}([0-9]{{1,15}})\.js")
_HAS_SCRIPT: Final = re.compile(r"<script[\s/>]|\son[a-z]{2,24}\s{0,9}=", re.IGNORECASE)
"""An element with a script, or an event handler."""

_BEFORE_HEAD: Final = re.compile(
    r"""\ufeff?+(?:\s++|<!--.*?-->|<[!?][^>]*+>|<(?:html|head)(?=[\s/>])(?:[^>"']|"[^"]*+"|'[^']*+')*+>)*+""",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_TAG: Final = re.compile(r"<head[\s/>]", re.IGNORECASE)

_CLOCK: Final = """(start => {
    const mark = Symbol.for("websucker.clock")
    if (Date[mark]) return
    let time = start, readings = 0, running = null, seed = 20240229
    const chance = () => {
        seed = seed + 0x6D2B79F5 | 0
        let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
        t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
        return (t ^ t >>> 14) >>> 0
    }
    Math.random = () => chance() / 4294967296
    if (globalThis.crypto) {
        crypto.getRandomValues = values => {
            const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
            for (let n = 0; n < bytes.length; n++) bytes[n] = chance()
            return values
        }
        if (crypto.randomUUID) crypto.randomUUID = () => {
            const hex = [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")
            return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5")
        }
    }
    const now = () => {
        if (running !== null) return Math.floor(time + performance.now() - running)
        if (++readings % 1000 == 0) time++
        return Math.floor(time)
    }
    const forward = at => { if (at > time) time = at }
    const Real = Date
    const Still = new Proxy(Real, {
        construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
        apply: () => new Real(now()).toString(),
        get: (target, name) => name == "now" ? now : name == mark ? true : Reflect.get(target, name),
    })
    Real.prototype.constructor = Still
    globalThis.Date = Still
    for (const name of ["setTimeout", "setInterval"]) {
        const real = globalThis[name]
        globalThis[name] = function (work, delay, ...rest) {
            if (typeof work != "function") return real.apply(this, arguments)
            const step = Math.max(0, +delay || 0)
            let at = time
            return real.call(this, function (...given) {
                forward(at += step)
                return work.apply(this, given)
            }, delay, ...rest)
        }
    }
    const frame = globalThis.requestAnimationFrame
    if (frame) globalThis.requestAnimationFrame = work => {
        const at = time
        return frame(typeof work == "function" ? (...given) => { forward(at + 16); return work(...given) } : work)
    }
    const run = event => {
        if (running === null && (event.type != "scroll" || document.readyState == "complete")) running = performance.now()
    }
    for (const name of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "scroll"])
        addEventListener(name, run, { capture: true, passive: true })
    const cookie = Object.getOwnPropertyDescriptor(Document.prototype, "cookie")
    Object.defineProperty(Document.prototype, "cookie", { ...cookie, set(text) {
        const renewed = (all, at) => {
            const left = Real.parse(at) - now()
            return Number.isFinite(left) ? `; max-age=${Math.floor(left / 1000)}` : all
        }
        const has_age = /;\\s*max-age\\s*=/i.test(text)
        cookie.set.call(this, has_age ? text : String(text).replace(/;\\s*expires\\s*=\\s*([^;]*)/i, renewed))
    } })
})(START);
"""

_SERVICE_WORKERS: Final = """(() => {
    let workers
    try { workers = navigator.serviceWorker } catch {}  // sandboxed frames have none
    if (!workers || Object.hasOwn(workers, "ready")) return  // the script may run twice: a comparison adds it to copies, too
    const none = async () => undefined
    const worker = Object.assign(new EventTarget(), { state: "activated", scriptURL: "", postMessage: () => undefined })
    const registration = Object.assign(new EventTarget(), {
        active: worker, installing: null, waiting: null, scope: location.href, updateViaCache: "imports",
        update: async () => registration, unregister: async () => true,
        showNotification: none, getNotifications: async () => [],
        pushManager: { getSubscription: async () => null, permissionState: async () => "denied",
            subscribe: async () => { throw new DOMException("Not in an archive", "NotAllowedError") } },
        navigationPreload: { enable: none, disable: none, setHeaderValue: none, getState: async () => ({ enabled: false }) },
        sync: { register: none, getTags: async () => [] },
    })
    const own = { ready: Promise.resolve(registration), register: async () => registration }
    for (const [name, value] of Object.entries(own)) Object.defineProperty(workers, name, { value })
})();
"""
"""No page of an archive gets a service worker. A page that registers one, or waits for it, goes on as if it had one."""

_REMOVE: Final = "document.currentScript?.remove();\n"


def first_script(started: int) -> str:
    """Return the script. `started` is the time at which its clock starts, in milliseconds since 1970."""
    return f"{_CLOCK.replace('START', str(started))}{_SERVICE_WORKERS}{_REMOVE}"


def milliseconds(time: str) -> int:
    """Return a time in ISO 8601 as milliseconds since 1970.

    >>> milliseconds("2026-11-24T10:00:00+00:00")
    1795514400000
    """
    return int(datetime.fromisoformat(time).timestamp() * 1000)


def path_of(started: int) -> str:
    """Return the path at which the replay server has the script.

    >>> path_of(1795514400000)
    '/.well-known/websucker/1795514400000.js'
    """
    return f"{PLACE}{started}.js"


def started_at(path: str) -> int | None:
    """Return the time that `path_of` put into a path; `None` if it is another path."""
    found = _SCRIPT_PATH.fullmatch(path)
    return int(found[1]) if found else None


def with_first_script(text: str, started: int, *, is_xml: bool = False) -> str:
    """Return an HTML document that loads the script before all others; a document without scripts is returned as it is.

    The script's element is the first in the head, behind the document type, and removes itself.

    >>> with_first_script("<!DOCTYPE html><html><head><script>", 5)
    '<!DOCTYPE html><html><head><script src="/.well-known/websucker/5.js"></script><script>'
    >>> with_first_script("<p>No script", 5), with_first_script("<body onload=go()>", 5)
    ('<p>No script', '<script src="/.well-known/websucker/5.js"></script><body onload=go()>')
    """
    if not _HAS_SCRIPT.search(text):
        return text
    before = _BEFORE_HEAD.match(text)
    end = before.end() if before else 0
    if is_xml and (text[:end].rstrip().endswith("/>") or not _HEAD_TAG.search(text[:end])):
        return text
    return f'{text[:end]}<script src="{path_of(started)}"></script>{text[end:]}'
