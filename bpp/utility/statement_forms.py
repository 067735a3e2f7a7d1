"""What the routes take and tell that say something of a utility's trades."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from bpp.api.meter_views import Reason as Words
from bpp.utility.apportioning import Metered
from bpp.utility.decisions import Cutting
from bpp.utility.statements import Said
from kernel.clock import format_instant, utc
from kernel.energy import Energy
from kernel.interval import EmptyInterval, Interval
from kernel.mrid import canonical_mrid
from trading.delivery import CurtailmentReason
from trading.grid_statement import MOST_PERIODS, Allocation, Allocations
from trading.refusals import FieldInvalid, FieldMissing
from trading.wheeling import Side

_MOST: Final = 2**63 - 1
Instant = Annotated[AwareDatetime, AfterValidator(utc)]
WattHours = Annotated[int, Field(ge=0, le=_MOST)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CutForm(_Form):
    """What is cut of a trade in all, from now on if not `since`; if unset, all that is yet to flow."""

    watt_hours: Annotated[int, Field(gt=0, le=_MOST)] | None = None
    reason: CurtailmentReason
    since: Instant | None = None
    why: Words

    @property
    def cutting(self) -> Cutting:
        """Return it as the domain has it."""
        quantity = None if self.watt_hours is None else Energy(self.watt_hours)
        return Cutting(reason=self.reason, quantity=quantity, since=self.since)


class PeriodForm(_Form):
    """What counts for a trade in a period, and what its whole meter took and gave."""

    start: Instant
    end: Instant
    allocated_wh: WattHours
    consumed_wh: WattHours | None = None
    produced_wh: WattHours | None = None

    @property
    def allocation(self) -> Allocation:
        """Return it as the domain has it. Raises: FieldInvalid."""
        return Allocation(
            period=_period(self.start, self.end),
            allocated=Energy(self.allocated_wh),
            consumed=None if self.consumed_wh is None else Energy(self.consumed_wh),
            produced=None if self.produced_wh is None else Energy(self.produced_wh),
        )


class MeteredForm(_Form):
    """What a customer's meter gave (SELLER) or took (BUYER) in a period, to be shared among its trades."""

    side: Side
    start: Instant
    end: Instant
    counted_wh: WattHours
    why: Words

    def metered(self, meter: str) -> Metered:
        """Return it as the domain has it. Raises: FieldInvalid, MridInvalid."""
        return Metered(
            mrid=canonical_mrid(meter, lenient=True),
            side=self.side,
            period=_period(self.start, self.end),
            counted=Energy(self.counted_wh),
        )


class AllocationForm(_Form):
    """What the utility's meters say was delivered of a trade: in all so far, in periods, or both."""

    delivered_wh: WattHours | None = None
    periods: Annotated[list[PeriodForm], Field(max_length=MOST_PERIODS)] = []
    why: Words

    def told(self, now: datetime) -> Allocations:
        """Return it as the domain has it. Raises: FieldInvalid, FieldMissing."""
        if self.delivered_wh is None and not self.periods:
            raise FieldMissing("nothing is allocated", hint="Say delivered_wh, periods, or both.")
        return Allocations(
            said_at=now,
            delivered=None if self.delivered_wh is None else Energy(self.delivered_wh),
            by_period=tuple(sorted((each.allocation for each in self.periods), key=lambda each: each.period)),
        )


class SaidView(BaseModel):
    """What was said of a trade; `refusal` is why its platform does not take it, null if nothing is known.

    What `is_heard` its platform says: that another has cut it.
    """

    platform: str
    order_id: str
    message_id: str
    said_at: str
    who: str
    why: str
    cut_wh: int | None
    reason: CurtailmentReason | None
    since: str | None
    delivered_wh: int | None
    periods: int
    refusal: str | None
    is_heard: bool


class Statements(BaseModel):
    """What was said of trades, in order."""

    statements: list[SaidView]


def view_said(said: Said) -> SaidView:
    """Return what was said as the API tells it."""
    statement, told = said.statement, said.statement.allocations
    delivered = None if told is None else told.delivered
    return SaidView(
        platform=said.platform,
        order_id=statement.order_id,
        message_id=said.message_id,
        said_at=format_instant(statement.said_at),
        who=said.who,
        why=statement.note,
        cut_wh=None if statement.cut is None else statement.cut.quantity.watt_hours,
        reason=None if statement.cut is None else statement.cut.reason,
        since=None if statement.since is None else format_instant(statement.since),
        delivered_wh=None if delivered is None else delivered.watt_hours,
        periods=0 if told is None else len(told.by_period),
        refusal=None if said.refusal is None else f"{said.refusal.code}: {said.refusal.message}",
        is_heard=said.is_heard,
    )


def _period(start: datetime, end: datetime) -> Interval:
    try:
        return Interval(start, end)
    except EmptyInterval as error:
        raise FieldInvalid(f"a period ends after it starts: {error}", path="end") from error
