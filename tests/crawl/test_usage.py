"""Mistakes of users: each gets one line and an exit code."""

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mirror.cli.option_table import OPTIONS, flag
from mirror.store import verification
from mirror.store.archive import Archive
from tests.crawl.running import SCRAPY, ended, mirror, process, publish, run
from tests.mirroring import dangling
from tests.site import Handler, Page, Site, serve
from tests.warm import Done

NOWHERE = "http://127.0.0.1:9/"


def only_line(done: Done) -> str:
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("start", "words", "said"),
    [
        ("", (), "no start"),
        pytest.param("http://", (), "has no host", marks=pytest.mark.long),
        pytest.param("//example.org", (), "begin with http:// or https://", marks=pytest.mark.long),
        pytest.param("gopher://example.org/", (), "'gopher' is not supported", marks=pytest.mark.long),
        pytest.param(
            "gopher://guido:spam@example.org/",
            (),
            "'gopher://...@example.org/': the scheme 'gopher' is not supported",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "http://a:b@127.0.0.1:9/ http://c:d@127.0.0.1:9/x",
            (),
            "two logins for http://127.0.0.1:9: give one",
            marks=pytest.mark.long,
        ),
        ("@/nowhere/starts", (), "can't be read"),
        pytest.param(NOWHERE, ("scope=galaxy",), "use one of site, host, prefix", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("requisites=some",), "use one of all, site, none", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("include=(",), "is not a regular expression", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("exclude=[",), "is not a regular expression", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("depth=-1",), "not a whole number of 0 or more", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("limit=0",), "not a whole number of 1 or more", marks=pytest.mark.long),
        (NOWHERE, ("colour=red",), "no option 'colour'"),
        pytest.param(NOWHERE, ("refresh=soon",), "is not a duration: write it as", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("trust=maybe",), "neither 0 nor 1", marks=pytest.mark.long),
        pytest.param(NOWHERE, ("max_loss=2",), "not a share from 0 to 1", marks=pytest.mark.long),
        (NOWHERE, ("login=guido",), "login has no password: write it as user:password"),
        pytest.param(
            NOWHERE,
            ("cookies=/nowhere/cookies.txt",),
            "cookies=/nowhere/cookies.txt can't be read: No such file",
            marks=pytest.mark.long,
        ),
    ],
)
def test_bad_usage(tmp_path: Path, start: str, words: tuple[str, ...], said: str) -> None:
    done = mirror(start, tmp_path / "out", *words)
    assert said in only_line(done)
    assert done.code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "CONCURRENT_REQUESTS=some",
        pytest.param("CONCURRENT_REQUESTS_PER_DOMAIN=0", marks=pytest.mark.long),
        pytest.param("DOWNLOAD_DELAY=nan", marks=pytest.mark.long),
        pytest.param("DOWNLOAD_MAXSIZE=1G", marks=pytest.mark.long),
        pytest.param("ROBOTSTXT_OBEY=maybe", marks=pytest.mark.long),
        "MIRROR_RESERVE=much",
        pytest.param("MIRROR_RATE=fast", marks=pytest.mark.long),
    ],
)
def test_a_setting_that_means_nothing(tmp_path: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    done = mirror(NOWHERE, tmp_path / "out", settings={name: value})
    assert only_line(done).startswith(f"websucker: {setting} is n")
    assert done.code == 2


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("MIRROR_HTTP_VERSION=4", "MIRROR_HTTP_VERSION=4 is unknown: use one of 1.1, 2, 3"),
        ("MIRROR_CA_FILE=/nowhere", "MIRROR_CA_FILE=/nowhere can't be read: No such file or directory"),
        (
            "MIRROR_CLIENT_KEY=mirror/cli/options.py",
            "MIRROR_CLIENT_KEY=mirror/cli/options.py needs",
        ),
    ],
)
def test_a_setting_that_means_what_an_option_means(tmp_path: Path, setting: str, said: str) -> None:
    name, _, value = setting.partition("=")
    done = mirror(NOWHERE, tmp_path / "out", settings={name: value})
    assert only_line(done).startswith(f"websucker: {said}")
    assert done.code == 2


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", ">&-", "<&-"])
def test_a_closed_or_full_stream_is_no_failure(tmp_path: Path, stream: str) -> None:
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        command = [*SCRAPY, "crawl", "mirror", "-a", f"start={server.url}", "-a", f"out={tmp_path}"]
        done = run("sh", "-c", f'exec "$@" {stream}', "sh", *command)
    assert done.code == 0
    assert len(list(tmp_path.rglob("a~.html"))) == 1
    assert verify(Archive(tmp_path)) == []


