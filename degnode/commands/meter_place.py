"""Where a command on the days of one meter works, and which meter is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from degnode.commands.place import Place
from metering.vee.meant import MeterName


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterPlace(Place):
    """Which node, and which of several devices that use one mRID."""

    lfdi: Annotated[str | None, typer.Option(help="Its device, where several use the mRID.")] = None

    def name(self, meter: str) -> MeterName:
        """Return how the meter is called."""
        return MeterName(text=meter, device_lfdi=self.lfdi)
