"""Digests that servers state: which of them are about the whole payload."""

import hashlib
from base64 import b64encode
from typing import Final

import pytest

from mirror.core.http.digest_fields import stated_digest

PAYLOAD: Final = b"hello world"
SHA256, SHA512, MD5, SHA1 = (
    b64encode(hashlib.new(name, PAYLOAD).digest()).decode() for name in ("sha256", "sha512", "md5", "sha1")
)
IS_SHA256: Final = f"sha256:{hashlib.sha256(PAYLOAD).hexdigest()}"
IS_MD5: Final = f"md5:{hashlib.md5(PAYLOAD, usedforsecurity=False).hexdigest()}"


@pytest.mark.parametrize(
    ("field", "value", "whole", "part"),
    [
        ("Repr-Digest", f"sha-256=:{SHA256}:", IS_SHA256, IS_SHA256),
        ("repr-digest", f"sha-512=:{SHA512}:, sha-256=:{SHA256}:", IS_SHA256, IS_SHA256),
        ("Content-Digest", f"sha-256=:{SHA256}:", IS_SHA256, None),
        ("Digest", f"SHA-256={SHA256}", IS_SHA256, IS_SHA256),
        ("Digest", f"md5={MD5},SHA-256={SHA256}", IS_SHA256, IS_SHA256),
        ("Digest", f"SHA={SHA1},MD5={MD5}", IS_MD5, IS_MD5),
        ("Content-MD5", MD5, IS_MD5, None),
        ("Content-MD5", hashlib.md5(PAYLOAD, usedforsecurity=False).hexdigest(), None, None),
        ("Repr-Digest", f"sha-256=:{MD5}:", None, None),
        ("Repr-Digest", "sha-256=:%%%:", None, None),
        ("Repr-Digest", "sha-256", None, None),
        ("Digest", "", None, None),
        ("ETag", f"sha-256=:{SHA256}:", None, None),
    ],
)
def test_a_digest_is_of_the_whole_or_of_the_body(field: str, value: str, whole: str | None, part: str | None) -> None:
    assert stated_digest([(field, value)], is_part=False) == whole
    assert stated_digest([(field, value)], is_part=True) == part


def test_a_digest_may_be_stated_by_several_fields() -> None:
    fields = [("Content-MD5", MD5), ("Digest", f"SHA-256={SHA256}")]
    assert stated_digest(fields, is_part=False) == IS_SHA256
    assert stated_digest(fields[:1], is_part=False) == IS_MD5
