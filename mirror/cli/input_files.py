"""Files that options name: lists of URLs, netrc, cookies.txt, certificates and keys.

Everything is read and checked before the first request, so that a mistake costs no crawl. What can't be read or
understood raises `UsageError`; no message quotes a line of a file, because it may hold a secret.
"""

import netrc
import ssl
from http.cookiejar import Cookie
from pathlib import Path
from stat import S_ISREG

from mirror.cli.option_table import NONE, OPTIONS
from mirror.cli.option_values import parse_path
from mirror.cli.usage_errors import Given, UsageError
from mirror.core.http.cookies_txt import InvalidCookiesError, read_cookies
from mirror.core.http.credentials import InvalidLoginError, Login, by_host


def find_file(name: str, text: str) -> Path | None:
    """Check that an option names a regular file that can be read: a pipe could only be read once."""
    if not text:
        return None
    path = parse_path(text)
    try:
        is_regular = S_ISREG(path.stat().st_mode)
        if is_regular:
            path.open("rb").close()
    except OSError as error:
        hint = "; the header Cookie sends one cookie" if name == "cookies" and "=" in text else ""
        raise UsageError(Given(name, path), _unreadable(error) + hint) from None
    if not is_regular:
        raise UsageError(Given(name, path), " is not a file")
    return path


def read_text(what: str | Given, path: Path) -> str:
    """The text of a UTF-8 file; `what` begins the message if it can't be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(what, _unreadable(error)) from error


def find_netrc(text: str) -> Path | None:
    """The netrc file to read: the one that the user names, else the one in the home folder if it is readable."""
    if text in {"0", NONE}:
        return None
    if text:
        return find_file("netrc", text)
    try:
        return find_file("netrc", OPTIONS["netrc"].default)
    except UsageError:
        return None


def read_netrc(path: Path) -> dict[str, Login]:
    """The logins of a netrc file by host."""
    try:
        entries = netrc.netrc(str(path)).hosts.items()
        return by_host((machine, user, password) for machine, (user, _, password) in entries)
    except netrc.NetrcParseError as error:  # its message may show a password
        raise UsageError(
            Given("netrc", path),
            f": near line {error.lineno} is an invalid entry; correct it or use ",
            Given("netrc", NONE),
        ) from None
    except InvalidLoginError as error:
        raise UsageError(Given("netrc", path), f": {error}; correct it or use ", Given("netrc", NONE)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(Given("netrc", path), _unreadable(error)) from None


def read_cookie_file(path: Path) -> tuple[Cookie, ...]:
    """The cookies of a cookies.txt."""
    try:
        return tuple(read_cookies(read_text(Given("cookies", path), path)))
    except InvalidCookiesError as error:
        raise UsageError(Given("cookies", path), f": {error}") from None


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Load the client certificate and its key with Python's TLS, to find mistakes before the first connection."""
    if certificate is None:
        if key:
            raise UsageError(Given("key", key), " needs ", Given("certificate", "FILE"), " as well")
        return

    def passphrase() -> str:
        raise UsageError(
            *((Given("key", key),) if key else ("the key in ", Given("certificate", certificate))),
            " is encrypted; decrypt it first",
        )

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        files = (Given("certificate", certificate), *((" and ", Given("key", key)) if key else ()))
        raise UsageError(*files, f": not a certificate and its private key in PEM{_reason(error)}") from None


def check_authorities(path: Path | None) -> Path | None:
    """Load a file of certificate authorities, to find mistakes before the first connection."""
    if path:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except ssl.SSLError as error:
            raise UsageError(Given("ca", path), f": no CA certificates in PEM{_reason(error)}") from None
    return path


def _reason(error: ssl.SSLError) -> str:
    return f" ({error.reason.replace('_', ' ').lower()})" if error.reason else ""


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    why = error.strerror if isinstance(error, OSError) else f"it is not UTF-8, at byte {error.start}"
    return f" can't be read: {why}"
