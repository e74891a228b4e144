"""The certificates with which replay serves https: an authority of this user, and a certificate for each host.

Input: a folder of the user's. Output: an `ssl.SSLContext`.

The law
-------
1. The authority is made once, and kept in the folder: its key in a file that nobody else can read, its certificate in another
   one, which a user imports into a browser. If it is damaged or has expired, it is made anew.
2. It vouches for `localhost`, for names below it and for loopback addresses only (name constraints, RFC 5280, 4.2.1.10). Who
   trusts it trusts it with no site of the web, even if its key is stolen.
3. Each host gets a certificate when a client first names it (SNI), because browsers accept none for `*.localhost`. They and
   their key are never kept.
"""

import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mirror.core.replay.origins import TOP

_KEY_FILE: Final = "authority-key.pem"
_CERTIFICATE_FILE: Final = "authority.pem"
_NAME: Final = "Websucker replay, for this machine only"
_YEARS: Final = timedelta(days=3650)
_DAYS: Final = timedelta(days=90)
_EARLY: Final = timedelta(days=1)  # for clocks that differ
_HOSTS: Final = 512
"""Hosts whose certificates are kept in memory."""

_SIGNS: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_FOR_SERVERS: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
"""No mail and no program can be signed, whatever a user imports the authority for."""

_CONSTRAINTS: Final = x509.NameConstraints(
    [x509.DNSName(TOP), *(x509.IPAddress(ip_network(net)) for net in ("127.0.0.0/8", "::1/128"))], None
)


class Authority:
    """An authority, and the certificates that it has signed. `file` has its certificate, for browsers."""

    def __init__(self, file: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.file = file
        self._key = key
        self._certificate = certificate
        self._host_key = ec.generate_private_key(ec.SECP256R1())
        self._context_of = lru_cache(_HOSTS)(self._new_context)

    @classmethod
    def at(cls, folder: Path) -> "Authority":
        """Return the authority in a folder, a new one if there is none. Raises `OSError`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place, file = folder / _KEY_FILE, folder / _CERTIFICATE_FILE
        found = _read(place)
        if found is None:
            _write(place, _new_authority())
            found = _read(place)
            assert found is not None
        place.chmod(0o600)
        public = found[1].public_bytes(serialization.Encoding.PEM)
        if not file.is_file() or file.read_bytes() != public:
            file.write_bytes(public)
        return cls(file, *found)

    def context(self) -> ssl.SSLContext:
        """Return the context of the server: it answers each client with a certificate for the host that the client names."""
        context = self._context_of(TOP)
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name and name.lower().endswith(f".{TOP}"):
            connection.context = self._context_of(name.lower())

    def _new_context(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        key = _pem(self._host_key)
        certificate = self._sign(host).public_bytes(serialization.Encoding.PEM)
        with NamedTemporaryFile(prefix="websucker-") as file:  # only its owner can read it
            file.write(key + certificate)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _sign(self, host: str) -> x509.Certificate:
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == TOP:
            names += [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return _signed(
            self._host_key.public_key(),
            self._certificate.subject,
            _DAYS,
            [
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (x509.SubjectAlternativeName(names), False),
                (_FOR_SERVERS, False),
                (issuer, False),
            ],
            self._key,
        )


def _new_authority() -> bytes:
    """Make an authority: the PEM of its key, and of its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_SIGNS, True),
        (_CONSTRAINTS, True),
        (_FOR_SERVERS, False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]
    certificate = _signed(key.public_key(), name, _YEARS, extensions, key)
    return _pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _signed(
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    valid: timedelta,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.now(UTC)
    is_authority = public == key.public_key()
    subject = issuer if is_authority else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Websucker replay")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + valid)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(key, hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(place: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
    """Return the key and the certificate in a file; `None` if there is no such file, or it is of no use."""
    try:
        text = place.read_bytes()
    except FileNotFoundError:
        return None
    with suppress(ValueError, TypeError):
        key = serialization.load_pem_private_key(text, None)
        certificate = x509.load_pem_x509_certificate(text)
        lasts = certificate.not_valid_after_utc > datetime.now(UTC) + _DAYS
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.public_key() == key.public_key() and lasts:
            return key, certificate
    place.unlink(missing_ok=True)
    return None


def _write(place: Path, text: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all; if another process was faster, its file stays."""
    with NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            os.link(file.name, place)
    finally:
        Path(file.name).unlink()
