"""Folders of downloads: one with checksums, and a signed apt repository."""

import hashlib
import os
import subprocess
from pathlib import Path

YEAR_2001 = 1_000_000_000
NAMES = (
    "README.md", "LICENSE", "Tool-1.0.tar.gz", "tool_1.0~rc1_amd64.deb", "comic.cbz", "Logo@2x.PNG", "NEWS.txt~", "data.JSON",
    "Caf\u00e9 menu (1).PDF", "100%.bin", "C#: a?b.dat", "v1.2/Makefile", "v1.2/con.h", "core.exe", "a'b&c;d=e,f+g.bin",
)  # fmt: skip
"""Names of downloads, with characters that listings escape and that some system forbids."""


def downloads(folder: Path) -> None:
    """Make a folder with downloads of all kinds, and the file with their checksums."""
    sums = []
    for n, name in enumerate(NAMES):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(f"{name}\n".encode() + bytes(range(256)))
        os.utime(place, (YEAR_2001 + n, YEAR_2001 + n))
        sums.append(f"{hashlib.sha256(place.read_bytes()).hexdigest()}  {name}\n")
    (folder / "SHA256SUMS").write_text("".join(sums))


def repository(folder: Path, home: Path) -> None:
    """Make a signed apt repository with one package."""
    pool, dist = folder / "pool/main/w", folder / "dists/stable"
    built = folder.parent / "built"
    for place in (pool, dist / "main/binary-amd64", built / "DEBIAN"):
        place.mkdir(parents=True)
    home.mkdir(mode=0o700)
    (built / "DEBIAN/control").write_text(
        "Package: websucker-demo\nVersion: 1.0~exp1\nArchitecture: all\nMaintainer: Demo <demo@example.org>\n"
        "Description: a package for a test\n"
    )
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    options = {"Suite": "stable", "Codename": "stable", "Components": "main", "Architectures": "amd64"}
    named = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in options.items()]
    made(folder, "dpkg-deb", "--root-owner-group", "--build", str(built), f"{pool}/websucker-demo_1.0~exp1_all.deb")
    packages = dist / "main/binary-amd64/Packages"
    packages.write_bytes(made(folder, "apt-ftparchive", "packages", "pool"))
    made(folder, "gzip", "--keep", str(packages))
    (dist / "Release").write_bytes(made(folder, "apt-ftparchive", *named, "release", "dists/stable"))
    made(folder, *gpg, "--quick-generate-key", "demo@example.org", "ed25519", "sign", "never")
    made(folder, *gpg, "--output", str(home / "demo.gpg"), "--export", "demo@example.org")
    made(dist, *gpg, "--clearsign", "--output", "InRelease", "Release")
    made(dist, *gpg, "--detach-sign", "--armor", "--output", "Release.gpg", "Release")
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def made(folder: Path, *command: str) -> bytes:
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def apt_with(copy: Path, home: Path, root: Path) -> list[str]:
    """Return the command of an apt that uses only a copy of the repository, from the disk and with its signature.

    `home` has the key, `root` gets the state of apt.
    """
    for name in ("state/lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True)
    (root / "sources.list").write_text(f"deb [signed-by={home / 'demo.gpg'}] file:{copy} stable main\n")
    (root / "status").touch()
    words = {
        "Dir::Etc::sourcelist": root / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": root / "state",
        "Dir::State::status": root / "status",
        "Dir::Cache": root / "cache",
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
    }
    return ["apt-get", *(f"-o{name}={value}" for name, value in words.items())]
