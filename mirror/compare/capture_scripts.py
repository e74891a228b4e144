"""The scripts that Websucker runs in a page in order to capture it. They make two visits of one page comparable."""

from typing import Final

FREEZE_CHANCE: Final = """(() => {
    let seed = 20240229
    Math.random = () => {
        seed = seed + 0x6D2B79F5 | 0
        let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
        t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
        return ((t ^ t >>> 14) >>> 0) / 4294967296
    }
    const Real = Date, now = () => 1767268800000 + Math.floor(performance.now())
    const Still = new Proxy(Real, {
        construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
        apply: () => new Real(now()).toString(),
        get: (target, name) => name == "now" ? now : Reflect.get(target, name),
    })
    Real.prototype.constructor = Still
    globalThis.Date = Still
})()"""
"""Runs before all scripts of a page. Gives every visit the same random numbers and a clock that starts at the same time.

The clock keeps running, because pages may wait for time to pass."""

SCROLL: Final = """async maxHeight => {
    const pause = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))
    for (let y = 0; y < Math.min(document.documentElement.scrollHeight, maxHeight); y += innerHeight * 0.8) {
        scrollTo({ top: y, behavior: "instant" })
        await pause()
    }
    scrollTo({ top: 0, behavior: "instant" })
    await pause()
}"""
"""Scrolls through the page once, down to `maxHeight` pixels, and back to the top."""

SETTLE: Final = """async () => {
    const soon = (work, ms) => Promise.race([work, new Promise(done => setTimeout(done, ms))])
    for (const film of document.querySelectorAll("video, audio")) {
        film.pause()
        if (film.currentTime) await soon(new Promise(done => { film.onseeked = done; film.currentTime = 0 }), 1000)
    }
    await soon(document.fonts.ready, 3000)
    await soon(Promise.all([...document.images].map(image => image.decode().catch(() => 0))), 3000)
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
}"""
"""Rewinds videos, and waits for fonts, images and the next two frames."""

READ: Final = """() => {
    const element = document.body ?? document.documentElement
    return [document.title, element.innerText ?? element.textContent ?? "", document.documentElement.scrollHeight,
        [...document.links].map(link => typeof link.href == "string" ? link.href : link.href.baseVal).slice(0, 10000)]
}"""
"""Returns [title, visible text, height in pixels, URLs of links]."""
