"""Folders of FTP and SFTP servers and of the local disk, mirrored like websites."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crawl.running import dangling, ended, mirror, process, tree
from tests.transfer import servers

PAGE = '<!DOCTYPE html>\n<title>{0}</title>\n<link rel="stylesheet" href="{1}style.css"><a href="{1}a%20b.txt">a</a>'


def publish(files: Path) -> None:
    (files / "pages" / "inner").mkdir(parents=True)
    (files / "a b.txt").write_text("a and b\n")
    (files / "style.css").write_text("p { background: url(pages/picture.png) }\n")
    (files / "pages" / "picture.png").write_bytes(b"no picture")
    (files / "pages" / "one.html").write_text(PAGE.format("One", "../"))
    (files / "pages" / "inner" / "two.html").write_text(PAGE.format("Two", "../../"))
    (files / "pages" / "a#b?c.txt").write_text("odd\n")
    for path in files.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))


Start = Callable[[str], str]
"""Maps a path below the folder to its URL."""


@pytest.fixture(
    params=[
        "ftp",
        pytest.param("lists", marks=pytest.mark.long),
        pytest.param("ftps", marks=pytest.mark.long),
        "sftp",
        "file",
    ]
)
def start(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    files = tmp_path / "files"
    publish(files)
    authority = servers.Authority(tmp_path)
    with ExitStack() as stack:
        enter = stack.enter_context
        if request.param == "ftp":
            base = f"ftp://127.0.0.1:{enter(servers.pyftpdlib(files, tmp_path))}"
        elif request.param == "lists":
            base = f"ftp://127.0.0.1:{enter(servers.vsftpd(files, tmp_path))}"
        elif request.param == "ftps":
            base = (
                f"ftps://127.0.0.1:{enter(servers.vsftpd(files, tmp_path, authority.sign('localhost', '127.0.0.1')))}"
            )
        elif request.param == "sftp":
            ssh = enter(servers.sshd(tmp_path))
            monkeypatch.setenv("HOME", str(ssh.home))
            base = f"sftp://{ssh.user}:@127.0.0.1:{ssh.port}{files}"
        else:
            base = files.as_uri()
        yield lambda path: base + path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "files"


def kept(out: Path) -> set[str]:
    """The files of the tree, with names relative to the mirrored folder."""
    below = {path.partition("/files/")[2] or path.partition("/")[2] for path in tree(out)}
    return below - {""}


def test_a_folder_is_mirrored_as_a_website_is(start: Start, files: Path, tmp_path: Path) -> None:
    done = mirror(start("/"), tmp_path / "out", f"ca={tmp_path}/authority.pem")
    assert (done.code, done.stderr.count("Failed")) == (0, 0), done.stderr
    assert kept(tmp_path / "out") >= {
        "index.html",
        "a b.txt",
        "style.css",
        "pages/index.html",
        "pages/picture.png",
        "pages/one.html",
        "pages/inner/index.html",
        "pages/inner/two.html",
    }
    assert len(kept(tmp_path / "out")) == 9
    assert dangling(tmp_path / "out") == []


def test_a_folder_without_its_slash_and_what_is_missing(start: Start, tmp_path: Path) -> None:
    ca = f"ca={tmp_path}/authority.pem"
    done = mirror(start("/pages"), tmp_path / "out", ca)
    assert done.code == 0, done.stderr
    assert "pages/inner/two.html" in str(sorted(tree(tmp_path / "out")))
    missing = mirror(start("/nowhere/"), tmp_path / "missing", ca)
    assert missing.code == 3
    assert "404 Not Found" in missing.stderr


def test_a_start_on_the_disk_may_be_a_link_but_nothing_below_it_leads_out(tmp_path: Path) -> None:
    real = tmp_path / "real files"
    (real / "inner").mkdir(parents=True)
    (real / "index.html").write_text("<a href=inner/a.txt>a</a> <a href=away/secret.txt>b</a>")
    (real / "inner" / "a.txt").write_text("a\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.txt").write_text("secret\n")
    (real / "away").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "link").symlink_to(real)
    for name, start in (("folder", "link/"), ("file", "link/index.html")):
        done = mirror(f"file://{tmp_path}/{start}", tmp_path / "out" / name)
        assert "inner/a.txt" in str(sorted(tree(tmp_path / "out" / name))), done.stderr
        assert not [
            place
            for place in (tmp_path / "out" / name).rglob("*.*")
            if place.is_file() and b"secret\n" in place.read_bytes()
        ]
        assert "outside the scope" in done.stderr


def test_a_second_run_finds_what_changed(start: Start, files: Path, tmp_path: Path) -> None:
    ca = f"ca={tmp_path}/authority.pem"
    mirror(start("/"), tmp_path / "out", ca)
    (files / "a b.txt").write_text("something else\n")
    (files / "pages" / "new.txt").write_text("new\n")
    (files / "pages" / "picture.png").unlink()
    done = mirror(start("/"), tmp_path / "out", ca)
    assert "Since the previous snapshot: 1 added" in done.stderr
    assert [path for path in kept(tmp_path / "out") if "new.txt" in path] != []
    place = next(path for path in (tmp_path / "out").rglob("a b.txt"))
    assert place.read_text() == "something else\n"


@pytest.mark.parametrize(
    "start", ["ftp", *(pytest.param(name, marks=pytest.mark.long) for name in ("lists", "ftps")), "sftp"], indirect=True
)
def test_a_large_file_resumes_where_a_kill_cut_it(start: Start, files: Path, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(12 << 20)
    (files / "large.bin").write_bytes(content)
    os.utime(files / "large.bin", (1_600_000_000, 1_600_000_000))
    words, partial = [f"ca={tmp_path}/authority.pem"], tmp_path / "out" / ".mirror" / "partial"
    running = process(start("/"), tmp_path / "out", *words, "rate=4M")
    until = time.monotonic() + 60
    while time.monotonic() < until and sum(sizes(partial)) < 5 << 20:
        time.sleep(0.02)
    running.kill()
    ended(running)
    (place,) = [place for place in partial.iterdir() if "." not in place.name]
    assert 5 << 20 <= place.stat().st_size < len(content)
    (files / "large.bin").write_bytes(b"MARK" + content[4:])  # if this is asked for again, it shows
    os.utime(files / "large.bin", (1_600_000_000, 1_600_000_000))
    done = mirror(start("/"), tmp_path / "out", *words)
    assert done.code == 0, done.stderr
    assert [path.read_bytes() == content for path in (tmp_path / "out").rglob("large.bin")] == [True]
    assert sizes(partial) == []


@pytest.mark.parametrize(
    "start", ["ftp", *(pytest.param(name, marks=pytest.mark.long) for name in ("lists", "sftp"))], indirect=True
)
def test_a_part_of_a_file_that_became_shorter_starts_anew(start: Start, files: Path, tmp_path: Path) -> None:
    (files / "large.bin").write_bytes(random.Random(1).randbytes(12 << 20))
    partial = tmp_path / "out" / ".mirror" / "partial"
    running = process(start("/"), tmp_path / "out", "rate=4M")
    until = time.monotonic() + 60
    while time.monotonic() < until and sum(sizes(partial)) < 5 << 20:
        time.sleep(0.02)
    running.kill()
    ended(running)
    assert len(sizes(partial)) == 1
    (files / "large.bin").write_bytes(b"short")
    done = mirror(start("/"), tmp_path / "out")
    assert done.code == 0, done.stderr
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("large.bin")] == [b"short"]
    assert sizes(partial) == []


def sizes(partial: Path) -> list[int]:
    """Of incomplete payloads."""
    places = partial.iterdir() if partial.exists() else ()
    return [place.stat().st_size for place in places if "." not in place.name]


def test_an_unknown_host_key_is_accepted_only_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(tmp_path / "files")
    with servers.sshd(tmp_path) as ssh:
        monkeypatch.setenv("HOME", str(ssh.home))
        (ssh.home / ".ssh" / "known_hosts").write_text("")
        start = f"sftp://{ssh.user}:@127.0.0.1:{ssh.port}{tmp_path}/files/"
        refused = mirror(start, tmp_path / "refused")
        assert refused.code == 3
        assert "the key of 127.0.0.1 is not in known_hosts; ssh-keyscan prints it" in refused.stderr
        assert mirror(start, tmp_path / "believed", "insecure=1").code == 0
