"""The token at the registry's door, and how often one may guess it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.tokens import TokenGuard, TokenRefused, digest_of
from registry.tries import TooManyTries, Tries
from tests.support.subscribers import NOW

HERE = "192.0.2.1"
ELSEWHERE = "192.0.2.2"


def test_the_token_opens_and_says_whose_it_is() -> None:
    assert TokenGuard.of("right", name="pilot").check("right", address=HERE, now=NOW) == "pilot"


def test_each_of_several_tokens_opens() -> None:
    guard = TokenGuard({"a": digest_of("right"), "b": digest_of("also right")})
    assert guard.check("also right", address=HERE, now=NOW) == "b"


@pytest.mark.parametrize("shown", [None, "", "wrong", "right ", "RIGHT", "ключ"])
def test_nothing_else_does(shown: str | None) -> None:
    with pytest.raises(TokenRefused) as refusal:
        TokenGuard.of("right").check(shown, address=HERE, now=NOW)
    assert "right" not in str(refusal.value)


def test_the_token_itself_is_not_kept() -> None:
    assert "right" not in repr(vars(TokenGuard.of("right")))


def test_a_registry_without_a_token_does_not_start() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        TokenGuard.of("")
    with pytest.raises(ValueError, match="needs a token"):
        TokenGuard({})


def test_whoever_guesses_too_often_waits_and_nobody_else_does() -> None:
    guard = TokenGuard.of("right", wrong_per_minute=3)
    for _ in range(3):
        with pytest.raises(TokenRefused):
            guard.check("wrong", address=HERE, now=NOW)
    with pytest.raises(TooManyTries) as refusal:
        guard.check("right", address=HERE, now=NOW)
    assert refusal.value.retry_after == 20
    assert guard.check("right", address=ELSEWHERE, now=NOW)
    assert guard.check("right", address=HERE, now=NOW + timedelta(seconds=20))


def test_showing_no_token_is_no_guess() -> None:
    guard = TokenGuard.of("right", wrong_per_minute=1)
    for _ in range(5):
        with pytest.raises(TokenRefused):
            guard.check(None, address=HERE, now=NOW)
    assert guard.check("right", address=HERE, now=NOW)


def test_tries_come_back_steadily_and_never_beyond_the_most() -> None:
    tries = Tries(what="knocks", per_minute=2)
    later = NOW + timedelta(hours=1)
    for _ in range(2):
        tries.count(HERE, now=later)
    with pytest.raises(TooManyTries, match="too many knocks"):
        tries.count(HERE, now=later)
    tries.count(HERE, now=later + timedelta(seconds=30))
    tries.count(None, now=later)


def test_addresses_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.buckets.MOST_NAMES", 2)
    tries = Tries(what="knocks", per_minute=1)
    for address in ("a", "b", "c"):
        tries.count(address, now=NOW)
    tries.count("a", now=NOW)
    with pytest.raises(TooManyTries):
        tries.count("c", now=NOW)
