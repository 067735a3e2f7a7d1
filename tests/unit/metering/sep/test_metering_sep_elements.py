"""Hostile and broken XML: what the parser refuses, and with which words."""

from __future__ import annotations

import codecs

import pytest

from metering.sep.elements import (
    INT48,
    LEGACY_NAMESPACE,
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    NAMESPACE,
    POWER_OF_TEN,
    UINT32,
    DtdForbidden,
    MeterDocumentMalformed,
    MeterDocumentTooLarge,
    MeterValueInvalid,
    Whole,
    hex16_of,
    names_to_tags,
    only_once,
    parse_document,
    text_of,
    whole_of,
)

_BOMB = "".join(
    f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' if level else '<!ENTITY l0 "lol">' for level in range(10)
)
_WITH_DTD = {
    "external entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    "internal entity": '<!DOCTYPE r [<!ENTITY x "1000">]>',
    "parameter entity": '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1/p.dtd"> %p;]>',
    "billion laughs": f"<!DOCTYPE r [{_BOMB}]>",
    "external DTD": '<!DOCTYPE r SYSTEM "http://127.0.0.1/r.dtd">',
    "public DTD": '<!DOCTYPE r PUBLIC "-//x//y" "http://127.0.0.1/r.dtd">',
    "empty DTD": "<!DOCTYPE r>",
}


def _document(content: str = "", *, before: str = "", namespace: str = NAMESPACE) -> str:
    return f'{before}<r xmlns="{namespace}">{content}</r>'


@pytest.mark.parametrize("dtd", _WITH_DTD.values(), ids=_WITH_DTD.keys())
def test_every_dtd_is_refused(dtd: str) -> None:
    with pytest.raises(DtdForbidden) as refused:
        parse_document(_document("<value>&x;</value>", before=dtd).encode())
    assert refused.value.http_status == 400


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_dtd_does_not_hide_in_utf_16(encoding: str) -> None:
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    text = _document("<value>&x;</value>", before='<!DOCTYPE r [<!ENTITY x "1000">]>')
    with pytest.raises(DtdForbidden):
        parse_document(mark + text.encode(encoding))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not xml",
        b"<r",
        _document().encode()[:-1],
        _document("&undefined;").encode(),
        _document().encode() + b"<r/>",
        b'<?xml version="1.0" encoding="no-such-encoding"?>' + _document().encode(),
        b'<?xml version="1.0" encoding="utf-7"?>' + _document().encode(),
        b'<?xml version="1.0" encoding="gb2312"?>' + _document().encode(),
        _document("\x00").encode(),
        _document().encode().replace(b"<r", b"<\xff\xfe"),
    ],
)
def test_what_is_no_xml_is_refused_as_malformed(raw: bytes) -> None:
    with pytest.raises(MeterDocumentMalformed):
        parse_document(raw)


def test_a_document_may_be_as_large_as_the_limit_and_no_larger() -> None:
    largest = _document().encode().ljust(MAX_DOCUMENT_BYTES)
    assert parse_document(largest).tag.endswith("}r")
    with pytest.raises(MeterDocumentTooLarge) as refused:
        parse_document(largest + b" ")
    assert (refused.value.http_status, refused.value.reason_code) == (413, 2)


def test_nesting_has_a_limit() -> None:
    deep = MAX_DEPTH - 1
    assert parse_document(_document("<a>" * deep + "</a>" * deep).encode()) is not None
    for too_deep in (MAX_DEPTH, 300, 100_000):
        with pytest.raises(MeterDocumentMalformed, match="nested"):
            parse_document(_document("<a>" * too_deep + "</a>" * too_deep).encode())


@pytest.mark.parametrize("namespace", ["", "urn:other", LEGACY_NAMESPACE])
def test_another_namespace_is_refused(namespace: str) -> None:
    with pytest.raises(MeterDocumentMalformed, match="namespace"):
        parse_document(_document(namespace=namespace).encode())


def test_a_comment_or_an_instruction_inside_a_value_does_not_shorten_it() -> None:
    root = parse_document(_document("<value>1000<!-- no --><?pi no?>0</value>").encode())
    assert whole_of(root[0], INT48) == 10_000


def test_a_value_with_elements_inside_is_refused() -> None:
    root = parse_document(_document("<value>1<x/>000</value>").encode())
    with pytest.raises(MeterDocumentMalformed, match="inside"):
        text_of(root[0])


def test_an_element_that_is_there_twice_is_refused_and_an_unknown_one_is_left_out() -> None:
    names = names_to_tags("value")
    root = parse_document(_document("<value>1</value><extension/><extension/>").encode())
    assert set(only_once(root, names)) == {"value"}
    with pytest.raises(MeterDocumentMalformed) as refused:
        only_once(parse_document(_document("<value>1</value><value>2</value>").encode()), names)
    assert refused.value.path == "r/value"


@pytest.mark.parametrize(
    "text",
    ["", " ", "1_0", "0x10", "1.0", "1e3", "١٢", "--1", "+", "9" * 16, "1 0", "true", "NaN", "\u00a01"],
)
def test_what_is_no_plain_whole_number_is_refused(text: str) -> None:
    with pytest.raises(MeterValueInvalid) as refused:
        whole_of(parse_document(_document(f"<value>{text}</value>").encode())[0], INT48)
    assert (refused.value.path, refused.value.reason_code) == ("value", 1)


@pytest.mark.parametrize(
    ("kind", "number"),
    [(INT48, 2**47), (INT48, -(2**47)), (UINT32, 0), (UINT32, 2**32 - 1), (POWER_OF_TEN, -9)],
)
def test_numbers_are_taken_up_to_the_edges_of_their_type(kind: Whole, number: int) -> None:
    root = parse_document(_document(f"<value>\n {number:+d}\t</value>").encode())
    assert whole_of(root[0], kind) == number


@pytest.mark.parametrize(
    ("kind", "number"), [(INT48, 2**47 + 1), (UINT32, -1), (UINT32, 2**32), (POWER_OF_TEN, 10)]
)
def test_numbers_beyond_their_type_are_refused(kind: Whole, number: int) -> None:
    root = parse_document(_document(f"<value>{number}</value>").encode())
    with pytest.raises(MeterValueInvalid, match=kind.name):
        whole_of(root[0], kind)


@pytest.mark.parametrize(("text", "bits"), [("", 0), ("00", 0), ("0011", 17), ("ff", 255), (" 01 ", 1)])
def test_hexadecimal_bits_are_read_in_pairs_of_digits(text: str, bits: int) -> None:
    assert hex16_of(parse_document(_document(f"<flags>{text}</flags>").encode())[0]) == bits


@pytest.mark.parametrize("text", ["1", "001", "0x01", "000001", "zz"])
def test_other_bits_are_refused(text: str) -> None:
    with pytest.raises(MeterValueInvalid):
        hex16_of(parse_document(_document(f"<flags>{text}</flags>").encode())[0])
