"""A message's bytes as a document."""

from __future__ import annotations

import pytest

from protocol.document import DEEPEST, parse_document
from protocol.errors import JsonInvalid


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize("raw", [b"{}", nested(DEEPEST), b'{"a":[%s]}' % b",".join([b'{"b":"{"}'] * 300)])
def test_an_object_is_read(raw: bytes) -> None:
    assert isinstance(parse_document(raw), dict)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"a":"\\u0000"}', "U.0000"),
        (nested(DEEPEST + 1), "nested"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "nested"),
        (b"[" * 100_000, "no JSON"),
    ],
)
def test_what_is_none_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(JsonInvalid, match=words):
        parse_document(raw)


def test_an_escaped_backslash_before_the_number_is_no_nul() -> None:
    assert parse_document(rb'{"path": "C:\\u0000"}') == {"path": "C:\\u0000"}
    with pytest.raises(JsonInvalid, match=r"U\+0000"):
        parse_document(rb'{"path": "C:\\\u0000"}')
