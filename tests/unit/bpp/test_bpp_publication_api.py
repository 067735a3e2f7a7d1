"""Whom a seller tells of its catalogue: only what can be a subscriber."""

from __future__ import annotations

import pytest

from bpp.api.publications import NobodyToTell, receivers


def test_who_is_named_is_told_once_and_the_usual_ones_if_nobody_is() -> None:
    assert receivers(["a.example", "b.example", "a.example"], usual=["c.example"]) == [
        "a.example",
        "b.example",
    ]
    assert receivers([], usual=["c.example"]) == ["c.example"]


@pytest.mark.parametrize("named", [[], ["a b"], ["a.example", "café.example"], ["a|b"]])
def test_nobody_and_what_can_be_no_subscriber_is_refused(named: list[str]) -> None:
    with pytest.raises(NobodyToTell, match=r"named|can be no subscriber id") as refused:
        receivers(named, usual=[])
    assert refused.value.path == "to"
