"""What others wrote does no harm where it is shown."""

from __future__ import annotations

import pytest

from kernel.plain_text import one_line, printable, searchable


@pytest.mark.parametrize("unwanted", ["\x00", "\x07", "\x1b", "\r", "\t", "\x7f", "\x85", "\x9b", "\ud800"])
def test_what_a_terminal_would_obey_is_replaced(unwanted: str) -> None:
    for clean in (one_line, printable):
        assert clean(f"a{unwanted}b") == "a\ufffdb"


def test_lines_are_kept_or_not() -> None:
    assert one_line("a\nb") == "a\ufffdb"
    assert printable("a\nb") == "a\nb"


def test_all_else_stays_as_it_was() -> None:
    text = "Grüße, 10 kWh à 0,15 € – 太陽 🌞 [red]"
    assert one_line(text) == printable(text) == text


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        pytest.param("énergie", "E\u0301nergie", id="composed"),
        pytest.param("ÉNERGIE", "énergie", id="capitals"),
        pytest.param("strasse", "STRAẞE", id="sharp-s"),
        pytest.param("ｓｏｌａｒ", "Solar", id="wide"),
        pytest.param("istanbul", "İSTANBUL", id="dotted-i"),
        pytest.param("ısparta", "ISPARTA", id="dotless-i"),
        pytest.param("태양", "\u1110\u1162\u110b\u1163\u11bc", id="hangul"),
        pytest.param("सौरऊर्जा", "सौर\u200dऊर्जा", id="joined"),
        pytest.param("kwh", "㎾h", id="one-character-unit"),
        pytest.param("ΟΔΟΣ", "οδος", id="last-sigma"),
    ],
)
def test_the_same_word_is_the_same_text_however_it_was_typed(typed: str, written: str) -> None:
    assert searchable(typed) == searchable(written)
    assert searchable(searchable(written)) == searchable(written)


def test_other_words_stay_others() -> None:
    assert len({searchable(word) for word in ("sol", "söl", "sól", "сол", "ソル", "太阳", "太陽")}) == 7
