"""Real messages of the 2.0 RC wire get from our schemas the verdict that the official ones gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import pytest

from schemas.validation import schema_set

_EVERYTHING: Final = 1_000


class RealMessage(NamedTuple):
    """A message of the corpus and the official verdict on it."""

    file: str
    action: str
    accepted: bool
    document: Any


@pytest.fixture(scope="module")
def corpus(shared: Path) -> list[RealMessage]:
    """Every message of the RC corpus but the publishing of catalogues, which we do not speak."""
    folder = shared / "corpus"
    entries = orjson.loads((folder / "manifest.json").read_bytes())
    return [
        RealMessage(
            entry["file"],
            entry["action"],
            entry["valid"],
            orjson.loads((folder / entry["file"]).read_bytes()),
        )
        for entry in entries
        if entry["profile"] == "rc" and entry["action"] != "catalog_publish"
    ]


def test_the_corpus_has_messages_of_both_verdicts(corpus: list[RealMessage]) -> None:
    assert {message.accepted for message in corpus} == {True, False}
    assert len(corpus) > 50


def test_every_real_message_gets_the_official_verdict(corpus: list[RealMessage]) -> None:
    ours = {m.file: schema_set("v2_rc").is_valid(m.action, m.document) for m in corpus}
    assert ours == {m.file: m.accepted for m in corpus}


def test_a_refused_message_is_told_why_and_an_accepted_one_nothing(corpus: list[RealMessage]) -> None:
    told = {m.file: not schema_set("v2_rc").violations(m.action, m.document) for m in corpus}
    assert told == {m.file: m.accepted for m in corpus}


def test_both_validators_find_the_same_places_wrong(corpus: list[RealMessage]) -> None:
    schemas = schema_set("v2_rc")
    for message in corpus:
        fast = schemas.violations(message.action, message.document, limit=_EVERYTHING)
        slow = schemas.reference_violations(message.action, message.document, limit=_EVERYTHING)
        assert {(v.path, v.rule) for v in fast} == {(v.path, v.rule) for v in slow}, message.file
