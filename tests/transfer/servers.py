"""Real servers on free ports of 127.0.0.1. Each is a process that has ended when its block ends.

    with nginx(folder, home, authority, backend) as web:
        ...                       # web.http, web.https: their URLs
    print(web.log())              # the requests, with their connections

If a program is missing, the tests that need it are skipped, except in CI.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import trustme

USER: Final = "reader"
PASSWORD: Final = "pass word/with@odd%signs"

START_WITHIN: Final = 20.0
"""Seconds for a server to answer."""


def program(name: str, *places: str) -> str:
    """The path of a program. If it is missing, the test fails in CI, and is skipped elsewhere."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))
    if found is None:
        reason = f"{name} is missing: make needs"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def refusing() -> Iterator[int]:
    """A port that refuses connections, and that no other process can take in the meantime."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def running(command: Sequence[str], log: Path, *ports: int) -> Iterator[None]:
    """A process that listens at these ports while the block runs. Its output goes to its log."""
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            for port in ports:
                _await(process, port, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(f"{process.args!r} does not answer: {log.read_text(errors='replace')}")


# Certificates


class Authority:
    """A certificate authority that no system trusts, and what it has signed, as files."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ca = trustme.CA(organization_name="Test authority")
        self.certificate = home / "authority.pem"
        self._ca.cert_pem.write_to_path(self.certificate)

    def sign(self, *names: str, expired: bool = False) -> tuple[Path, Path]:
        """Make a certificate for these hosts, with its chain and its key."""
        until = datetime.now(tz=UTC) - timedelta(days=1) if expired else None
        signed = self._ca.issue_cert(*names, common_name=names[0], organization_name="Test server", not_after=until)
        chain, key = (self._home / f"{names[0]}{'-expired' * expired}{suffix}" for suffix in (".pem", ".key"))
        signed.private_key_pem.write_to_path(key)
        chain.write_bytes(b"".join(blob.bytes() for blob in signed.cert_chain_pems))
        return chain, key


# HTTP


@dataclass(frozen=True, slots=True)
class Seen:
    """A line of nginx's log."""

    connection: str
    protocol: str
    status: str
    method: str
    target: str


@dataclass(frozen=True, slots=True)
class Web:
    """The URLs at which nginx serves one folder: without TLS, with it, and with certificates for another host and expired.

    /private/ requires USER and PASSWORD, /members/ a certificate of the authority; /backend/ is the backend.
    """

    http: str
    https: str
    misnamed: str
    expired: str
    home: Path

    def log(self, target: str) -> list[Seen]:
        """The requests whose target begins with a prefix."""
        lines = (self.home / "seen.log").read_text().splitlines()
        return [seen for line in lines if (seen := Seen(*line.split(" "))).target.startswith(target)]


_NGINX: Final = """
daemon off; worker_processes 1; pid {home}/pid; {user} error_log {home}/error.log;
events {{ }}
http {{
    include /etc/nginx/mime.types; default_type application/octet-stream;
    log_format seen '$connection $server_protocol $status $request_method $request_uri'; access_log {home}/seen.log seen;
    client_body_temp_path {home}/client; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    root {folder};
    keepalive_timeout 60s; lingering_close off;
    ssl_client_certificate {authority}; ssl_verify_client optional;
    {servers}
}}
"""
_SERVER: Final = """
    server {{
        listen 127.0.0.1:{port} {how};
        location /private/ {{ auth_basic "Readers"; auth_basic_user_file {home}/users; }}
        location /members/ {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} }}
        location /backend/ {{ proxy_pass {backend}/; proxy_read_timeout 30s; }}
    }}
"""


