"""Decoding and encoding: the encoding is the one that a browser chooses, and no byte is lost."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirror.core.syntax import character_encoding
from mirror.core.syntax.character_encoding import decode

LAW = settings(max_examples=150)

# fmt: off
LABELS = (
    "utf-8", "windows-1252", "iso-8859-1", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "gb2312", "GB18030", "Big5", "EUC-KR",
    "koi8-r", "windows-1251", "iso-8859-8", "macintosh", "utf-16", "utf-16le", "utf-16be", "utf-7", "utf-32", "hex", "punycode",
    "unicode_escape", "idna", "rot13", "hz", "made-up", "",
)
# fmt: on
JAPANESE, CHINESE, RUSSIAN = "日本語ソ表 <a href='/ソ'>", "中文測試 <a href='/中'>", "Привет <a href='/я'>"


@pytest.mark.parametrize(
    ("payload", "content_type", "codec"),
    [
        # the order: byte order mark, header, declaration, what it looks like
        (b"\xef\xbb\xbf<meta charset=big5>", "text/html; charset=koi8-r", "utf-8"),
        (b"\xff\xfea\0", "text/html; charset=utf-8", "utf-16-le"),
        (b"\xfe\xff\0a", None, "utf-16-be"),
        (b"<meta charset=big5>", "text/html; charset=koi8-r", "koi8-r"),
        (b"<meta charset=big5>", "text/html; charset=made-up", "big5hkscs"),
        (b"<meta charset=big5>", "text/html", "big5hkscs"),
        (b"<meta http-equiv=Content-Type content='text/html; charset=gb2312'>", None, "gb18030"),
        (b"<?xml version='1.0' encoding='iso-8859-2'?>", None, "iso8859-2"),
        (b'@charset "windows-1251";', "text/css", "cp1251"),
        (b"<!-- <meta charset=big5> -->", None, "utf-8"),
        ("é".encode(), None, "utf-8"),
        ("é".encode("cp1252"), None, "cp1252"),
        (b"", None, "utf-8"),
        # labels that mean another encoding than they name
        (b"a", "text/html; charset=iso-8859-1", "cp1252"),
        (b"a", "text/html; charset=us-ascii", "cp1252"),
        (b"a", "text/html; charset=gbk", "gb18030"),
        (b"a", "text/html; charset=shift_jis", "cp932"),
        (b"a\0", "text/html; charset=utf-16", "utf-16-le"),
        (b"<meta charset=utf-16>", None, "utf-8"),
        (b'@charset "utf-16le";', None, "utf-8"),
        # codecs of Python that aren't encodings of the web
        (b"+ADw-a+AD4-", "text/html; charset=utf-7", "utf-8"),
        (b"abc", "text/html; charset=punycode", "utf-8"),
        (b"6162", "text/html; charset=hex", "utf-8"),
        (b"\\u0041", "text/html; charset=unicode_escape", "utf-8"),
    ],
)
def test_encoding(payload: bytes, content_type: str | None, codec: str) -> None:
    assert decode(payload, content_type).encoding == codec


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Grüße €", "windows-1252"),
        ("Zażółć", "iso-8859-2"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "windows-1251"),
        (JAPANESE, "Shift_JIS"),
        (JAPANESE, "EUC-JP"),
        (JAPANESE, "ISO-2022-JP"),
        (CHINESE, "GB18030"),
        (CHINESE, "Big5"),
        ("한국어", "EUC-KR"),
        (JAPANESE + CHINESE + RUSSIAN + "😀", "utf-16le"),
        (JAPANESE + CHINESE + RUSSIAN + "😀", "utf-8"),
    ],
)
def test_a_declared_encoding_is_read_and_written(text: str, label: str) -> None:
    payload = text.encode("cp932" if label == "Shift_JIS" else label)
    read = decode(payload, f"text/html; charset={label}")
    assert read.text == text
    assert read.encode(text) == payload


def test_a_byte_order_mark_stays() -> None:
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        payload = mark + "aé".encode(codec)
        read = decode(payload)
        assert read.text == "\ufeffaé"
        assert read.encode(read.text.replace("a", "b")) == mark + "bé".encode(codec)


@pytest.mark.parametrize(
    ("payload", "label", "text"),
    [
        (b"a\xaab", "windows-1253", "a\udcaab"),
        (b"<\xe9>", "utf-8", "<\udce9>"),
        (b"\x93\xfa\x81<a>", "shift_jis", "日\udc81<a>"),
        (b"\x87\x90\x93\xfa", "shift_jis", "\udc87\udc90日"),  # NEC's code of a character that has a second code
        (
            b"\x93\xfa" * 2047 + b"a\x93\xfa\x87\x90\x93\xfa",
            "shift_jis",
            "日" * 2047 + "a日\udc87\udc90日",
        ),  # across the end of a block
        (b"\x87\x90" + b"\x93\xfa" * 5000, "shift_jis", "\udc87\udc90" + "日" * 5000),
        (b"\xfa\x5b\x83\x5c", "shift_jis", "\udcfa\udc5bソ"),  # the same, with a second byte that is ASCII
        (b"\xff\xfe\0\xd8a\0", "utf-8", "\ufeff\ud800a"),
        (b"\x1b$BF|\x1b(B<a>", "iso-2022-jp", "日<a>"),
        (b'\x1b$B$"\x1b(J<a>', "iso-2022-jp", "".join(chr(0xDC00 + byte) for byte in b'\x1b$B$"\x1b(J') + "<a>"),
    ],
)
def test_what_an_encoding_lacks_stands_as_bytes(payload: bytes, label: str, text: str) -> None:
    read = decode(payload, f"text/html; charset={label}")
    assert read.text == text
    assert read.encode(text) == payload


def test_half_a_character_at_the_end_takes_nothing_with_it() -> None:
    payload = b"\xff\xfe<\0a\0>"
    read = decode(payload)
    assert (read.encoding, read.text) == ("utf-16-le", "\ufeff<a")
    assert read.encode(read.text) == payload


def test_a_last_resort_keeps_markup_and_bytes() -> None:
    payload = b"\x1b$B<a href=x>"  # not a character of the set that it switches to
    read = decode(payload, "text/html; charset=iso-2022-jp")
    assert read.encode(read.text) == payload


@pytest.mark.parametrize(
    ("label", "encoded"),
    [("windows-1252", b"a&#26085;\xe9\x81"), ("koi8-r", b"a&#26085;&#233;\x81"), ("utf-8", "a日é".encode() + b"\x81")],
)
def test_a_character_that_an_encoding_lacks_becomes_a_reference(label: str, encoded: bytes) -> None:
    assert decode(b"", f"text/html; charset={label}").encode("a日é\udc81") == encoded


@LAW
@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-16"))
    | st.text().map(lambda text: text.encode("gb18030", "replace")),
    st.sampled_from(LABELS),
)
def test_no_byte_is_lost(payload: bytes, label: str) -> None:
    for content_type in (f"text/html; charset={label}", None):
        declared = payload if content_type else b"<meta charset=" + label.encode() + b">" + payload
        read = decode(declared, content_type)
        assert read.encode(read.text) == declared


@LAW
@given(
    st.lists(
        st.sampled_from(
            (
                b"\x81",
                b"\x87\x90",
                b"\x93\xfa",
                b"\xed\x40",
                b"\x1b$B",
                b"\x1b(B",
                b"F|",
                b"<a>",
                b"\xa1\xc3",
                b"\x80",
                b"\xff",
            )
        )
    )
)
def test_no_byte_of_a_wide_encoding_is_lost(pieces: list[bytes]) -> None:
    payload = b"".join(pieces)
    for label in ("shift_jis", "euc-jp", "iso-2022-jp", "gb18030", "big5", "euc-kr"):
        read = decode(payload, f"text/html; charset={label}")
        assert read.encode(read.text) == payload
        assert (
            read.encode(read.text + "<a href='x'>") == payload + read.encode("<a href='x'>") or label == "iso-2022-jp"
        )


@LAW
@given(st.text(alphabet=st.characters(codec="cp1252", exclude_characters="\ufeff")))
def test_a_text_in_any_encoding_is_the_same(text: str) -> None:
    for codec in ("cp1252", "utf-8", "utf-16-le"):
        assert decode(text.encode(codec), f"text/html; charset={codec}").text == text or text.encode(codec)[:2] in {
            b"\xff\xfe",
            b"\xfe\xff",
        }


@pytest.mark.parametrize(
    "piece", [b"\x1b$B", b"\x87\x90", b"\x81", b"\xed\x40", b"+", b"a", b"<meta ", b"<!--", b"<?xml "]
)
@pytest.mark.parametrize("label", ["shift_jis", "iso-2022-jp", "big5", "gb18030", "punycode", "utf-7"])
def test_no_payload_takes_more_than_linear_work(piece: bytes, label: str) -> None:
    """The input is so long that quadratic work would not finish."""
    payload = piece * (40_000 // len(piece))
    assert character_encoding.decode(payload, f"text/html; charset={label}").encode(
        character_encoding.decode(payload).text
    )
