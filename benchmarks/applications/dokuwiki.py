"""DokuWiki of Debian: a dozen pages and two pictures."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.applications.building import Count, needed, picture, prose
from benchmarks.applications.serving import php
from tests.transfer.servers import free_port

PROGRAM: Final = Path("/usr/share/dokuwiki")
SETTINGS: Final = Path("/etc/dokuwiki")
DATA: Final = "attic cache index locks log media media_attic media_meta meta pages tmp"
PAGES: Final = 12


@contextmanager
def dokuwiki() -> Iterator[tuple[str, Count]]:
    needed(PROGRAM / "doku.php")
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        wiki = Path(home) / "wiki"
        shutil.copytree(PROGRAM, wiki, ignore=shutil.ignore_patterns("preload.php", ".htaccess"))
        _configure(wiki)
        _fill(wiki / "data")
        with php(wiki, port) as count:
            yield f"http://127.0.0.1:{port}/doku.php?id=start", count


def _configure(wiki: Path) -> None:
    shutil.copytree(SETTINGS, wiki / "conf", ignore=shutil.ignore_patterns("*.auth.php", "local.php"))
    (wiki / "conf" / "local.php").write_text(
        "<?php $conf['title'] = 'Harbours'; $conf['useacl'] = 1; $conf['superuser'] = '@admin'; $conf['savedir'] = './data';\n"
        "$conf['indexdelay'] = 0;\n"  # else pages say nofollow for five days
    )
    (wiki / "conf" / "acl.auth.php").write_text("# <?php exit()?>\n*\t@ALL\t1\n")
    (wiki / "conf" / "users.auth.php").write_text("# <?php exit()?>\n")
    for name in DATA.split():
        (wiki / "data" / name).mkdir(parents=True)


def _fill(data: Path) -> None:
    links = "".join(f"  * [[chapter-{n}]]\n" for n in range(PAGES))
    (data / "pages" / "start.txt").write_text(f"====== Harbours ======\n{prose(99)}\n\n{links}")
    for n in range(PAGES):
        more = f"{{{{:quay-{n % 2}.png?300}}}}\n\n===== Code =====\n\n<code python>print('quay')</code>\n"
        (data / "pages" / f"chapter-{n}.txt").write_text(f"====== Chapter {n} ======\n{prose(n)}\n\n{more}[[start]]\n")
    for n in range(2):
        (data / "media" / f"quay-{n}.png").write_bytes(picture(n))
