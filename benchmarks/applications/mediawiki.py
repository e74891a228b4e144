"""MediaWiki of Debian with SQLite: a dozen pages and two pictures."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.applications.building import Count, needed, picture, prose, run
from benchmarks.applications.serving import php
from tests.transfer.servers import free_port

PROGRAM: Final = Path("/usr/share/mediawiki")
OWN: Final = {"images", "LocalSettings.php", "config"}
PAGES: Final = 12


@contextmanager
def mediawiki() -> Iterator[tuple[str, Count]]:
    needed(PROGRAM / "maintenance" / "install.php")
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        root = home / "root"
        (root / "images").mkdir(parents=True)
        for file in PROGRAM.iterdir():
            if file.name not in OWN:
                (root / file.name).symlink_to(file)
        _install(home, port)
        settings = {"MW_CONFIG_FILE": str(home / "LocalSettings.php")}
        _fill(home, settings)
        with php(root, port, settings) as count:
            yield f"http://127.0.0.1:{port}/", count


def _install(home: Path, port: int) -> None:
    words = ["--dbtype", "sqlite", "--dbpath", str(home), "--confpath", str(home), "--scriptpath", ""]
    words += ["--server", f"http://127.0.0.1:{port}", "--pass", "a long password", "--with-extensions=false"]
    run(home, "php", str(PROGRAM / "maintenance" / "install.php"), *words, "--skins=Vector", "Harbours", "Pilot")
    with (home / "LocalSettings.php").open("a") as settings:
        settings.write(
            f"$wgUploadDirectory = '{home}/root/images'; $wgUploadPath = '/images'; $wgEnableUploads = true;\n"
            "$wgJobRunRate = 0; $wgUseImageMagick = false;\n"
        )


def _fill(home: Path, settings: dict[str, str]) -> None:
    (home / "texts").mkdir()
    (home / "pictures").mkdir()
    links = "".join(f"* [[Chapter {n}]]\n" for n in range(PAGES))
    (home / "texts" / "Main Page.txt").write_text(f"{prose(99)}\n\n{links}")
    for n in range(PAGES):
        body = f"{prose(n)}\n\n[[File:Quay-{n % 2}.png|thumb|A quay]]\n== Code ==\n<pre>print('quay')</pre>\n[[Main Page]]\n"
        (home / "texts" / f"Chapter {n}.txt").write_text(body)
    for n in range(2):
        (home / "pictures" / f"Quay-{n}.png").write_bytes(picture(n))
    maintenance = PROGRAM / "maintenance"
    texts = sorted(map(str, (home / "texts").iterdir()))
    run(home, "php", str(maintenance / "importImages.php"), str(home / "pictures"), environment=settings)
    run(home, "php", str(maintenance / "importTextFiles.php"), "--overwrite", *texts, environment=settings)
    run(home, "php", str(maintenance / "runJobs.php"), environment=settings)
