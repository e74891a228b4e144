"""Content codings: whole, or an error that says why."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.coding import ACCEPTED, MOST_CODINGS, CodingError, decoded

LAW = settings(max_examples=200, deadline=None)

TEXT = b"So long, and thanks for all the fish. " * 9
MOST = 1 << 20


def raw(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(payload) + compressor.flush()


def small_window(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=9)
    return compressor.compress(payload) + compressor.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}
GZIP, ZLIB, RAW = gzip.compress(TEXT), zlib.compress(TEXT), raw(TEXT)


@pytest.mark.parametrize(
    ("payload", "coding", "content"),
    [
        (TEXT, "", TEXT),
        (TEXT, " , ", TEXT),
        (TEXT, "identity", TEXT),
        (GZIP, "gzip", TEXT),
        (GZIP, "X-GZip", TEXT),
        (GZIP, " gzip ,", TEXT),
        (ZLIB, "deflate", TEXT),
        (RAW, "deflate", TEXT),
        (small_window(TEXT), "deflate", TEXT),
        (raw(b""), "deflate", b""),
        (gzip.compress(ZLIB), "deflate, gzip", TEXT),
        (zlib.compress(GZIP), "gzip, deflate", TEXT),
        (gzip.compress(GZIP), "gzip,identity,gzip", TEXT),
        (b"", "gzip", b""),
        (b"", "deflate", b""),
        (gzip.compress(b""), "gzip", b""),
        (GZIP + gzip.compress(b"b"), "gzip", TEXT + b"b"),
        (GZIP + bytes(512), "gzip", TEXT),
        (GZIP + bytes(5000) + gzip.compress(b"b"), "gzip", TEXT + b"b"),
        (GZIP + b"garbage", "gzip", TEXT),
        (GZIP + b"\x1f", "gzip", TEXT),
        (ZLIB + b"garbage", "deflate", TEXT),
        (RAW + ZLIB, "deflate", TEXT),
    ],
)
def test_decoded(payload: bytes, coding: str, content: bytes) -> None:
    assert decoded(payload, coding, MOST) == content


@pytest.mark.parametrize(
    ("payload", "coding", "reason"),
    [
        (TEXT, "gzip", "broken gzip"),  # declared, and is none
        (bytes(9) + GZIP, "gzip", "broken gzip"),
        (ZLIB, "gzip", "broken gzip"),
        (GZIP, "deflate", "broken deflate"),
        (TEXT, "deflate", "broken deflate"),
        (b"x", "deflate", "broken deflate"),
        (GZIP[:1], "gzip", "broken gzip"),
        (GZIP[:-1], "x-gzip", "broken gzip"),
        (GZIP[:-8] + bytes(8), "gzip", "broken gzip"),
        (GZIP[:-4] + bytes(4), "gzip", "broken gzip"),
        (GZIP + GZIP[:-1], "gzip", "broken gzip"),
        (GZIP + b"\x1f\x8b", "gzip", "broken gzip"),
        (ZLIB[:-1], "deflate", "broken deflate"),
        (ZLIB[:-4] + bytes(4), "deflate", "broken deflate"),
        (RAW[:-1], "deflate", "broken deflate"),
        (TEXT, "br", "unknown content coding 'br'"),
        (b"", "zstd", "unknown content coding 'zstd'"),
        (TEXT, "br, identity", "unknown content coding 'br'"),
        (TEXT, "a\nb", r"unknown content coding 'a\\nb'"),
        (TEXT, "a" * 99, f"unknown content coding '{'a' * 40}'"),
        (TEXT, "identity," * (MOST_CODINGS + 1), "more than 5 content codings"),
    ],
)
def test_no_part_passes_for_the_whole(payload: bytes, coding: str, reason: str) -> None:
    with pytest.raises(CodingError, match=f"^{reason}$"):
        decoded(payload, coding, MOST)


@pytest.mark.parametrize("name", ACCEPTED.split(", "))
def test_what_is_asked_for_is_undone(name: str) -> None:
    assert decoded(ENCODERS[name](TEXT), name, MOST) == TEXT


@pytest.mark.parametrize(
    ("payload", "coding"),
    [(GZIP, "gzip"), (ZLIB, "deflate"), (RAW, "deflate"), (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), "gzip")],
)
def test_bound(payload: bytes, coding: str) -> None:
    assert decoded(payload, coding, len(TEXT)) == TEXT
    for most in (0, 1, len(TEXT) - 1):
        with pytest.raises(CodingError, match=f"^expands to more than {most} bytes$"):
            decoded(payload, coding, most)


def test_the_bound_is_held_while_decoding() -> None:
    bomb = gzip.compress(gzip.compress(bytes(1 << 27)))
    tracemalloc.start()
    try:
        with pytest.raises(CodingError, match="expands to more than 1048576 bytes"):
            decoded(bomb, "gzip, gzip", MOST)
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST
    finally:
        tracemalloc.stop()


def test_many_members_are_read() -> None:
    assert decoded(gzip.compress(b"a") * 50_000, "gzip", MOST) == b"a" * 50_000
    assert decoded(gzip.compress(b"") * 50_000, "gzip", 0) == b""


@LAW
@given(st.binary(), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=MOST_CODINGS))
def test_decoding_undoes_coding(content: bytes, codings: list[str]) -> None:
    payload = content
    for name in codings:
        payload = ENCODERS[name](payload)
    assert decoded(payload, ", ".join(codings), MOST) == content


@LAW
@given(st.sampled_from([(GZIP, "gzip"), (ZLIB, "deflate"), (RAW, "deflate")]), st.data())
def test_a_prefix_is_never_enough(coded: tuple[bytes, str], data: st.DataObject) -> None:
    payload, name = coded
    length = data.draw(st.integers(1, len(payload) - 1))
    with pytest.raises(CodingError, match=f"^broken {name}$"):
        decoded(payload[:length], name, MOST)


@LAW
@given(
    st.binary() | st.binary().map(lambda tail: GZIP + tail),
    st.text() | st.sampled_from(("gzip", "deflate")),
    st.integers(0, 999),
)
def test_bytes_or_a_reason(payload: bytes, content_encoding: str, most: int) -> None:
    with suppress(CodingError):
        assert len(decoded(payload, content_encoding, most)) <= max(most, len(payload))
