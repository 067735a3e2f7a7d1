"""The root of every anticipated error."""

from __future__ import annotations

import pytest

from kernel.errors import NodeError


@pytest.mark.parametrize(
    ("path", "hint", "text"),
    [
        (None, None, "The quantity is missing."),
        ("$.order", None, "The quantity is missing. (at $.order)"),
        (None, "Name it.", "The quantity is missing. Name it."),
        ("$.order", "Name it.", "The quantity is missing. (at $.order). Name it."),
    ],
)
def test_an_error_says_what_is_wrong_where_and_what_to_do(
    path: str | None, hint: str | None, text: str
) -> None:
    error = NodeError("The quantity is missing.", path=path, hint=hint)
    assert str(error) == text
    assert (error.message, error.path, error.hint) == ("The quantity is missing.", path, hint)


def test_the_advice_is_a_sentence_of_its_own() -> None:
    assert str(NodeError("the quantity is missing", hint="Name it.")) == "the quantity is missing. Name it."


def test_an_error_is_ours_and_final_unless_it_says_otherwise() -> None:
    assert (NodeError.code, NodeError.http_status, NodeError.retryable) == ("NET_INTERNAL_ERROR", 500, False)
