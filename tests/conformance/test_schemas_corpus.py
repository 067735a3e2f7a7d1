"""Real messages of every generation get from our schemas the verdict that the official ones gave."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from schemas.validation import Rules, SchemaSet, schema_set
from tests.support.official_cases import GENERATIONS, RealMessage, real_messages

_EVERYTHING: Final = 1_000


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """The name of each generation."""
    return str(request.param)


@pytest.fixture
def corpus(shared: Path, generation: str) -> list[RealMessage]:
    """Every real message of the generation."""
    return real_messages(shared, generation)


@pytest.fixture(params=Rules)
def schemas(request: pytest.FixtureRequest, generation: str) -> SchemaSet:
    """The schemas of the generation, as the transport has them and as a participant does."""
    return schema_set(generation, request.param)


def test_the_corpus_has_messages_of_both_verdicts(corpus: list[RealMessage]) -> None:
    assert {message.accepted for message in corpus} == {True, False}


def test_every_real_message_gets_the_official_verdict(corpus: list[RealMessage], schemas: SchemaSet) -> None:
    ours = {m.file: schemas.is_valid(m.action, m.document) for m in corpus}
    assert ours == {m.file: m.accepted for m in corpus}


def test_a_refused_message_is_told_why_and_an_accepted_one_nothing(
    corpus: list[RealMessage], schemas: SchemaSet
) -> None:
    told = {m.file: not schemas.violations(m.action, m.document) for m in corpus}
    assert told == {m.file: m.accepted for m in corpus}


def test_both_validators_find_the_same_places_wrong(corpus: list[RealMessage], schemas: SchemaSet) -> None:
    for message in corpus:
        fast = schemas.violations(message.action, message.document, limit=_EVERYTHING)
        slow = schemas.reference_violations(message.action, message.document, limit=_EVERYTHING)
        assert {(v.path, v.rule) for v in fast} == {(v.path, v.rule) for v in slow}, message.file
