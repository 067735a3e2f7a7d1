"""The use cases: who buys what, when, at which meters, and what flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money

_TOP: Final = Path(__file__).parents[2]
_EXAMPLES: Final = _TOP / "examples" / "catalog"
_DEMO: Final = _TOP / "degnode" / "demo" / "catalogues"
_INR: Final = Currency("INR")


class Session(StrEnum):
    """How a session at a plug comes about."""

    WALK_IN = "WALK_IN"
    RESERVED = "RESERVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """One purchase from the first look to the bill.

    `given` and `taken` are what flows in the equal parts of the window; where the seller's meter counts
    for both sides there is no `target_meter`, and what is `taken` counts. `deposit` is paid in before. A
    `session` is started when the window begins and stopped when it ends, by the buyer. `utilities` are asked
    before anything is agreed: their subscriber ids and files; `buyer_utility` is that of the buyer.
    """

    name: str
    catalogue: Path
    words: tuple[str, ...]
    offer_id: str
    buyer_id: str
    quantity: Energy
    window: Interval
    source_meter: str
    target_meter: str | None
    given: Sequence[Energy] = ()
    taken: Sequence[Energy]
    deposit: Money | None = None
    session: Session | None = None
    utilities: Mapping[str, Path] = field(default_factory=dict)
    buyer_utility: str | None = None


def _window(start: str, length: timedelta) -> Interval:
    begin = parse_instant(start)
    return Interval(begin, begin + length)


def _even(watt_hours: int, count: int) -> tuple[Energy, ...]:
    return (Energy(watt_hours),) * count


def _wh(*amounts: int) -> tuple[Energy, ...]:
    return tuple(Energy(amount) for amount in amounts)


P2P: Final = UseCase(
    name="p2p",
    catalogue=_EXAMPLES / "solar-rooftop.yaml",
    words=("solar",),
    offer_id="rooftop-solar-07-daytime",
    buyer_id="mill-street-bakery",
    quantity=Energy(10_000),
    window=_window("2026-06-12T10:00:00Z", timedelta(hours=4)),
    source_meter="100200300",
    target_meter="98765456",
    given=_wh(1_275, 2_224, 3_876, 3_308),
    taken=_wh(2_899, 3_295, 3_213, 2_908),
)
STORAGE: Final = UseCase(
    name="storage",
    catalogue=_DEMO / "storage.yaml",
    words=("evening",),
    offer_id="river-store-by-the-month",
    buyer_id="okhla-factory",
    quantity=Energy(1_140_000),
    window=_window("2026-05-31T18:30:00Z", timedelta(days=30)),
    source_meter="100200400",
    target_meter="98765400",
    given=(*_even(40_000, 14), *_even(0, 1), *_even(40_000, 15)),
    taken=_even(165_000, 30),
    deposit=Money(1_500_000, _INR),
)
HOUSEHOLD: Final = UseCase(
    name="household",
    catalogue=_DEMO / "household.yaml",
    words=("supply",),
    offer_id="home-subscription",
    buyer_id="patel-nagar-12",
    quantity=Energy(400_000),
    window=_window("2026-05-31T18:30:00Z", timedelta(days=30)),
    source_meter="100200500",
    target_meter="98765500",
    given=_even(9_180, 30),
    taken=_even(9_000, 30),
)
BATTERY_SWAP: Final = UseCase(
    name="battery-swap",
    catalogue=_EXAMPLES / "battery-swap.yaml",
    words=("two-wheelers",),
    offer_id="okhla-cabinet-3-swap",
    buyer_id="rider-77",
    quantity=Energy(1_600),
    window=_window("2026-06-12T12:30:00Z", timedelta(minutes=15)),
    source_meter="100200600",
    target_meter=None,
    taken=_wh(1_480),
    deposit=Money(10_000, _INR),
)
VEHICLE_TO_GRID: Final = UseCase(
    name="vehicle-to-grid",
    catalogue=_EXAMPLES / "vehicle-to-grid.yaml",
    words=("van",),
    offer_id="depot-post-2-evening",
    buyer_id="corner-cinema",
    quantity=Energy(20_000),
    window=_window("2026-06-12T12:30:00Z", timedelta(hours=4)),  # 18:00 to 22:00 in Delhi
    source_meter="100200700",
    target_meter="98765700",
    given=_wh(5_000, 5_200, 5_100, 900),  # then the van drives off
    taken=_wh(6_100, 7_400, 7_300, 5_900),
)
EV: Final = UseCase(
    name="ev",
    catalogue=_EXAMPLES / "charging-station.yaml",
    words=("charger",),
    offer_id="offer-ccs2-60kw-kwh",
    buyer_id="driver-1",
    quantity=Energy(2_500),
    window=_window("2026-06-12T12:30:00Z", timedelta(minutes=2)),
    source_meter="500600700",
    target_meter=None,
    taken=_wh(1_000, 1_000),
    deposit=Money(50_000, _INR),
    session=Session.WALK_IN,
)
EV_RESERVED: Final = replace(
    EV,
    name="ev-reserved",
    quantity=Energy(20_000),
    window=_window("2026-06-12T12:30:00Z", timedelta(minutes=20)),
    taken=_wh(9_800, 10_400),  # a little more than was ordered, from the buffer
    deposit=Money(150_000, _INR),
    session=Session.RESERVED,
)
INTER_UTILITY: Final = UseCase(
    name="inter-utility",
    catalogue=_DEMO / "inter-utility.yaml",
    words=("east",),
    offer_id="laxmi-nagar-roof-4-midday",
    buyer_id="janakpuri-shop",
    quantity=Energy(8_000),
    window=_window("2026-06-12T04:30:00Z", timedelta(hours=4)),  # 10:00 to 14:00 in Delhi
    source_meter="100200800",
    target_meter="98765800",
    given=_wh(1_980, 2_310, 2_402, 2_188),
    taken=_wh(2_105, 2_260, 1_890, 2_340),
    utilities={
        "east-grid.demo.local": _DEMO / "east-grid.yaml",
        "west-grid.demo.local": _DEMO / "west-grid.yaml",
    },
    buyer_utility="west-grid.demo.local",
)
EV_STALL: Final = replace(
    EV,
    name="ev-stall",
    catalogue=_EXAMPLES / "charging-stalls.yaml",
    words=("stall",),
    offer_id="stall-a1-reserved",
    quantity=Energy(20_000),
    window=_window("2026-06-12T12:30:00Z", timedelta(minutes=20)),
    source_meter="500600701",
    taken=_wh(9_400, 9_100),
    deposit=None,
    session=Session.RESERVED,
)
USE_CASES: Final = (
    P2P,
    EV,
    EV_RESERVED,
    EV_STALL,
    INTER_UTILITY,
    STORAGE,
    HOUSEHOLD,
    BATTERY_SWAP,
    VEHICLE_TO_GRID,
)


def agreed_at(use_case: UseCase) -> datetime:
    """Return when the buyer begins to look for energy: the evening before, or at the plug."""
    ahead = timedelta(minutes=1) if use_case.session is Session.WALK_IN else timedelta(hours=16)
    return use_case.window.start - ahead
