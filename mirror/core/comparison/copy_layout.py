"""Layouts of copies: the file in which a tool such as wget or HTTrack stores a page.

Input: URLs. Output: candidates for names of files and folders, the most likely first. This module looks at no disk.
"""

from urllib.parse import unquote, urlsplit


def host_folders(url: str) -> list[str]:
    """Return the names that tools give to the folder of a host. "" is the folder of the copy itself.

    >>> host_folders("http://example.org:8000/a")
    ['example.org:8000', 'example.org_8000', 'example.org', '']
    """
    parts = urlsplit(url)
    names = [parts.netloc, parts.netloc.replace(":", "_"), parts.hostname or "", ""]
    return list(dict.fromkeys(names))


def files_of_page(url: str) -> list[str]:
    """Return the paths below the folder of its host at which wget, HTTrack and similar tools store a page.

    >>> files_of_page("http://example.org/a/b")
    ['a/b', 'a/b.html', 'a/b/index.html', 'a/b.htm']
    >>> files_of_page("http://example.org/a/?q=1")
    ['a/index.html?q=1.html', 'a/index.html?q=1']
    """
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if parts.query:
        path = path + "index.html" if path.endswith("/") or not path else path
        return [f"{path}?{parts.query}.html", f"{path}?{parts.query}"]
    if path.endswith("/") or not path:
        return [f"{path}index.html", f"{path}index.htm"]
    return [path, f"{path}.html", f"{path}/index.html", f"{path}.htm"]
