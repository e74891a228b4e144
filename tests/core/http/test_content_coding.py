"""Content codings: the whole payload, or an error that says why not."""

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import pairwise

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.http.content_coding import (
    ACCEPTED,
    FREE_EXPANSION,
    MAX_CODINGS,
    CodingError,
    Decoder,
    codings,
    decoded,
)

gzipped = partial(gzip.compress, mtime=0)  # the same bytes every time: the workers of pytest compare what they collect

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LAW = settings(max_examples=200)

TEXT = b"So long, and thanks for all the fish. " * 9
MOST = 1 << 20


def raw(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(payload) + compressor.flush()


def small_window(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=9)
    return compressor.compress(payload) + compressor.flush()


def checked(payload: bytes) -> bytes:
    return zstd.compress(payload, options={zstd.CompressionParameter.checksum_flag: 1})


def frame(window_log: int, content: bytes, *, with_size: bool = True) -> bytes:
    """Return a zstd frame of one raw block, with a window of any size (RFC 8878 3.1.1)."""
    size = (len(content) - 256).to_bytes(2, "little") if with_size else b""
    head = b"\x28\xb5\x2f\xfd" + bytes([0x40 if with_size else 0, window_log - 10 << 3]) + size
    return head + (len(content) << 3 | 1).to_bytes(3, "little") + content


def skippable(content: bytes) -> bytes:
    return b"\x5f\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


def refused(reason: str) -> AbstractContextManager[object]:
    return pytest.raises(CodingError, match=f"^{reason}$")


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
GZIP, ZLIB, RAW = gzipped(TEXT), zlib.compress(TEXT), raw(TEXT)
BR, ZSTD, CHECKED = brotli.compress(TEXT), zstd.compress(TEXT), checked(TEXT)
SINGLE = [(GZIP, "gzip"), (ZLIB, "deflate"), (RAW, "deflate"), (BR, "br"), (ZSTD, "zstd"), (CHECKED, "zstd")]

NOISE = bytes(index * index * 7919 >> 3 & 0xFF for index in range(30_000))
LONG = [
    (gzipped(NOISE) + bytes(9) + gzipped(TEXT * 999) + b"garbage", "gzip"),
    (zlib.compress(NOISE + TEXT * 999) + b"garbage", "deflate"),
    (raw(TEXT * 999 + NOISE), "deflate"),
    (brotli.compress(NOISE + TEXT * 999) + b"garbage", "br"),
    (zstd.compress(NOISE) + skippable(b"seen by none") + checked(TEXT * 999) + b"garbage", "zstd"),
    (gzipped(brotli.compress(zstd.compress(NOISE + TEXT * 999))), "zstd, br, gzip"),
]


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
        (gzipped(ZLIB), "deflate, gzip", TEXT),
        (zlib.compress(GZIP), "gzip, deflate", TEXT),
        (gzipped(GZIP), "gzip,identity,gzip", TEXT),
        (b"", "gzip", b""),
        (b"", "deflate", b""),
        (gzipped(b""), "gzip", b""),
        (GZIP + gzipped(b"b"), "gzip", TEXT + b"b"),
        (GZIP + bytes(512), "gzip", TEXT),
        (GZIP + bytes(5000) + gzipped(b"b"), "gzip", TEXT + b"b"),
        (GZIP + b"garbage", "gzip", TEXT),
        (GZIP + b"\x1f", "gzip", TEXT),
        (ZLIB + b"garbage", "deflate", TEXT),
        (RAW + ZLIB, "deflate", TEXT),
        (BR, "br", TEXT),
        (BR, "BR", TEXT),
        (brotli.compress(b""), "br", b""),
        (brotli.compress(TEXT, lgwin=24), "br", TEXT),
        (brotli.compress(NOISE), "br", NOISE),
        (BR + b"garbage", "br", TEXT),
        (BR + bytes(5000), "br", TEXT),
        (BR + BR, "br", TEXT),
        (brotli.compress(NOISE * 9) + b"g", "br", NOISE * 9),
        (b"", "br", b""),
        (ZSTD, "zstd", TEXT),
        (CHECKED, "zstd", TEXT),
        (zstd.compress(b""), "zstd", b""),
        (zstd.compress(NOISE), "zstd", NOISE),
        (ZSTD + zstd.compress(b"b"), "zstd", TEXT + b"b"),
        (ZSTD + skippable(b"x" * 9000) + CHECKED, "zstd", TEXT + TEXT),
        (skippable(b"") + ZSTD + skippable(b"x"), "zstd", TEXT),
        (skippable(b"x"), "zstd", b""),
        (frame(23, TEXT), "zstd", TEXT),
        (ZSTD + b"garbage", "zstd", TEXT),
        (ZSTD + b"\x28\xb5\x2f", "zstd", TEXT),
        (ZSTD + bytes(9) + ZSTD, "zstd", TEXT),
        (b"", "zstd", b""),
        (zstd.compress(brotli.compress(GZIP)), "gzip, br, zstd", TEXT),
    ],
)
def test_decoded(payload: bytes, coding: str, content: bytes) -> None:
    assert decoded(payload, coding, MOST) == content


