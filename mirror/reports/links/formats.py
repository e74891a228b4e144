"""The formats of the report on links, by name."""

from collections.abc import Callable, Iterator
from typing import Final

from mirror.reports.links.data import as_csv, as_json
from mirror.reports.links.html_page import html_page
from mirror.reports.links.junit import junit
from mirror.reports.links.markdown import markdown
from mirror.reports.links.report import LinkReport
from mirror.reports.links.sarif import sarif
from mirror.reports.links.text import text

FORMATS: Final[dict[str, Callable[[LinkReport], Iterator[str]]]] = {
    "text": text,
    "json": as_json,
    "csv": as_csv,
    "html": html_page,
    "junit": junit,
    "sarif": sarif,
    "markdown": markdown,
}
