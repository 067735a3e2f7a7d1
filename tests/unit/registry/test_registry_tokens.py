"""The token at the registry's door."""

from __future__ import annotations

import pytest

from registry.tokens import TokenGuard, TokenRefused


def test_the_token_opens() -> None:
    TokenGuard("right").check("right")


@pytest.mark.parametrize("shown", [None, "", "wrong", "right ", "RIGHT", "ключ"])
def test_nothing_else_does(shown: str | None) -> None:
    with pytest.raises(TokenRefused) as refusal:
        TokenGuard("right").check(shown)
    assert "right" not in str(refusal.value)


def test_the_token_itself_is_not_kept() -> None:
    assert "right" not in repr(vars(TokenGuard("right")))


def test_a_registry_without_a_token_does_not_start() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        TokenGuard("")
