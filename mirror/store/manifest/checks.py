"""Checks of what is read from a manifest: it is as hostile as what a server sends.

Somebody else may have made the archive, or a disk may have changed it. So a backend turns each value of a row into a checked
one here, before anything forms a path of it, opens a file by it or requests it. A value that can't be right is a
`DamagedManifestError`, never a default: nothing is written or removed because of it.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import lru_cache, wraps
from typing import Any, Final, ParamSpec, TypeVar

from mirror.core.url import local_paths
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.disk.errors import StorageError
from mirror.store.disk.objects import Digest, as_digest

_URL: Final = re.compile(
    r"(?:https?|ftps?|sftp)://[!$&'()*+,\-.0-9;=A-Z\[\]_a-z~:%]+(?:/[\x21-\x7e]*)|file:///[\x21-\x7e]*"
)
_SHOWN: Final = 80
_WAY_OUT: Final = "`verify --repair` restores the manifest of the last complete run"

Words = ParamSpec("Words")
Result = TypeVar("Result")
Member = TypeVar("Member", bound=Enum)


class DamagedManifestError(StorageError):
    """The manifest has something that this program never writes: `what`."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the manifest is damaged, or was made to do harm: {what}. {_WAY_OUT}; "
            "do not use an archive that you do not trust"
        )
        self.what = what


def checked(convert: Callable[Words, Result]) -> Callable[Words, Result]:
    """Decorate a function that converts a row: values that do not fit raise `DamagedManifestError`."""

    @wraps(convert)
    def conversion(*args: Words.args, **words: Words.kwargs) -> Result:
        try:
            return convert(*args, **words)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedManifestError(
                f"a row can't be read ({type(error).__name__}: {str(error)[:_SHOWN]})"
            ) from error

    return conversion


def _wrong(value: object, kind: str) -> DamagedManifestError:
    return DamagedManifestError(f"{str(value)[:_SHOWN]!r} is no {kind}")


def digest(value: object) -> Digest:
    """Check the digest of an object or a copy."""
    found = as_digest(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(value, "digest")
    return found


@lru_cache(maxsize=8192)  # many pages link to the same targets
def path(value: object) -> LocalPath:
    """Check a path in the tree: it never leads out of it, nor into `.mirror`."""
    found = local_paths.as_local_path(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(value, "path in the tree")
    return found


def url(value: object) -> CanonicalURL:
    """Check a URL. It has a scheme that Websucker requests and no character that could end a line of a request."""
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise _wrong(value, "URL")
    return CanonicalURL(value)


def number(value: object) -> int:
    """Check an integer that is not negative."""
    if type(value) is not int or value < 0:
        raise _wrong(value, "number here")
    return value


def status(value: object) -> int:
    """Check the status of an answer: three digits (RFC 9110, 15)."""
    found = number(value)
    if not 100 <= found <= 999:  # noqa: PLR2004
        raise _wrong(value, "status")
    return found


def time(value: object) -> str:
    """Check a time: ISO 8601 with a time zone."""
    if not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is None:
        raise _wrong(value, "time")
    return value


def text(value: object) -> str:
    """Check a text."""
    if not isinstance(value, str):
        raise _wrong(value, "text")
    return value


def headers(value: object) -> list[tuple[str, str]]:
    """Check the headers of an answer: a list of pairs of texts."""
    if not isinstance(value, list):
        raise _wrong(value, "list of headers")
    return [(text(name), text(content)) for name, content in value]


def urls(value: object) -> list[CanonicalURL]:
    """Check a list of URLs."""
    if not isinstance(value, list):
        raise _wrong(value, "list of URLs")
    return [url(one) for one in value]


def mapping(value: object) -> dict[str, Any]:
    """Check a JSON object."""
    if not isinstance(value, dict):
        raise _wrong(value, "JSON object")
    return value


def read_json(value: str | bytes) -> Any:
    """Parse a value that has to be JSON."""
    try:
        return json.loads(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise _wrong(value, "JSON") from error


def optional(check: Callable[[object], Result], value: object) -> Result | None:
    """Check a value that may be missing."""
    return None if value is None else check(value)
