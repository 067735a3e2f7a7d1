"""The program: every story by its name, and how one is played from the first process to the last."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from rich.console import Console

from degnode.demo.app import App
from degnode.demo.cashier import Cashier
from degnode.demo.closing import tell_closing
from degnode.demo.narrator import Narrator
from degnode.demo.playbill import Playbill, Settings, Story
from degnode.demo.stage import Outcome, Stage
from degnode.demo.stories.charging import Charging
from degnode.demo.stories.household import HouseholdMonth
from degnode.demo.stories.inter_utility import InterUtility
from degnode.demo.stories.p2p import PeerToPeer
from degnode.demo.stories.storage import StorageMonth
from degnode.processes import BPP_ID, small_network
from degnode.simulation.libraries import demand_libraries
from kernel.clock import SystemClock
from protocol.profile import Profile
from trading.mapping import wire_of

_EVERY_STORY: Final[Settings] = {
    "bap": {"DEGNODE_LOG_LEVEL": "DEBUG"},
    "bpp": {"DEGNODE_LOG_LEVEL": "DEBUG", "DEGNODE_STATUS_INTERVAL": "PT0S"},
}
"""A story tells what the processes themselves logged, and of each reading as it comes."""


class ScenarioName(StrEnum):
    """The stories by the names that people give them."""

    P2P = "p2p"
    EV = "ev"
    EV_RESERVED = "ev-reserved"
    INTER_UTILITY = "inter-utility"
    STORAGE = "storage"
    HOUSEHOLD = "household"


STORIES: Final[Mapping[ScenarioName, Callable[[datetime], Story]]] = {
    ScenarioName.P2P: PeerToPeer.at,
    ScenarioName.EV: Charging.walk_in,
    ScenarioName.EV_RESERVED: Charging.in_a_slot,
    ScenarioName.INTER_UTILITY: InterUtility.at,
    ScenarioName.STORAGE: StorageMonth.at,
    ScenarioName.HOUSEHOLD: HouseholdMonth.at,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A story that was told: how it ended, and what its report is headed with."""

    outcome: Outcome
    playbill: Playbill


async def perform(
    console: Console,
    scenario: ScenarioName = ScenarioName.P2P,
    *,
    profile: Profile,
    settings: Settings | None = None,
) -> Performance:
    """Tell a story on `profile` and return how it ended; `settings` adds to the environment of services.

    Raises: SimulationNotInstalled, TradeFailed.
    """
    demand_libraries()
    clock = SystemClock()
    started = clock.now()
    story = STORIES[scenario](started)
    with tempfile.TemporaryDirectory(prefix="degnode-demo-") as folder:
        set_up = story.set_up(Path(folder))
        console.print(f"Starting {_named('registry', 'BAP', 'BPP', *set_up.utilities)} …")
        environment = _merged(_EVERY_STORY, set_up.settings, settings or {})
        async with small_network(
            catalog=set_up.catalogue, settings=environment, utilities=set_up.utilities
        ) as network:
            narrator = Narrator(console, network, profile)
            async with (
                App(network.bap.url, api_key=network.api_key, seller=BPP_ID, profile=profile.name) as app,
                Cashier(network) as cashier,
            ):
                outcome = await story.tell(
                    Stage(
                        network=network,
                        app=app,
                        cashier=cashier,
                        clock=clock,
                        narrator=narrator,
                        wire=wire_of(profile.name),
                    )
                )
            tell_closing(narrator, outcome.transaction)
    console.print(f"\nDone in {(clock.now() - started).total_seconds():.0f} s; every process is stopped.")
    return Performance(outcome=outcome, playbill=story.playbill)


def _named(*names: str) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _merged(*several: Settings) -> Settings:
    """Return all settings of each service, a later one before an earlier one."""
    return {
        name: {variable: text for each in several for variable, text in each.get(name, {}).items()}
        for name in {name for each in several for name in each}
    }
