"""What an operator decides of readings: estimates, edits, rules; each on record, and told in the house."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bpp.meters.news import tell_of_readings
from kernel.clock import format_instant
from metering.vee.edit import Edited, EditWish, edit_reading
from metering.vee.estimate import EstimateWish, FilledGap, estimate_day
from metering.vee.parameters import RuleChange, say_of_rule
from metering.vee.points import Point
from node.audit import Actor, record_act
from storage.unit_of_work import UnitOfWork


async def decide_reading(uow: UnitOfWork, wish: EditWish, *, by: Actor, now: datetime) -> Edited:
    """Put another value in the place of a reading, and put the act on record.

    Raises: what `edit_reading` raises; nothing is kept then.
    """
    done = await edit_reading(uow, replace(wish, who=by.who), now=now)
    await tell_of_readings(uow, [done.result], now)
    period = {
        "direction": wish.direction.name.lower(),
        "start": format_instant(wish.start),
        "end": format_instant(wish.end),
    }
    before = (
        None if done.before is None else {"watt_hours": done.before, "quality": list(done.quality_before)}
    )
    act = by.act(
        "meter_reading.edited",
        wish.point.mrid,
        before=before,
        after={"register": done.register, **period, "watt_hours": done.after},
        why=wish.why,
    )
    await record_act(uow, act, now=now)
    return done


async def decide_estimate(
    uow: UnitOfWork, wish: EstimateWish, *, by: Actor, why: str, now: datetime
) -> list[FilledGap]:
    """Fill the gaps of a meter's day; what was filled is put on record.

    Raises: what `estimate_day` raises; nothing is kept then.
    """
    gaps = await estimate_day(uow, wish, now=now)
    filled = [gap for gap in gaps if gap.result is not None]
    for gap in filled:
        if gap.result is not None:
            await tell_of_readings(uow, [gap.result], now)
    if filled:
        after = {
            "day": wish.day.date.isoformat(),
            "zone": wish.day.zone,
            "gaps": [
                {
                    "direction": gap.direction.name.lower(),
                    "start": gap.start,
                    "end": gap.end,
                    "method": gap.plan.method.value,
                    "watt_hours": sum(gap.plan.watt_hours),
                }
                for gap in filled
                if gap.plan is not None
            ],
        }
        await record_act(uow, by.act("meter_day.estimated", wish.point.mrid, after=after, why=why), now=now)
    return gaps


async def decide_rule(
    uow: UnitOfWork, change: RuleChange, *, point: Point | None, by: Actor, now: datetime
) -> None:
    """Say of a rule how it counts for a meter, or for all, and put the act on record.

    Raises: RuleUnknown, RuleSettingInvalid.
    """
    said = replace(change, usage_point_id=None if point is None else point.id, who=by.who)
    await say_of_rule(uow.connection, said, now=now)
    after = {
        "enabled": said.enabled,
        "severity": None if said.severity is None else said.severity.value,
        "settings": dict(said.settings),
        "valid_from": said.valid_from.isoformat(),
        "valid_until": None if said.valid_until is None else said.valid_until.isoformat(),
        "meter": None if point is None else point.mrid,
    }
    await record_act(uow, by.act("meter_rule.set", said.rule, after=after, why=said.why), now=now)
