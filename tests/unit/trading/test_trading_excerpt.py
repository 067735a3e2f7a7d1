"""What is said of an answer that tells not all of what fits is read as it was said."""

from __future__ import annotations

import pytest

from trading.excerpt import Excerpt, read_excerpt, read_total

CUT = Excerpt(told=500, total=1_234)


@pytest.mark.parametrize("before", [None, "", "Of the valley.", "3 of 4 that fit"])
def test_what_is_said_after_any_description_is_read_back(before: str | None) -> None:
    said = CUT.after(before)
    assert said.startswith(before or "")
    assert read_excerpt(said) == CUT
    assert read_total("something else", None, said) == 1_234


def test_an_answer_says_how_to_come_by_the_rest() -> None:
    assert "$[0:500], then $[500:1000] and on" in CUT.words


def test_what_was_said_before_is_read_as_well() -> None:
    assert read_excerpt("500 of 1234 that fit; look for something narrower to see others.") == CUT


@pytest.mark.parametrize(
    "said",
    [
        None,
        "500 of 1234 that fit",
        CUT.after(None) + " Or not.",
        Excerpt(told=4, total=4).words,
        CUT.words.replace("1234", "9" * 5_000),
    ],
)
def test_anything_else_says_nothing(said: str | None) -> None:
    assert read_excerpt(said) is None
    assert read_total(said) is None
