"""Draw docs/progress.svg: the terminal display in the middle of an imaginary crawl.

    python benchmarks/progress_picture.py

The clock, the files and the speeds are invented, so the picture is the same each time.
"""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from mirror.terminal.progress_bars import Bars, Frame
from mirror.terminal.reporthook import UNKNOWN_SIZE, BlockCounter, Totals

PICTURE = Path(__file__).parent.parent / "docs" / "progress.svg"
COMMAND = "scrapy crawl mirror -a start=https://example.org/"
SITE = "https://example.org"
FILES = (  # the URL, its size, the bytes that have arrived
    (f"{SITE}/media/2019/lectures/opening-night-in-the-great-hall.webm", 104_857_600, 65_011_712),
    (f"{SITE}/library/scans/atlas-of-northern-mosses-1887-300dpi.pdf", 48_312_004, 18_358_561),
    (f"{SITE}/downloads/collection-2025-complete.tar.gz", UNKNOWN_SIZE, 7_400_000),
    (f"{SITE}/gallery/", 31_870, 31_870),
    (f"{SITE}/gallery/originals/harbour-before-the-flood.tiff", 21_400_992, 19_474_902),
    ("https://cdn.example.net/fonts/source-serif-4-variable-roman.woff2", 402_340, 402_340),
    (f"{SITE}/gallery/2024/spring/page/14?sort=newest&view=large", UNKNOWN_SIZE, 24_000),
    (f"{SITE}/audio/field-recordings/wren-at-dawn.flac", 33_554_432, 4_026_531),
)
SECONDS = 134


def main() -> None:
    console = Console(
        file=io.StringIO(), record=True, width=100, height=24, force_terminal=True, color_system="truecolor"
    )
    console.print(Text.assemble(("$ ", "green"), COMMAND))
    console.print(frame())
    svg = console.export_svg(title="websucker", theme=DIMMED_MONOKAI, unique_id="progress")
    PICTURE.write_text(without_fonts(svg), "utf-8")


def frame() -> Frame:
    """The display after a period of constant speed."""
    now = 0
    bars = Bars(clock=lambda: float(now))
    for now in range(SECONDS):
        bars.frame(totals(now))
    hooks = {url: bars.file(url, "") for url, _, _ in FILES}
    bars.frame(totals(now))
    for url, size, arrived in FILES:
        counter = BlockCounter(hooks[url])
        counter.start(size)
        counter.feed(arrived)
        if arrived == size:
            bars.finished(hooks[url], size)
    now = SECONDS
    return bars.frame(totals(now))


def totals(second: int) -> Totals:
    return Totals(
        pages=10 * second,
        requisites=31 * second,
        bytes=1_600_000 * second,
        failed=2,
        received=3_400_000 * second,
        queued=2_420 - 12 * second,
        in_flight=8,
    )


def without_fonts(svg: str) -> str:
    """Remove the fonts that the picture would load from another host."""
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    main()
