"""Under the rules of the transport our schemas give the official verdict, in every generation.

They are asked about real messages, about our own, about tens of thousands of damaged ones, and
about documents that touch every rule there is, in the official schema and in ours. There is no
list of differences, for there is none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from schemas.library import transport_library
from schemas.validation import Rules, SchemaSet, schema_set
from tests.support.official import (
    official_accepts,
    official_documents,
    official_message_errors,
    official_reference,
)
from tests.support.official_cases import GENERATIONS, actions, damaged, good_messages
from tests.support.official_walk import Probe, Walk

_LEVELS_SEEN_AGAIN: Final = 3
"""A schema that was gone through once is looked at again this deep wherever else it is referred to."""

_READ_AS_BOTH: Final = {"addOns", "beckn:orderItems"}
"""What stands here may officially fit one of two forms only; whatever is plain fits both."""


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """The name of each generation."""
    return str(request.param)


@pytest.fixture
def schemas(generation: str) -> SchemaSet:
    """The schemas of the generation as the transport has them."""
    return schema_set(generation, Rules.TRANSPORT)


def test_every_message_has_a_schema_and_an_example(generation: str, schemas: SchemaSet) -> None:
    assert schemas.actions == set(actions(generation))


def test_both_accept_every_real_message_and_every_example(
    shared: Path, generation: str, schemas: SchemaSet
) -> None:
    for action, document in good_messages(shared, generation):
        assert official_message_errors(action, document, profile=generation) == [], action
        assert schemas.violations(action, document) == [], action


def test_damaged_messages_get_the_official_verdict(shared: Path, generation: str, schemas: SchemaSet) -> None:
    verdicts = set()
    for case in damaged(shared, generation):
        officially = official_accepts(case.action, case.mutation.document, profile=generation)
        assert schemas.is_valid(case.action, case.mutation.document) == officially, case.label
        verdicts.add(officially)
    assert verdicts == {True, False}


def test_every_rule_of_the_official_schema_is_ours(generation: str, schemas: SchemaSet) -> None:
    walk = Walk(official_documents(), glance=_LEVELS_SEEN_AGAIN)
    verdicts = {
        _same_verdict(generation, action, probe, schemas)
        for action in actions(generation)
        for probe in walk.probes(official_reference(generation, action))
    }
    assert verdicts == {True, False}


def test_every_rule_of_ours_is_official(generation: str, schemas: SchemaSet) -> None:
    ours = transport_library(generation)
    walk = Walk(ours.documents, glance=_LEVELS_SEEN_AGAIN)
    verdicts = {
        _same_verdict(generation, action, probe, schemas)
        for action in actions(generation)
        for probe in walk.probes(ours.messages[action])
    }
    assert verdicts == {True, False}


def _same_verdict(generation: str, action: str, probe: Probe, schemas: SchemaSet) -> bool:
    officially = official_accepts(action, probe.document, profile=generation)
    assert schemas.is_valid(action, probe.document) == officially, f"{action} {probe.label}"
    if probe.kind == "sample" and _READ_AS_BOTH.isdisjoint(probe.path):
        assert officially, f"{action} {probe.label}: the walk has lost its way"
    return officially