def verify(archive: Archive) -> list[object]:
    with closing(archive):
        return [damage for damage in verification.verify(archive) if damage]


def test_an_untrusted_certificate_is_reported_in_one_line(tmp_path: Path) -> None:
    """A certificate without a subjectAltName, for which Twisted would print tracebacks."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ("-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost")
    assert run("openssl", "req", *words, "-keyout", str(key), "-out", str(certificate)).code == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serve(Site().page("/"), "localhost") as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        start = server.url.replace("http:", "https:")
        done = mirror(start, tmp_path / "out")
    assert done.stderr.splitlines() == [
        "Nothing could be fetched",
        "Failed: 1 URL (certificate not trusted)",
        f"  certificate not trusted: {start}/",
        "If you trust the server: `--ca FILE` names the authority of its certificate, `--insecure` accepts any",
    ]
    assert done.code == 3


def test_a_folder_that_stands_where_a_file_belongs_is_named(tmp_path: Path) -> None:
    with serve(Site().page("/", links=["/a"]).page("/a")) as server:
        blocking = tmp_path / server.url.removeprefix("http://").replace(":", "_") / "a~.html"
        blocking.mkdir(parents=True)
        done = mirror(server.url, tmp_path, settings={"MIRROR_PROGRESS": "off"})
    assert only_line(done).startswith(f"websucker: {blocking}: there is a folder where a file belongs")
    assert done.code == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--colour", "red"), "unknown argument '--colour'"),
        ((NOWHERE,), f"unknown argument '{NOWHERE}': give options as -a NAME=VALUE"),
        (("login=guido:spam",), "unknown argument 'login=...'"),
        (("http://guido:spam@example.org/",), "unknown argument 'http://...@example.org/'"),
        (("-a", NOWHERE), "use -a NAME=VALUE"),
        (("-s", "ROBOTSTXT_OBEY"), "use -s NAME=VALUE"),
        (("-L", "LOUD"), "--loglevel LOUD is unknown: use DEBUG, "),
    ],
)
def test_options_that_scrapy_does_not_know(words: tuple[str, ...], said: str) -> None:
    done = run(*SCRAPY, "crawl", "mirror", *words)
    assert said in only_line(done)
    assert done.code == 2


@pytest.mark.parametrize(("name", "value"), [("MIRROR_PROGRESS", "fancy"), ("MIRROR_REPORTHOOK", "no.such.hook")])
def test_a_progress_that_does_not_exist(tmp_path: Path, name: str, value: str) -> None:
    done = mirror(NOWHERE, tmp_path, settings={name: value})
    assert value in only_line(done)
    assert done.code == 2


@pytest.mark.parametrize(
    ("start", "said"), [("http://nonexistent.invalid/", "host does not resolve"), (NOWHERE, "connection refused")]
)
def test_nothing_can_be_fetched(tmp_path: Path, start: str, said: str) -> None:
    done = mirror(start, tmp_path)
    assert f"Failed: 1 URL ({said})" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.code == 3


def test_a_target_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for out in (tmp_path / "out", tmp_path / "out" / "deeper"):
        done = mirror(NOWHERE, out)
        assert str(tmp_path / "out") in only_line(done)
        assert done.code == 4


# Root without CAP_DAC_OVERRIDE is bound by file permissions like any user.
ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


@pytest.mark.parametrize("rights", [0o500, 0o000])
def test_a_target_in_a_folder_that_may_not_be_written(tmp_path: Path, rights: int) -> None:
    (tmp_path / "folder").mkdir(mode=rights)
    without_rights = ANYBODY if os.geteuid() == 0 else []
    if without_rights and not shutil.which(ANYBODY[0]):
        pytest.skip("root's rights can't be laid down here: there is no setpriv")
    done = run(
        *without_rights, *SCRAPY, "crawl", "mirror", "-a", f"start={NOWHERE}", "-a", f"out={tmp_path}/folder/out"
    )
    assert only_line(done).startswith(f"websucker: {tmp_path}/folder/out")
    assert "permission denied: check its owner and permissions" in only_line(done)
    assert done.code == 4


def test_an_archive_that_another_run_holds(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    done = mirror(NOWHERE, tmp_path)
    archive.close()
    assert f"lock is in use by another run (process {os.getpid()}, since 2" in only_line(done)
    assert only_line(done).endswith("UTC): wait until it ends")
    assert done.code == 4


def test_a_target_with_an_index_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    done = mirror(NOWHERE, tmp_path)
    assert "index.html belongs to no archive" in only_line(done)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_manifest_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / ".mirror").mkdir()
    (tmp_path / ".mirror" / "manifest.sqlite").write_bytes(b"not a database" * 100)
    done = mirror(NOWHERE, tmp_path)
    assert "the manifest is damaged" in only_line(done)
    assert done.code == 4


def test_publish_of_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    done = publish(tmp_path)
    assert "is not an archive" in only_line(done)
    assert done.code == 4


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("no file system can be mounted here: it takes root's rights")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def slow_file(handler: Handler) -> None:
    time.sleep(0.05)
    handler.reply(Page(200, {"Content-Type": "application/octet-stream"}, os.urandom(50_000)))


def test_a_full_disk_stops_the_crawl_and_what_was_complete_stays(tmp_path: Path, small_disk: Path) -> None:
    site = Site().page("/", links=[f"/{n}.bin" for n in range(40)])
    site |= {f"/{n}.bin": slow_file for n in range(40)}  # the first page is committed before the disk is full
    with serve(site) as server:
        settings = {"MIRROR_PROGRESS": "off", "MIRROR_RESERVE": "0", "CONCURRENT_REQUESTS": "1"}
        done = mirror(server.url, small_disk / "out", settings=settings)
        assert "Make room" in only_line(done) or "make room" in only_line(done)
        assert done.code == 4
        here = small_disk / "out" / server.url.removeprefix("http://").replace(":", "_")
        assert (here / "index.html").is_file()
        saved = [path for path in here.glob("*.bin") if path.stat().st_size == 50_000]
        assert saved
        subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
        assert publish(small_disk / "out").code == 0
        assert dangling(small_disk / "out") == []
        done = mirror(server.url, small_disk / "out")
    assert "Resuming" in done.stderr
    assert done.code == 0
    assert len(list(here.glob("*.bin"))) == 40


def test_the_crawl_pauses_before_the_disk_is_full(small_disk: Path) -> None:
    subprocess.run(
        ["mount", "-o", "remount,size=8m", str(small_disk)], check=True
    )  # of which the crawl keeps 400 kB free
    site = Site().page("/", links=[f"/{n}.bin" for n in range(200)])
    for n in range(200):
        site.file(f"/{n}.bin", os.urandom(50_000))
    with serve(site) as server:
        settings = {"MIRROR_PROGRESS": "off", "CONCURRENT_REQUESTS": "1"}
        running = process(server.url, small_disk / "out", settings=settings)
        assert running.stderr is not None
        assert running.stderr.readline().startswith("Paused: ")
        assert len(server.paths) < 200
        assert running.poll() is None
        subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
        done = ended(running)
        assert done.stderr.startswith("Resumed: the disk has enough free space again\n")
        assert done.code == 0
        assert len(list((small_disk / "out").rglob("*.bin"))) == 200
        assert len(server.paths) == len(set(server.paths))


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(1020 * 1024))
    done = mirror(NOWHERE, small_disk / "out")
    assert "the disk is full. Make room, then run the same command again" in only_line(done)
    assert done.code == 4


def test_a_file_size_limit_stops_the_crawl_and_the_same_command_resumes(tmp_path: Path) -> None:
    site = Site().page("/", links=["/large.bin", "/a"]).file("/large.bin", bytes(1_000_000)).page("/a")
    words = ["-s", "MIRROR_PROGRESS=off", "-s", "CONCURRENT_REQUESTS=1"]
    with serve(site) as server:
        command = [*SCRAPY, "crawl", "mirror", "-a", f"start={server.url}", "-a", f"out={tmp_path}", *words]
        done = run("sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", *command)  # blocks of 512 bytes
        assert "files may not grow that large here. Raise the limit, then run the same command again" in only_line(done)
        assert done.code == 4
        assert publish(tmp_path).code == 0
        assert dangling(tmp_path) == []
        done = run(*command)
    assert "Resuming" in done.stderr
    assert done.code == 0
    assert server.paths.count("/") == 1
    assert dangling(tmp_path) == []


def test_help_names_every_option() -> None:
    for command, spell in (([*SCRAPY, "crawl", "-h"], str), ([SCRAPY[0], "-m", "mirror", "--help", "all"], flag)):
        done = run(*command)
        assert done.code == 0
        for name, option in OPTIONS.items():
            assert name == "start" or spell(name) in done.stdout
            assert option.group in " ".join(done.stdout.split())
