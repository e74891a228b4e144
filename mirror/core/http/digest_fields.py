"""Digests that servers state of a payload: Repr-Digest, Content-Digest (RFC 9530), Digest (RFC 3230), Content-MD5 (RFC 1864).

Input: headers of an answer without content-codings. Output: a digest of the whole payload, in the form `sha256:HEX`.
"""

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Final

_ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
"""The name in a field -> the name in Python. The first that is stated counts."""
_OF_THE_WHOLE: Final = ("repr-digest", "digest")
_OF_THE_BODY: Final = ("content-digest", "content-md5")
_DIGEST: Final = re.compile("(sha256|sha512|md5):[0-9a-f]+")


def stated_digest(headers: Sequence[tuple[str, str]], *, is_part: bool) -> str | None:
    """Return the digest of the whole payload that an answer states; `None` if it states none that is valid.

    If the answer is a 206 (`is_part`), then Content-Digest and Content-MD5 are about the part only.

    >>> stated_digest([("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww==")], is_part=False)
    'md5:5eb63bbbe01eeed093cb22bb8f5acdc3'
    >>> stated_digest([("Content-MD5", "XrY7u+Ae7tCTyyK7j1rNww==")], is_part=True)
    """
    fields = _OF_THE_WHOLE if is_part else _OF_THE_WHOLE + _OF_THE_BODY
    stated = dict(pair for name, value in headers if name.lower() in fields for pair in _digests(name.lower(), value))
    return next((f"{name}:{stated[name]}" for name in _ALGORITHMS.values() if name in stated), None)


def is_digest(text: str) -> bool:
    """Return whether a text has the form of a stated digest.

    >>> is_digest("md5:5eb63bbbe01eeed093cb22bb8f5acdc3"), is_digest("md5:../x"), is_digest("crc32:00000000")
    (True, False, False)
    """
    return _DIGEST.fullmatch(text) is not None


def _digests(field: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield the algorithms and digests, in hexadecimal, of one field."""
    if field == "content-md5":
        value = f"md5={value}"
    for member in value.split(","):
        name, _, text = member.strip().partition("=")
        algorithm = _ALGORITHMS.get(name.lower())
        digest = _decoded(text.split(";")[0].strip().strip(":"))
        if algorithm and digest and len(digest) == hashlib.new(algorithm, usedforsecurity=False).digest_size:
            yield algorithm, digest.hex()


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
