"""`replay --https`: the authority is made once, vouches for this machine only, and each host has a certificate."""

import os
import signal
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirror.core.replay.origins import Server
from mirror.core.url.canonical import canonical
from mirror.replay.certificates import Authority
from tests.crawl.running import ROOT, SCRAPY
from tests.replay.serving import mirrored
from tests.site import Site

URL = "https://www.example.org/"
NAME = "www-example-org---s1.localhost"


@contextmanager
def replay(out: Path, home: Path, *words: str) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """Run `replay --https` as a user whose data is in `home`; yields the port."""
    command = [*SCRAPY, "replay", str(out), "--https", "--port", "0", *words]
    environment = os.environ | {"XDG_DATA_HOME": str(home)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        try:
            assert url.startswith("https://localhost:"), process.communicate(timeout=30)
            yield int(url.rstrip("/").rpartition(":")[2]), process
        finally:
            process.send_signal(signal.SIGINT)


def answer(port: int, name: str, authority: Path, *, named: str | None = None) -> str:
    """Request the start page of a host, as a client that trusts the authority."""
    context = ssl.create_default_context(cafile=authority)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname=name) as tls,
    ):
        tls.sendall(f"GET / HTTP/1.1\r\nHost: {named or name}:{port}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: tls.recv(1 << 16), b"")).decode()


def test_each_host_has_a_certificate(tmp_path: Path) -> None:
    mirrored(tmp_path / "out", {URL.rstrip("/"): Site().page("/", f"Here <a href='{URL}next'>")}, URL)
    home = tmp_path / "home"
    authority = home / "websucker" / "replay" / "authority.pem"
    with replay(tmp_path / "out", home) as (port, process):
        shown = answer(port, NAME, authority)
        place = Server(port, "https").place(canonical(URL), 1)
        assert shown.startswith("HTTP/1.1 200")
        assert f"default-src https://*.localhost:{port} data:" in shown
        assert f"<a href='{place}next'>" in shown
        assert f'href="{place}"' in answer(port, "localhost", authority)
        assert "200 OK" in answer(port, "127.0.0.1", authority)
        with pytest.raises(ssl.SSLCertVerificationError):
            answer(port, "www.example.org", authority)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 0
    assert f"import {authority} into the browser" in told
    key = authority.with_name("authority-key.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes(), authority.read_bytes()
    with replay(tmp_path / "out", home) as (port, _):
        assert "200 OK" in answer(port, "localhost", authority)
    assert (key.read_bytes(), authority.read_bytes()) == before


def test_the_authority_vouches_for_this_machine_only(tmp_path: Path) -> None:
    """Whoever steals its key can't use it for a site of the web: clients refuse what it signs."""
    authority = Authority.at(tmp_path)
    for name, is_trusted in (("a---s1.localhost", True), ("localhost", True), ("www.example.org", False)):
        server = authority._new_context(name)  # noqa: SLF001 - what a thief would do
        assert trusts(authority.file, server, name) is is_trusted


def trusts(authority: Path, server: ssl.SSLContext, name: str) -> bool:
    """Shake hands in memory: whether a client that trusts the authority trusts the server."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=authority).wrap_bio(back, there, server_hostname=name)
    other = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (client, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return client.version() is not None


@pytest.mark.parametrize("damage", [b"", b"no key", "of another"])
def test_a_damaged_authority_is_made_anew(tmp_path: Path, damage: bytes | str) -> None:
    Authority.at(tmp_path / "a")
    place = tmp_path / "a" / "authority-key.pem"
    before = place.read_bytes()
    if isinstance(damage, str):
        Authority.at(tmp_path / "b")
        other = (tmp_path / "b" / "authority-key.pem").read_bytes()
        damage = before[: before.index(b"-----BEGIN CERT")] + other[other.index(b"-----BEGIN CERT") :]
    place.write_bytes(damage)
    place.chmod(0o644)
    authority = Authority.at(tmp_path / "a")
    assert place.read_bytes() not in {before, damage}
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert authority.file.read_bytes() in place.read_bytes()


def test_a_folder_that_cant_be_used_is_told(tmp_path: Path) -> None:
    mirrored(tmp_path / "out", {URL.rstrip("/"): Site().page("/")}, URL)
    (tmp_path / "home").write_text("a file")
    command = [*SCRAPY, "replay", str(tmp_path / "out"), "--https", "--port", "0"]
    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"can't keep the certificate for --https in {tmp_path / 'home'}" in done.stderr
