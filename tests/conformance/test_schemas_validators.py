"""The fast validator and the reference one agree on damaged messages, and what is refused is told why."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.validation import Rules, schema_set
from tests.support.official_cases import GENERATIONS, some_damaged


@pytest.mark.timeout(600)  # the reference validator takes its time
@pytest.mark.parametrize("rules", Rules)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_both_validators_agree_and_say_why(shared: Path, generation: str, rules: Rules) -> None:
    schemas = schema_set(generation, rules)
    for case in some_damaged(shared, generation):
        valid = schemas.is_valid(case.action, case.mutation.document)
        told = schemas.violations(case.action, case.mutation.document)
        slow = schemas.reference_violations(case.action, case.mutation.document, limit=1)
        assert valid == (not slow) == (not told), case.label
