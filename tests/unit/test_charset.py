"""The text of a mail is read whatever its charset is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.mail.charset import codec_of, decode_markup, decode_octets
from canary.mail.parse import parse

UNCHECKED = ("unicode_escape", "raw_unicode_escape", "idna", "punycode", "rot13", "base64", "zlib", "undefined", "mbcs")


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("iso-8859-1", "cp1252", "20 € “für Sie”"),
        ("Latin1", "cp1252", "Œuvre"),
        ("iso-8859-9", "cp1254", "İstanbul €"),
        ("iso-8859-11", "cp874", "สวัสดี…"),
        ("gb2312", "gb18030", "朱镕基㐀"),
        ("GB_2312-80", "gb18030", "朱镕基"),
        ("x-gbk", "gbk", "朱镕基"),
        ("cp936", "gbk", "朱镕基"),
        ("shift_jis", "cp932", "①髙橋㈱"),
        ("x-sjis", "cp932", "①髙橋"),
        ("MS_Kanji", "cp932", "㈱"),
        ("windows-31j", "cp932", "㈱"),
        ("iso-2022-jp", "iso2022_jp_ext", "ﾊﾝｶｸ 漢字"),
        ("x-euc-jp", "euc_jp", "漢字"),
        ("euc-kr", "cp949", "똠방각하"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("ms949", "cp949", "똠방"),
        ("iso-2022-kr", "iso2022_kr", "안녕"),
        ("big5", "big5hkscs", "啲嘢"),
        ("hz-gb-2312", "hz", "你好"),
        ("iso-8859-8-i", "iso8859-8", "שלום"),
        ("windows-874", "cp874", "สวัสดี"),
        ("tis-620", "cp874", "สวัสดี"),
        ("x-mac-roman", "mac-roman", "Grüße"),
        ("x-mac-ce", "mac-latin2", "Žluťoučký"),
        ("cp-850", "cp850", "Größe"),
        ("IBM437", "cp437", "Größe"),
        ("windows1251", "cp1251", "Привет"),
        ("win-1251", "cp1251", "Привет"),
        ("koi8r", "koi8-r", "Привет"),
        ("x-mac-cyrillic", "mac-cyrillic", "Привет"),
        ("unicode-1-1-utf-8", "utf-8", "Grüße 你"),
        ("utf8mb4", "utf-8", "😀"),
        ("utf-7", "utf-7", "Grüße"),
        ("unicode-1-1-utf-7", "utf-7", "Grüße"),
        ('"utf-8"', "utf-8", "é"),
        ("utf-8*de", "utf-8", "é"),
    ],
)
def test_a_label_stands_for_all_that_mail_programs_mean_by_it(label: str, codec: str, text: str) -> None:
    assert decode_octets(text.encode(codec), label) == text


@pytest.mark.parametrize("label", ["", "us-ascii", "unknown-8bit", "x-unknown", "8bit", "nonsense", "x-user-defined"])
def test_octets_of_no_declared_charset_are_utf_8_or_else_windows_1252(label: str) -> None:
    assert decode_octets("Grüße €".encode(), label) == "Grüße €"
    assert decode_octets("Grüße €".encode("cp1252"), label) == "Grüße €"


@pytest.mark.parametrize("label", ["utf-8", "gb2312", "shift_jis", "euc-kr", "iso-2022-jp"])
def test_a_bad_octet_costs_a_letter_and_not_the_text(label: str) -> None:
    found = decode_octets(b"Price \xff of " + "漢字".encode(codec_of(label)) + b" today", label)
    assert "漢字" in found
    assert found.startswith("Price ")


@pytest.mark.parametrize("label", UNCHECKED)
def test_a_codec_that_is_no_charset_is_never_used(label: str) -> None:
    assert codec_of(label) == ""
    assert decode_octets(b"a\\u0041\xe9", label) == "a\\u0041é"


def test_a_byte_order_mark_goes_before_what_is_declared() -> None:
    assert decode_octets(b"\xff\xfe" + "grün".encode("utf-16-le"), "iso-8859-1") == "grün"
    assert decode_octets(b"\xef\xbb\xbf" + "grün".encode(), "iso-8859-1") == "grün"


def test_html_may_declare_its_charset_itself() -> None:
    page = '<html><head><META http-equiv=Content-Type content="text/html; charset=windows-1251"></head>Привет'
    assert "Привет" in decode_markup(page.encode("cp1251"))
    assert "Привет" in decode_markup(page.encode(), "utf-8")


@given(st.text(max_size=80), st.binary(max_size=200))
def test_no_label_makes_it_raise(label: str, octets: bytes) -> None:
    decode_octets(octets, label)
    decode_markup(octets, label)


def test_names_and_subjects_are_read_by_the_same_labels() -> None:
    mail = parse(
        b"From: =?gb2312?B?" + b"1uzpRrv5" + b"?= <zhu@shop.example>\r\n"
        b"Subject: =?x-mac-roman?Q?Gr=9F=A7e?= =?ISO-8859-1?Q?=80_5?=\r\nX-Raw: Gr\xfc\xdfe\r\n\r\n"
    )
    assert (mail.sender.name, mail.subject, mail.header("x-raw")) == ("朱镕基", "Grüße€ 5", "Grüße")


def test_what_stands_between_encoded_words_is_kept() -> None:
    assert parse("Subject: Привет =?utf-8?q?M=C3=BCller?= привет\r\n\r\n".encode()).subject == "Привет Müller привет"
