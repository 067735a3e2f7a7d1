"""Lengths of time as people type them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from degnode.commands.lengths import read_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        (" 30m ", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta()),
        ("PT24H", timedelta(days=1)),
        ("P1DT12H", timedelta(hours=36)),
    ],
)
def test_short_and_standard_spellings_are_read(text: str, length: timedelta) -> None:
    assert read_length(text) == length


@pytest.mark.parametrize("text", ["", "soon", "24", "-1h", "1.5h", "P", "9999999d", "1h30m"])
def test_what_is_no_length_is_said(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="24h"):
        read_length(text)
