"""The demo's noon: the figures that the README shows, and enough of both for what is traded."""

from __future__ import annotations

from degnode.demo.noon import simulate_noon
from degnode.demo.scenario import CONTRACTED, INTERVALS
from kernel.energy import ZERO_ENERGY


def test_the_demo_shows_everybody_the_same_day() -> None:
    noon = simulate_noon()
    assert [energy.watt_hours for energy in noon.exported] == [1_275, 2_224, 3_876, 3_308]
    assert [energy.watt_hours for energy in noon.imported] == [2_899, 3_295, 3_213, 2_908]


def test_roof_and_bakery_both_move_a_little_more_than_was_traded() -> None:
    noon = simulate_noon()
    for energies in (noon.exported, noon.imported):
        assert len(energies) == INTERVALS
        assert sum(energies, ZERO_ENERGY) > CONTRACTED
        assert sum(energies[:-1], ZERO_ENERGY) < CONTRACTED
