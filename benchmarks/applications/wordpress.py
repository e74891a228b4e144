"""WordPress of Debian with a MariaDB of its own: a dozen posts with pictures."""

import getpass
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.applications.building import HERE, Count, needed, picture, prose, run
from benchmarks.applications.serving import background, php, wait_for
from tests.transfer.servers import free_port

PROGRAM: Final = Path("/usr/share/wordpress")
MARIADB: Final = Path("/usr/sbin/mariadbd")
POSTS: Final = 12


@contextmanager
def wordpress() -> Iterator[tuple[str, Count]]:
    needed(PROGRAM / "wp-load.php")
    needed(MARIADB)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with _database(home) as socket:
            _configure(home, port, socket)
            _fill(home)
            with php(home / "root", port) as count:
                yield f"http://127.0.0.1:{port}/", count


@contextmanager
def _database(home: Path) -> Iterator[Path]:
    """Run MariaDB in a folder, on a socket, without a network."""
    data, socket = home / "data", home / "socket"
    user = f"--user={getpass.getuser()}"
    run(
        home,
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        user,
    )
    command = [str(MARIADB), "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking", user]
    with background(command, home, subprocess.DEVNULL):
        wait_for(socket.exists, "mariadbd does not start")
        run(home, "mariadb", "--no-defaults", f"--socket={socket}", "-u", "root", "-e", "CREATE DATABASE wordpress")
        yield socket


def _configure(home: Path, port: int, socket: Path) -> None:
    shutil.copytree(PROGRAM, home / "root", ignore=shutil.ignore_patterns("wp-config.php"))
    constants = {
        "DB_NAME": "wordpress",
        "DB_USER": "root",
        "DB_PASSWORD": "",
        "DB_HOST": f"localhost:{socket}",
        "WP_HOME": f"http://127.0.0.1:{port}",
        "WP_SITEURL": f"http://127.0.0.1:{port}",
        "NONCE_SALT": "salt",
    }
    defined = "".join(f"define('{name}', '{value}');\n" for name, value in constants.items())
    (home / "root" / "wp-config.php").write_text(
        f"<?php\n{defined}define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true);\n"
        "$table_prefix = 'wp_';\nrequire_once __DIR__ . '/wp-settings.php';\n"
    )


def _fill(home: Path) -> None:
    posts = home / "posts"
    posts.mkdir()
    for n in range(POSTS):
        (posts / f"{n}.txt").write_text(prose(n))
        (posts / f"{n}.png").write_bytes(picture(n))
    run(home / "root", "php", str(HERE / "wordpress.php"), str(posts), str(POSTS))