@pytest.mark.parametrize(
    ("payload", "coding", "reason"),
    [
        (TEXT, "gzip", "broken gzip"),  # declared, but not gzip
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
        (TEXT, "br", "broken br"),
        (ZSTD, "br", "broken br"),
        (BR[:-1], "br", "broken br"),
        (b"\x11\x1e" + bytes(30), "br", "broken br"),  # a large window, which RFC 7932 doesn't allow
        (brotli.compress(NOISE)[:-9], "br", "broken br"),
        (TEXT, "zstd", "broken zstd"),
        (BR, "zstd", "broken zstd"),
        (b"\x27\xb5\x2f\xfd" + ZSTD[4:], "zstd", "broken zstd"),  # a format older than the standard
        (ZSTD[:1], "zstd", "broken zstd"),
        (ZSTD[:4], "zstd", "broken zstd"),
        (ZSTD[:-1], "zstd", "broken zstd"),
        (CHECKED[:-4], "zstd", "broken zstd"),
        (CHECKED[:-4] + bytes(4), "zstd", "broken zstd"),
        (ZSTD + ZSTD[:-1], "zstd", "broken zstd"),
        (ZSTD + ZSTD[:4], "zstd", "broken zstd"),
        (ZSTD + skippable(b"x" * 99)[:-1], "zstd", "broken zstd"),
        (frame(24, TEXT), "zstd", "broken zstd"),  # a window of 16 MiB
        (frame(27, TEXT, with_size=False), "zstd", "broken zstd"),
        (gzipped(BR[:-1]), "br, gzip", "broken br"),
        (gzipped(BR)[:-1], "br, gzip", "broken gzip"),
        (TEXT, "compress", "unknown content coding 'compress'"),
        (TEXT, "dcb, identity", "unknown content coding 'dcb'"),
        (TEXT, "identity," * (MAX_CODINGS + 1), "more than 5 content codings"),
    ],
)
def test_no_part_passes_for_the_whole(payload: bytes, coding: str, reason: str) -> None:
    with refused(f"{reason}"):
        decoded(payload, coding, MOST)


@pytest.mark.parametrize(
    "words",
    [
        "none",
        "None",
        "UTF-8",
        "utf8",
        "binary",
        "",
        " ",
        ",",
        "8bit",
        "text/html",
        "rot13",
        "a\nb",
        "a" * 99,
        "none, gzip",
    ],
)
def test_a_word_that_is_no_coding_means_that_there_is_none(words: str) -> None:
    """As in Chromium (FilterSourceStream)."""
    assert decoded(TEXT, words, MOST) == TEXT
    assert codings(words) == []


@pytest.mark.parametrize(
    ("payload", "words", "expected"),
    [
        (gzipped(TEXT), "gzip", gzipped(TEXT)),
        (gzipped(TEXT), "x-gzip, identity", gzipped(TEXT)),
        (gzipped(b""), "gzip", gzipped(b"")),
        (gzipped(b"a"), "gzip", gzipped(b"a")),
        (gzipped(b"\x1f"), "gzip", gzipped(b"\x1f")),
        (gzipped(gzipped(TEXT)), "gzip", gzipped(TEXT)),
        (gzipped(gzipped(TEXT)), "gzip, gzip", TEXT),
        (gzipped(zlib.compress(TEXT)), "deflate, gzip", TEXT),
        (gzipped(TEXT)[:-9], "gzip", gzipped(TEXT)[:-9]),
        (b"", "gzip", b""),
    ],
)
def test_a_coding_that_is_the_format_of_the_file_is_not_undone(payload: bytes, words: str, expected: bytes) -> None:
    """However its bytes come."""
    for size in (1, 7, len(payload) + 1):
        decoder = Decoder(words, MOST, is_gzip_file=True)
        blocks = [payload[start : start + size] for start in range(0, len(payload), size)]
        found = b"".join(piece for block in blocks for piece in decoder.feed(block))
        assert found + decoder.end() == expected


