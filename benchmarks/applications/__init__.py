"""Set up real applications, and serve them on loopback.

`generators` has those that are files, and the other modules one program each, or two. `needs.sh` beside this file installs what
is missing from Debian; what comes from PyPI goes into virtual environments of its own below `build/applications`. The contents
are made here, from numbers, so that each run builds the same pages. Nothing runs, and no database stays, once a block ends.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.applications.building import HOME, Count
from benchmarks.applications.dokuwiki import dokuwiki
from benchmarks.applications.forum import forum
from benchmarks.applications.generators import BUILDERS
from benchmarks.applications.mediawiki import mediawiki
from benchmarks.applications.repositories import cgit, gitweb
from benchmarks.applications.serving import files
from benchmarks.applications.wordpress import wordpress

PROGRAMS: Final[dict[str, Callable[[], AbstractContextManager[tuple[str, Count]]]]] = {
    "gitweb": gitweb,
    "cgit": cgit,
    "dokuwiki": dokuwiki,
    "mediawiki": mediawiki,
    "wordpress": wordpress,
    "spirit": forum,
}
"""Application -> the function that sets it up, and serves it."""
APPLICATIONS: Final = (*BUILDERS, *PROGRAMS)


@contextmanager
def served(name: str) -> Iterator[tuple[str, Count]]:
    """Build an application if necessary, and serve it. Yields the URL of its start, and how many requests it got."""
    with PROGRAMS[name]() if name in PROGRAMS else files(_built(name)) as place:
        yield place


def _built(name: str) -> Path:
    folder = HOME / name
    if not folder.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=HOME, prefix=f".{name}-") as work:
            BUILDERS[name](Path(work)).replace(folder)
    return folder
