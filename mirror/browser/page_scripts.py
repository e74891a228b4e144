"""The scripts that Websucker runs in a page: before the page's own scripts, to scroll it, and to read its DOM.

Scrolling and reading run in an isolated world. It shares the DOM with the page, but no page script can change the functions
that it calls.
"""

import json
from typing import TYPE_CHECKING, Any, Final

from mirror.browser import limits

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

DISABLE_DIALOGS: Final = """
for (const name of ["alert", "print"]) window[name] = () => undefined
window.confirm = () => false; window.prompt = () => null; window.open = () => null
"""
"""Runs before all scripts of a page: disables the functions that wait for a user or open a window."""

WATCH_TIMERS: Final = """(() => {
    const timers = new Map()
    for (const [name, repeats] of [["setTimeout", false], ["setInterval", true]]) {
        const set = globalThis[name]
        globalThis[name] = function (work, delay, ...rest) {
            const wait = Math.max(0, +delay || 0), timer = { repeats, wait, fired: -1, due: performance.now() + wait }
            const id = set.call(this, typeof work != "function" ? work : function (...given) {
                if (repeats) { timer.fired = performance.now(); timer.due = timer.fired + wait }
                else timers.delete(id)
                return work.apply(this, given)
            }, delay, ...rest)
            timers.set(id, timer)
            return id
        }
    }
    for (const name of ["clearTimeout", "clearInterval"]) {
        const clear = globalThis[name]
        globalThis[name] = id => { timers.delete(id); clear(id) }
    }
    const due = (within, ago) => {
        const now = performance.now(), done = timer => timer.repeats && timer.fired >= now - ago
        const left = [...timers.values()].filter(timer => !done(timer)).map(timer => timer.due - now)
        return Math.max(0, ...left.filter(ms => ms > -1000 && ms <= within))
    }
    Object.defineProperty(globalThis, Symbol.for("websucker.timers"), { value: due })
})()
"""
"""Runs before all scripts of a page, and notes its timers.

`globalThis[Symbol.for("websucker.timers")](within, ago)` returns the milliseconds until the last timer that is due within this
time; 0 if none is. An interval counts until it has fired in the last `ago` milliseconds."""

_SCROLL: Final = """async screen => {
    const tall = [...document.querySelectorAll("body, body *")].filter(e => e.clientHeight > innerHeight / 2
        && e.scrollHeight > e.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(e).overflowY)).slice(0, 5)
    const places = [document.scrollingElement, ...tall].filter(Boolean)
    for (const place of places) place.scrollTo({ top: screen * innerHeight, behavior: "instant" })
    await new Promise(done => { setTimeout(done, 150); requestAnimationFrame(() => requestAnimationFrame(done)) })
    await new Promise(done => setTimeout(done, 20))
    return places.every(e => e.scrollTop + e.clientHeight >= e.scrollHeight - 2)
}"""
"""Scrolls the page, and up to five large scrollable elements in it, to a screen. Returns whether all are at their end."""

