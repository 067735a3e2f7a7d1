"""What is believed of a charging, and every doubt of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from metering.register_rule import COARSEST_STEP_WATT_HOURS, PERCENT_OF_SANCTIONED
from stations.chargings import Charging
from stations.intake import Taken
from stations.signed_values import COARSEST, second_of
from stations.station_file import Connector

_LONGEST_DOUBT: Final = 1_000
"""Characters: who looks at a charging reads no more, and a station can say the same for ever."""


def counted(charging: Charging, taken: Taken) -> Charging:
    """Return a charging with what was believed of its meter since it began, and with every doubt."""
    shown = [charging.shown_wh, *since(taken.shown, charging.started_at).values()]
    first, last = (
        [charging.start_wh, *since(taken.stands, charging.started_at).values()],
        [charging.counted_at, taken.counted_at],
    )
    return replace(
        charging,
        start_wh=min((stand for stand in first if stand is not None), default=None),
        highest_wh=max(
            (stand for stand in (charging.highest_wh, taken.highest) if stand is not None), default=None
        ),
        counted_at=max((at for at in last if at is not None), default=None),
        doubt=joined(charging.doubt, *taken.doubts),
        shown_wh=min((stand for stand in shown if stand is not None), default=None),
    )


def flowed(charging: Charging, taken: Taken, connector: Connector) -> int | None:
    """Return what has flowed so far, in Wh, as far as that is a reason to stop; None if nobody knows.

    What the meter has not signed is none to bill by, but tells when somebody has had enough, unless it rose
    faster than the connector can give.
    """
    found = []
    if charging.start_wh is not None and charging.highest_wh is not None:
        found.append(charging.highest_wh - charging.start_wh)
    if charging.shown_wh is not None:
        found += [
            stand - charging.shown_wh
            for second, stand in since(taken.shown, charging.started_at).items()
            if stand - charging.shown_wh <= _most_within(second - second_of(charging.started_at), connector)
        ]
    return max(found, default=None)


def _most_within(seconds: int, connector: Connector) -> int:
    """Return what a connector gives in so many seconds at most, in Wh, as the intake of readings has it."""
    return connector.greatest_watts * seconds * PERCENT_OF_SANCTIONED // 360_000 + COARSEST_STEP_WATT_HOURS


def unsigned_ends(charging: Charging, taken: Taken, stopped_at: datetime) -> list[str]:
    """Return which ends of a charging lack a signature that they need, each in a sentence."""
    is_end_unsigned = second_of(stopped_at) in taken.shown
    if charging.start_wh is None or charging.highest_wh is None:
        return ["its meter has signed nothing of it"] if is_end_unsigned or charging.shown_wh else []
    found = []
    if charging.shown_wh is not None and charging.start_wh - charging.shown_wh > COARSEST:
        found.append(f"its meter has signed no stand of its start, and {charging.start_wh} Wh at first")
    if is_end_unsigned:
        found.append(f"its meter has signed no stand of its end, and {charging.highest_wh} Wh at last")
    return found


def since(stands: Mapping[int, int], start: datetime) -> Mapping[int, int]:
    """Return the stands from an instant's second on."""
    return {second: stand for second, stand in stands.items() if second >= second_of(start)}


def joined(*sentences: str | None) -> str | None:
    """Return the sentences one after the other, each once, as many as have room; None if there are none."""
    text = ""
    for sentence in filter(None, sentences):
        longer = f"{text}; {sentence}" if text else sentence
        if sentence not in text and (not text or len(longer) <= _LONGEST_DOUBT):
            text = longer
    return text or None