def test_a_gzip_file_in_a_broken_coding_is_an_error() -> None:
    with refused("broken gzip"):
        decoder = Decoder("gzip", MOST, is_gzip_file=True)
        list(decoder.feed(TEXT))
        decoder.end()
    with refused("broken gzip"):
        decoder = Decoder("gzip", MOST, is_gzip_file=True)
        list(decoder.feed(gzipped(gzipped(TEXT))[:-5]))
        decoder.end()


@pytest.mark.parametrize("name", ACCEPTED.split(", "))
def test_what_is_asked_for_is_undone(name: str) -> None:
    assert decoded(ENCODERS[name](TEXT), name, MOST) == TEXT


# Blocks


def streamed(payload: bytes, coding: str, cuts: Iterable[int], most: int = MOST) -> bytes:
    decoder = Decoder(coding, most)
    content = bytearray()
    for start, end in pairwise([0, *sorted(cuts), len(payload)]):
        for piece in decoder.feed(payload[start:end]):
            assert 0 < len(piece) <= 1 << 16
            content += piece
    decoder.end()
    return bytes(content)


def test_blocks_are_given_as_they_come() -> None:
    payload = gzipped(NOISE)
    decoder = Decoder("gzip", MOST)
    content = b"".join(decoder.feed(payload[:-1]))
    assert content == NOISE
    with refused("broken gzip"):
        decoder.end()
    assert list(decoder.feed(payload[-1:])) == []
    decoder.end()


@pytest.mark.parametrize(("payload", "coding"), [*LONG, (NOISE, "identity"), (NOISE, "")])
def test_bytes_one_by_one(payload: bytes, coding: str) -> None:
    assert streamed(payload, coding, range(1, len(payload))) == decoded(payload, coding, MOST)


@LAW
@given(st.sampled_from(LONG), st.data())
def test_any_blocks_give_the_same(coded: tuple[bytes, str], data: st.DataObject) -> None:
    payload, name = coded
    cuts = data.draw(st.lists(st.integers(0, len(payload)), max_size=9))
    assert streamed(payload, name, cuts) == decoded(payload, name, MOST)


@LAW
@given(st.sampled_from([*SINGLE, *LONG]), st.data())
def test_any_blocks_of_what_is_broken_give_the_same(coded: tuple[bytes, str], data: st.DataObject) -> None:
    payload, name = coded
    broken = bytearray(payload)
    for place in data.draw(st.lists(st.integers(0, len(payload) - 1), min_size=1, max_size=4)):
        broken[place] ^= data.draw(st.integers(1, 255))
    cuts = data.draw(st.lists(st.integers(0, len(payload)), max_size=9))
    assert outcome(lambda: streamed(bytes(broken), name, cuts)) == outcome(lambda: decoded(bytes(broken), name, MOST))


def outcome(decode: Callable[[], bytes]) -> bytes | None:
    try:
        return decode()
    except CodingError:
        return None


@pytest.mark.parametrize("window_log", [24, 27])
@pytest.mark.parametrize("cut", range(12))
def test_a_large_window_is_refused_in_any_blocks(window_log: int, cut: int) -> None:
    with refused("broken zstd"):
        streamed(ZSTD + frame(window_log, TEXT), "zstd", [len(ZSTD) + cut])


def test_what_was_not_read_is_no_whole() -> None:
    decoder = Decoder("gzip", MOST)
    pieces = decoder.feed(GZIP)
    with refused("not read to its end"):
        decoder.end()
    assert next(pieces) == TEXT
    assert list(decoder.feed(b"")) == []
    with refused("not read to its end"):
        decoder.end()
    assert list(pieces) == []
    decoder.end()


def test_after_an_error_there_is_no_whole() -> None:
    decoder = Decoder("gzip", MOST)
    with refused("broken gzip"):
        list(decoder.feed(TEXT))
    assert list(decoder.feed(b"")) == []
    with pytest.raises(CodingError):
        decoder.end()


def test_what_follows_brotli_is_found_within_a_megabyte() -> None:
    stored = brotli.compress(NOISE * 40, quality=0, lgwin=10)
    assert len(stored) > 1 << 20
    assert decoded(stored, "br", 0) == NOISE * 40
    with refused("broken br"):
        decoded(stored + b"garbage", "br", 0)


# Bounds


@pytest.mark.parametrize(
    ("payload", "coding"),
    [*SINGLE, (gzipped(TEXT[:9]) + gzipped(TEXT[9:]), "gzip"), (ZSTD, "identity,zstd")],
)
def test_bound(payload: bytes, coding: str) -> None:
    assert decoded(payload, coding, 0) == decoded(payload, coding, len(TEXT)) == TEXT
    for most in (1, len(TEXT) - 1):
        with refused(f"expands to more than {most} bytes"):
            decoded(payload, coding, most)