_READ: Final = r"""(maxLength, address) => {
    const rootsOf = doc => {
        const roots = [], collect = root => { for (const e of root.querySelectorAll("*")) if (e.shadowRoot) {
            roots.push(e.shadowRoot); collect(e.shadowRoot) } }
        collect(doc)
        return roots
    }
    const framesOf = doc => [doc, ...rootsOf(doc)].flatMap(root => [...root.querySelectorAll("iframe")]).flatMap(frame => {
        const inner = frame.contentDocument  // null: of another origin
        const place = inner?.URL.split("#")[0]  // a document that a script opens has the URL of the script's
        const is_written = inner?.documentElement && (!/^https?:/.test(place) || place == document.URL.split("#")[0])
        return is_written && (inner.URL != "about:blank" || inner.body?.hasChildNodes()) ? [[frame, inner]] : [] })
    const nameSlots = doc => {  // slots that scripts fill get names, as no markup says what is in them
        let count = 0
        const manual = rootsOf(doc).filter(root => root.slotAssignment == "manual")
        for (const slot of manual.flatMap(root => [...root.querySelectorAll("slot")])) {
            const nodes = slot.assignedNodes()
            if (!nodes.length) continue
            const name = `assigned-${count++}`
            slot.setAttribute("name", name)
            for (const node of nodes) {
                let one = node
                if (node.nodeType == 3) { one = doc.createElement("span"); node.replaceWith(one); one.append(node) }
                one.setAttribute("slot", name)
            }
        }
    }
    const rules = sheet => { try { return [...sheet.cssRules].map(rule => rule.cssText).join("\n") } catch { return "" } }
    const write = doc => {
        for (const [frame, inner] of framesOf(doc)) { frame.setAttribute("srcdoc", write(inner)); frame.removeAttribute("src") }
        const doctype = doc.doctype ? `<!DOCTYPE ${doc.doctype.name}>` : ""
        const top = doc.documentElement.cloneNode(false).outerHTML.replace(/<\/[^<>]*>$/, "")
        const html = doc.documentElement.getHTML({ shadowRoots: rootsOf(doc) })
        return doctype + top + html.replaceAll(' shadowrootslotassignment="manual"', "") + "</html>"
    }
    const still = doc => {
        for (const [, inner] of framesOf(doc)) still(inner)
        for (const root of [doc, ...rootsOf(doc)]) {
            for (const style of root.querySelectorAll("style"))  // rules that scripts added through CSSOM
                if (style.sheet && !style.textContent.trim()) style.textContent = rules(style.sheet)
            for (const sheet of root.adoptedStyleSheets ?? []) {
                const style = doc.createElement("style")
                style.textContent = rules(sheet);
                (root === doc ? doc.head ?? doc.documentElement : root).append(style)
            }
            for (const e of root.querySelectorAll("script, noscript, link[rel~=modulepreload], link[rel~=preload][as=script]"))
                if (!e.type || e.localName != "script" || !/ld\+json/.test(e.type)) e.remove()
            for (const e of root.querySelectorAll("*")) for (const { name, value } of [...e.attributes])
                if (/^on/i.test(name) || /^[\s\0-\x1f]*javascript:/i.test(value)) e.removeAttribute(name)
            for (const e of root.querySelectorAll("input, textarea, option")) {
                if (e.localName == "textarea") e.textContent = e.value
                else if (e.localName == "option") e.toggleAttribute("selected", e.selected)
                else if (/^(checkbox|radio)$/.test(e.type)) e.toggleAttribute("checked", e.checked)
            }
        }
    }
    const short = text => text.length > maxLength ? null : text
    nameSlots(document)
    const html = write(document)
    still(document)
    const base = document.querySelector("base[href]")
    if (base) base.setAttribute("href", document.baseURI)
    else if (document.URL.split("#")[0] != address && document.head) {  // history.pushState or replaceState
        const own = document.createElement("base")
        own.setAttribute("href", document.URL); document.head.prepend(own)
    }
    return [short(html), short(write(document))]
}"""
"""Returns [HTML of the DOM, HTML without scripts and event handlers]; `null` instead of HTML longer than `maxLength`.

The second one has all styles and form values in its markup. To make it, the script changes the DOM, so it must be the last one
to run in a page."""


async def next_timers(session: "CDPSession", within: float, ago: float) -> float:
    """Return the seconds until the last timer of a page that is due within this time; 0 if none is (see `WATCH_TIMERS`).

    It asks a function that the page could replace, so the caller limits the time for which it waits.
    """
    asked = f'globalThis[Symbol.for("websucker.timers")]?.({within * 1000:.0f}, {ago * 1000:.0f})'
    result = await session.send("Runtime.evaluate", {"expression": asked, "returnByValue": True})
    due = result["result"].get("value")
    return min(max(float(due), 0.0) / 1000, within) if isinstance(due, int | float) else 0.0


