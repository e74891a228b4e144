"""The index page at the root of a tree: a list of starts, with links to their files.

Input: URLs and paths. Output: the bytes of the page. It runs no script and needs no other file.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mirror.core.url import local_paths
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath

INDEX: Final = "index.html"


def index_page(
    starts: Iterable[tuple[CanonicalURL, LocalPath | None]],
    routes: Mapping[CanonicalURL, Sequence[str]] = MappingProxyType({}),
) -> bytes:
    """Return a page that lists starts, with a link to the path of each. `routes` are hash routes of starts."""
    entries: dict[LocalPath, CanonicalURL] = {}
    for start, place in starts:
        if place is not None:
            entries.setdefault(place, start)
    items = "".join(
        f'<li><a href="{html.escape(local_paths.href(place, LocalPath(INDEX)) + route)}">{html.escape(start + route)}</a>\n'
        for place, start in entries.items()
        for route in routes.get(start, ("",))
    )
    return _PAGE.format(items=items or "<li>Nothing yet.\n").encode()


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="Websucker">
<title>Mirrored sites</title>
<style>body {{ font: 1.1em/1.6 system-ui, sans-serif; margin: 3em auto; max-width: 40em; padding: 0 1em }}</style>
<h1>Mirrored sites</h1>
<ul>
{items}</ul>
</html>
"""
