"""The frame of reports: a page of HTML in one file that loads nothing and runs nothing.

Code that makes a report passes every text from a server through `escaped`.
"""

from html import escape
from typing import Final

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; {pictures}style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }}
li {{ margin: .25rem 0; overflow-wrap: anywhere; }}
pre {{ margin: .5rem 0; padding: .5rem; border: 1px solid rgb(128 128 128 / .4); font-size: .875rem; white-space: pre-wrap; }}
pre > * {{ display: block; text-decoration: none; }}
ins {{ background: rgb(0 160 0 / .2); }}
del {{ background: rgb(220 0 0 / .2); }}
small, i {{ opacity: .7; }}
{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def page(title: str, body: str, style: str = "", *, pictures: bool = False) -> str:
    """Return a report as HTML.

    `body` is HTML; `style` is CSS in addition to that of all reports. With `pictures` the page may have pictures as `data:`
    URLs.
    """
    shown = "img-src data:; " if pictures else ""
    return _PAGE.format(title=escaped(title), pictures=shown, style=style, body=body)


def escaped(text: str) -> str:
    """Return a text as HTML that can always be encoded as UTF-8."""
    return escape(text.encode(errors="replace").decode())


def link(url: str) -> str:
    """Return a URL as HTML: as a link if it leads to the web, else as text."""
    text = escaped(url)
    return f'<a href="{text}" rel="noreferrer">{text}</a>' if url.startswith(("http://", "https://")) else text