@contextmanager
def nginx(folder: Path, home: Path, authority: Authority, backend: str) -> Iterator[Web]:
    """nginx, with a folder of files."""
    path = program("nginx", "/usr/sbin")
    certificates = [
        None,
        authority.sign("localhost", "127.0.0.1"),
        authority.sign("elsewhere.example"),
        authority.sign("localhost", "127.0.0.1", expired=True),
    ]
    ports = [free_port() for _ in certificates]
    blocks = (
        _SERVER.format(port=port, home=home, backend=backend, how=_tls(certificate))
        for port, certificate in zip(ports, certificates, strict=True)
    )
    user = "user root;" if os.getuid() == 0 else ""  # so that it can read the files of the tests
    (home / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    (home / "nginx.conf").write_text(
        _NGINX.format(home=home, folder=folder, user=user, authority=authority.certificate, servers="".join(blocks))
    )
    command = [path, "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]
    with running(command, home / "nginx.out", *ports):
        http, https, misnamed, expired = ports
        yield Web(
            f"http://127.0.0.1:{http}",
            f"https://127.0.0.1:{https}",
            f"https://127.0.0.1:{misnamed}",
            f"https://127.0.0.1:{expired}",
            home,
        )


def _tls(certificate: tuple[Path, Path] | None) -> str:
    if certificate is None:
        return ""
    chain, key = certificate
    return f"ssl http2; ssl_certificate {chain}; ssl_certificate_key {key}"


# Proxies


@dataclass(frozen=True, slots=True)
class Proxy:
    """The address of a proxy, and its log."""

    port: int
    log: Path

    def mentions(self, text: str) -> bool:
        return text in self.log.read_text(errors="replace")


@contextmanager
def tinyproxy(home: Path, *, user: str = "", password: str = "") -> Iterator[Proxy]:
    """An HTTP proxy, with a password if one is given."""
    path = program("tinyproxy")
    port = free_port()
    name = f"tinyproxy-{port}"
    lines = [f"Port {port}", "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 60", "LogLevel Connect", "MaxClients 100"]
    lines += [f"BasicAuth {user} {password}"] if user else []
    (home / f"{name}.conf").write_text("\n".join(lines) + "\n")
    log = home / f"{name}.log"
    with running([path, "-d", "-c", str(home / f"{name}.conf")], log, port):
        yield Proxy(port, log)


@contextmanager
def microsocks(home: Path, *, user: str = "", password: str = "") -> Iterator[Proxy]:
    """A SOCKS5 proxy, with a password if one is given."""
    path = program("microsocks")
    port = free_port()
    log = home / f"microsocks-{port}.log"
    credentials = ["-u", user, "-P", password] if user else []
    with running([path, "-i", "127.0.0.1", "-p", str(port), *credentials], log, port):
        yield Proxy(port, log)


@contextmanager
def aioquic(folder: Path, home: Path, certificate: tuple[Path, Path]) -> Iterator[int]:
    """A server that speaks HTTP/3 only."""
    port = free_port()
    script = Path(__file__).with_name("http3server.py")
    log = home / "aioquic.log"
    with running([sys.executable, str(script), str(folder), str(port), *map(str, certificate)], log):
        end = time.monotonic() + START_WITHIN
        while "ready" not in (said := log.read_text()):
            assert time.monotonic() < end, said
            time.sleep(0.05)
        yield port


# FTP, SFTP


@contextmanager
def pyftpdlib(folder: Path, home: Path) -> Iterator[int]:
    """An FTP server with MLSD. Anyone may read everything but /private; USER with PASSWORD may read that."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("ftpserver.py")), str(folder), str(port), USER, PASSWORD]
    with running(command, home / "pyftpdlib.log", port):
        yield port


@contextmanager
def vsftpd(folder: Path, home: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[int]:
    """An FTP server that only knows LIST. With a certificate: TLS from the first byte on, one session for all connections."""
    path = program("vsftpd", "/usr/sbin")
    port = free_port()
    options = {
        "listen": "YES",
        "listen_address": "127.0.0.1",
        "listen_port": port,
        "background": "NO",
        "run_as_launching_user": "YES",
        "seccomp_sandbox": "NO",
        "anonymous_enable": "YES",
        "no_anon_password": "YES",
        "anon_root": folder,
        "xferlog_enable": "NO",
        "connect_from_port_20": "NO",
    }
    if certificate:
        options |= {
            "ssl_enable": "YES",
            "implicit_ssl": "YES",
            "allow_anon_ssl": "YES",
            "force_anon_logins_ssl": "YES",
            "force_anon_data_ssl": "YES",
            "require_ssl_reuse": "YES",
            "ssl_ciphers": "HIGH",
            "rsa_cert_file": certificate[0],
            "rsa_private_key_file": certificate[1],
        }
    conf = home / f"vsftpd-{port}.conf"
    conf.write_text("".join(f"{name}={value}\n" for name, value in options.items()))
    with running([path, str(conf)], home / f"vsftpd-{port}.log", port):
        yield port


@dataclass(frozen=True, slots=True)
class Ssh:
    """An SSH server. `home`: the home folder of a user with a key for the server, and the server in known_hosts."""

    port: int
    user: str
    home: Path


@contextmanager
def sshd(home: Path) -> Iterator[Ssh]:
    """OpenSSH, for the user who runs the tests, with a key."""
    path = program("sshd", "/usr/sbin")
    port = free_port()
    folder = home / ".ssh"
    folder.mkdir(mode=0o700)
    for key in (home / "host_key", folder / "id_rsa"):
        subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "test", "-f", key], check=True)
    shutil.copy(folder / "id_rsa.pub", home / "authorized")
    kind, text, _ = (home / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {text}\n")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its privilege separation folder
    options = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": home / "host_key",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "AuthorizedKeysFile": home / "authorized",
        "Subsystem": "sftp internal-sftp",
    }
    (home / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    with running([path, "-D", "-e", "-f", str(home / "sshd_config")], home / "sshd.log", port):
        yield Ssh(port, _user(), home)


def _user() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
