"""`degnode demo`: a use case from the first look to the bill."""

from __future__ import annotations

import asyncio
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import simplejson
import typer
from rich.console import Console

from degnode.demo.program import ScenarioName, perform
from degnode.demo.report import write_report
from protocol.profile import V1_1, V2_LTS, V2_RC


class WireName(StrEnum):
    """The generations by the names that people give them."""

    V1_1 = "v1.1"
    RC = "rc"
    LTS = "lts"


_PROFILES: Final = {WireName.V1_1: V1_1, WireName.RC: V2_RC, WireName.LTS: V2_LTS}


def demo(
    scenario: Annotated[ScenarioName, typer.Option(help="What is traded.")] = ScenarioName.P2P,
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
    """Trade energy between real processes, from the first look to the bill, and show how.

    Starts a registry, a BAP and a BPP over an embedded PostgreSQL on loopback ports, lets an app buy,
    lets IEEE 2030.5 meters report what flowed, settles and bills it. Takes about half a minute.

    p2p: a rooftop's 10 kWh for a bakery, as they flow. ev: a car at a fast charger, walk-in. ev-reserved:
    the same in a slot. inter-utility: a roof's midday for a shop, over the grids of two utilities.
    storage: a battery's evenings for a factory, a month, paid ahead. household: a home's supply for a
    month, on the cheaper of two tariffs.
    """
    console = Console(stderr=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end like on Ctrl-C: leave nothing behind
    try:
        performance = asyncio.run(perform(console, scenario, profile=_PROFILES[wire]))
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        raise typer.Exit(130) from None
    if report is not None:
        write_report(report, performance.outcome.transaction, playbill=performance.playbill)
        console.print(f"\nThe report is in [bold]{report}[/bold].")
    if as_json:
        sys.stdout.write(
            simplejson.dumps(performance.outcome.last_on_status, use_decimal=True, indent=2) + "\n"
        )