def test_the_bound_is_for_each_step() -> None:
    payload = brotli.compress(gzipped(b"")) + b"garbage"
    with refused("expands to more than 9 bytes"):
        decoded(payload, "gzip, br", 9)


ZEROS = bytes(1 << 26)
BOMBS = {
    "gzip": gzipped(ZEROS),
    "deflate": zlib.compress(ZEROS),
    "br": brotli.compress(ZEROS, quality=5),
    "zstd": zstd.compress(ZEROS),
    "gzip, gzip": gzipped(gzipped(ZEROS)),
    "zstd, br": brotli.compress(zstd.compress(ZEROS)),
    "identity, gzip, br": brotli.compress(gzipped(ZEROS)),
}


@contextmanager
def memory_bounded(most: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", BOMBS)
def test_the_bound_is_held_while_decoding(coding: str) -> None:
    with memory_bounded(8 * MOST), refused("expands to more than 1048576 bytes"):
        decoded(BOMBS[coding], coding, MOST)


@pytest.mark.parametrize("coding", [coding for coding in BOMBS if coding not in {"gzip", "deflate"}])
def test_what_no_deflate_could_expand_is_a_bomb(coding: str) -> None:
    pieces = Decoder(coding, 0).feed(BOMBS[coding])
    sizes: list[int] = []
    with memory_bounded(MOST), refused("expands more than 1032 times"):
        sizes.extend(map(len, pieces))
    assert FREE_EXPANSION // 2 < sum(sizes) <= FREE_EXPANSION + 1032 * len(BOMBS[coding])


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_the_best_that_deflate_can_do_is_none(coding: str) -> None:
    decoder = Decoder(coding, 0)
    with memory_bounded(MOST):
        assert sum(len(piece) for piece in decoder.feed(BOMBS[coding])) == len(ZEROS)
    decoder.end()


def test_small_things_may_expand_as_they_like() -> None:
    zeros = ZEROS[:FREE_EXPANSION]
    for coding, encode in ENCODERS.items():
        if coding != "br":  # which is slow
            assert decoded(encode(zeros), coding, 0) == zeros
    assert decoded(brotli.compress(zeros, quality=5), "br", 0) == zeros


def test_a_late_block_allows_no_early_expansion() -> None:
    payload = BOMBS["zstd"] + skippable(bytes(1 << 17))
    with refused("expands more than 1032 times"):
        decoded(payload, "zstd", 0)


def test_many_members_are_read() -> None:
    assert decoded(gzipped(b"a") * 50_000, "gzip", MOST) == b"a" * 50_000
    assert decoded(gzipped(b"") * 50_000, "gzip", 1) == b""
    assert decoded(zstd.compress(b"a") * 50_000, "zstd", MOST) == b"a" * 50_000
    assert decoded(skippable(b"") * 50_000, "zstd", 1) == b""


# Laws


@LAW
@given(st.binary(), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=MAX_CODINGS), st.data())
def test_decoding_undoes_coding(content: bytes, codings: list[str], data: st.DataObject) -> None:
    payload = content
    for name in codings:
        payload = ENCODERS[name](payload)
    assert decoded(payload, ", ".join(codings), MOST) == content
    cuts = data.draw(st.lists(st.integers(0, len(payload)), max_size=9))
    assert streamed(payload, ", ".join(codings), cuts) == content


@pytest.mark.parametrize(("payload", "name"), SINGLE)
def test_a_prefix_is_never_enough(payload: bytes, name: str) -> None:
    for length in range(1, len(payload)):
        with refused(f"broken {name}"):
            decoded(payload[:length], name, MOST)


@LAW
@given(st.sampled_from([name for name in ENCODERS if name != "identity"]), st.binary(), st.data())
def test_a_prefix_of_anything_is_never_enough(name: str, content: bytes, data: st.DataObject) -> None:
    payload = ENCODERS[name](content)
    length = data.draw(st.integers(1, len(payload)))
    if length < len(payload):
        with refused(f"broken {name.removeprefix('x-')}"):
            decoded(payload[:length], name, MOST)


@LAW
@given(
    st.binary() | st.tuples(st.sampled_from([payload for payload, _ in SINGLE]), st.binary()).map(b"".join),
    st.text() | st.sampled_from(sorted(ENCODERS)) | st.lists(st.sampled_from(sorted(ENCODERS))).map(",".join),
    st.integers(1, 999),
)
def test_bytes_or_a_reason(payload: bytes, content_encoding: str, most: int) -> None:
    with suppress(CodingError):
        assert len(decoded(payload, content_encoding, most)) <= max(most, len(payload))
