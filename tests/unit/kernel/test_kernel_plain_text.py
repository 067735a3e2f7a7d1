"""What others wrote does no harm where it is shown."""

from __future__ import annotations

import pytest

from kernel.plain_text import one_line, printable


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
