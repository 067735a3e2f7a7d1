"""A minute of the town that trades; CONTRIBUTING.md says how to run it for longer."""

from __future__ import annotations

from tests.property.settlement_machine import run_for

SECONDS = 60


def test_whatever_happens_in_a_town_everything_agrees_after_every_step(database_url: str) -> None:
    run_for(SECONDS, url=database_url, shrinks=False)
