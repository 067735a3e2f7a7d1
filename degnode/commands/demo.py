"""`degnode demo`: a trade from the first look to the bill."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import simplejson
import typer
from rich.console import Console

from degnode.demo.app import App
from degnode.demo.closing import tell_closing
from degnode.demo.narrator import Narrator
from degnode.demo.report import write_report
from degnode.demo.scenario import make_scenario
from degnode.demo.story import Outcome, Story
from degnode.processes import BPP_ID, small_network
from degnode.simulation.libraries import demand_libraries
from kernel.clock import SystemClock
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from trading.mapping import wire_of

_SUN: Final = timedelta(minutes=10)
"""How long there is something to buy: time enough to start, also where much else is going on."""

_SETTINGS: Final = {
    "bap": {"DEGNODE_LOG_LEVEL": "DEBUG"},
    "bpp": {"DEGNODE_LOG_LEVEL": "DEBUG", "DEGNODE_STATUS_INTERVAL": "PT0S"},
}
"""The story tells what the processes themselves logged, and of each reading as it comes."""


class WireName(StrEnum):
    """The generations by the names that people give them."""

    V1_1 = "v1.1"
    RC = "rc"
    LTS = "lts"


_PROFILES: Final = {WireName.V1_1: V1_1, WireName.RC: V2_RC, WireName.LTS: V2_LTS}


def demo(
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report of the trade to this file.", dir_okay=False)
    ] = None,
    wire: Annotated[
        WireName, typer.Option(help="The generation of Beckn that BAP and BPP speak.")
    ] = WireName.RC,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print only the last on_status message that the BAP received, as JSON, on stdout."
        ),
    ] = False,
) -> None:
    """Trade ten kilowatt-hours between three real processes, and show how.

    Starts a registry, a BAP and a BPP over an embedded PostgreSQL on loopback ports, lets an app buy
    solar energy, lets two IEEE 2030.5 meters report it, settles and bills it. Takes about half a minute.
    """
    console = Console(stderr=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end like on Ctrl-C: leave nothing behind
    try:
        outcome = asyncio.run(run_demo(console, profile=_PROFILES[wire]))
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        raise typer.Exit(130) from None
    if report is not None:
        write_report(report, outcome.transaction)
        console.print(f"\nThe report is in [bold]{report}[/bold].")
    if as_json:
        sys.stdout.write(simplejson.dumps(outcome.last_on_status, use_decimal=True, indent=2) + "\n")


async def run_demo(
    console: Console, *, profile: Profile, settings: Mapping[str, Mapping[str, str]] | None = None
) -> Outcome:
    """Run the trade on `profile` and return how it ended; `settings` adds to the environment of services.

    Raises: SimulationNotInstalled, TradeFailed.
    """
    demand_libraries()
    clock = SystemClock()
    started = clock.now()
    with tempfile.TemporaryDirectory(prefix="degnode-demo-") as folder:
        scenario = make_scenario(started, lead=timedelta(0), spare=_SUN)
        catalog = Path(folder) / "catalog.yaml"
        scenario.write_catalogue(catalog)
        console.print("Starting registry, BAP and BPP …")
        environment = {
            name: _SETTINGS[name] | dict((settings or {}).get(name, {})) for name in ("bap", "bpp")
        }
        async with small_network(catalog=catalog, settings=environment) as network:
            narrator = Narrator(console, network, profile)
            async with App(
                network.bap.url, api_key=network.api_key, seller=BPP_ID, profile=profile.name
            ) as app:
                story = Story(
                    network=network,
                    scenario=scenario,
                    app=app,
                    clock=clock,
                    narrator=narrator,
                    wire=wire_of(profile.name),
                )
                outcome = await story.tell()
            tell_closing(narrator, outcome.transaction)
    console.print(f"\nDone in {(clock.now() - started).total_seconds():.0f} s; every process is stopped.")
    return outcome
