"""The formats of the report on links for programs and browsers, by name. That for people is in text.py."""

from collections.abc import Callable, Iterator
from typing import Final

from mirror.reports.links.data import as_csv, as_json
from mirror.reports.links.html_page import html_page
from mirror.reports.links.junit import junit
from mirror.reports.links.markdown import markdown
from mirror.reports.links.report import LinkReport
from mirror.reports.links.sarif import sarif

FORMATS: Final[dict[str, Callable[[LinkReport], Iterator[str]]]] = {
    "json": as_json,
    "csv": as_csv,
    "html": html_page,
    "junit": junit,
    "sarif": sarif,
    "markdown": markdown,
}