_LINKS: Final = r"""() => {
    const here = document.URL.split("#")[0], all = [...document.links].map(link => link.href)
    const urls = all.filter(url => typeof url == "string").slice(0, 5000)
    const own = urls.filter(url => url.split("#")[0] == here).map(url => url.slice(here.length))
    return [own.filter(hash => /^#!?\//.test(hash)), urls.filter(url => url.split("#")[0] != here)]
}"""
"""Returns [hash routes that the page links to, such as `#/guide`; URLs of other pages]."""


_CLICK: Final = r"""() => {
    const clicked = globalThis.clicked ??= new WeakMap(), times = 5
    const never = RegExp("log.?(out|off)|sign.?(out|off)|abmelden|delete|remove|\\bbuy|\\border|\\bpay|cart|checkout|submit|"
        + "\\bsend|subscribe|accept|agree", "i")
    const more = /\b(load|show|view|see|read) (more|all)\b|^more\b|mehr (laden|anzeigen)|load.?more|show.?more/i
    const marks = "summary, [role=tab], [aria-expanded=false], [aria-haspopup], [data-toggle], [data-bs-toggle]"
    for (const e of document.querySelectorAll(`${marks}, button, [role=button]`)) {
        const link = e.closest("a[href]"), said = `${e.innerText ?? ""} ${e.ariaLabel ?? ""}`.trim().slice(0, 100)
        const named = `${said} ${e.id} ${e.className} ${e.getAttribute("name") ?? ""}`
        const isMore = more.test(said) || more.test(`${e.id} ${e.className}`)
        if (!e.matches(marks) && !isMore) continue
        if (e.closest("form, dialog") || e.form || never.test(named)) continue
        if (link && !/^#(?![!/])/.test(link.getAttribute("href"))) continue
        if (e.disabled || !e.checkVisibility()) continue
        const count = clicked.get(e) ?? 0
        if (count >= (isMore ? times : 1)) continue
        clicked.set(e, count + 1)
        e.click()
        return true
    }
    return false
}"""
"""Clicks on the first element that may reveal more and was not clicked; "load more" up to five times. Returns whether there was
one. Never on what is in a form or a dialog, on links to other pages, or on what may end a session or buy something."""


class IsolatedWorld:
    """An isolated world in the main frame of a page."""

    def __init__(self, session: "CDPSession", context_id: int) -> None:
        self._session = session
        self._context_id = context_id

    @classmethod
    async def create(cls, session: "CDPSession") -> "IsolatedWorld":
        """Create one in the page of a session."""
        tree = await session.send("Page.getFrameTree")
        made = await session.send(
            "Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "websucker"}
        )
        return cls(session, made["executionContextId"])

    async def scroll(self, screen: int) -> bool:
        """Scroll to a screen, counted from 0. Return whether it is the last one."""
        return bool(await self._run(f"({_SCROLL})({screen})"))

    async def links(self) -> tuple[list[str], list[str]]:
        """Return the hash routes and the URLs of other pages to which the page links."""
        routes, urls = await self._run(f"({_LINKS})()")
        return routes, urls

    async def click(self) -> bool:
        """Click on the next element that reveals more; `False` if there is none."""
        return bool(await self._run(f"({_CLICK})()"))

    async def go(self, route: str) -> None:
        """Set the fragment of the page's address."""
        await self._run(f"location.hash = {json.dumps(route)}")

    async def read(self, address: str) -> tuple[str | None, str | None]:
        """Return the HTML of the DOM, and the same without scripts. `address` is the URL that was opened."""
        html, static_html = await self._run(f"({_READ})({limits.MAX_HTML}, {json.dumps(address)})")
        return html, static_html

    async def _run(self, program: str) -> Any:
        result = await self._session.send(
            "Runtime.evaluate",
            {"expression": program, "contextId": self._context_id, "awaitPromise": True, "returnByValue": True},
        )
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"].get("text")))
        return result["result"].get("value")
