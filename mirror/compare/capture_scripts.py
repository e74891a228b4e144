"""The scripts that Websucker runs in a page in order to capture it. `core.replay.first_script` runs before all others."""

from typing import Final

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
