"""Validating a meter's day: gather, ask every rule, keep the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from metering.energy import Direction
from metering.vee.checks import DayCheck, digest_of_intervals, keep_check
from metering.vee.days import LocalDate
from metering.vee.evidence import Evidence, covered_seconds
from metering.vee.facts import KnowsMeters, RegisteredMeters
from metering.vee.finding import Finding, Severity
from metering.vee.gather import gather
from metering.vee.look import Look
from metering.vee.parameters import RulesInForce, digest_of, parameters_for
from metering.vee.points import Point, channels_of

REGISTERED: Final = RegisteredMeters()
FALLBACK_ZONE: Final = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A verdict, and whether it says anything that was not on record."""

    check: DayCheck
    is_new: bool


async def validate_day(
    connection: AsyncConnection,
    *,
    point: Point,
    day: LocalDate,
    now: datetime,
    as_of: datetime | None = None,
    knows: KnowsMeters = REGISTERED,
) -> list[Validated]:
    """Validate each direction of a meter on a local day, by the rules of that day; keep the verdicts.

    The same verdict again is not kept twice. With `as_of` the day is judged as it was known then, by the
    rules as they were said then, and nothing is kept. Raises: LocalDayInvalid.
    """
    verdicts = []
    for direction in await directions_of(connection, point):
        look = Look(point=point, direction=direction, day=day, now=as_of or now, as_of=as_of)
        check = await _check(connection, look, knows)
        kept = as_of is None and await keep_check(connection, check, look=look)
        verdicts.append(Validated(check=check, is_new=kept))
    return verdicts


async def zone_of(
    connection: AsyncConnection, point: Point, *, at: datetime, knows: KnowsMeters = REGISTERED
) -> str:
    """Return the zone that a meter is registered in at an instant, else UTC."""
    facts = await knows.facts(connection, point=point, direction=Direction.IMPORT, at=at, as_of=None)
    return facts.zone or FALLBACK_ZONE


async def directions_of(connection: AsyncConnection, point: Point) -> list[Direction]:
    """Return in which directions a meter counts."""
    return sorted({channel.direction for channel in await channels_of(connection, point)})


async def _check(connection: AsyncConnection, look: Look, knows: KnowsMeters) -> DayCheck:
    rules = await parameters_for(
        connection, usage_point_id=look.point.id, day=look.day.date, as_of=look.as_of
    )
    facts = await knows.facts(
        connection, point=look.point, direction=look.direction, at=look.period.start, as_of=look.as_of
    )
    evidence, intervals = await gather(connection, look, facts=facts, rules=rules)
    findings = list(ask(evidence, rules))
    return DayCheck(
        usage_point_id=look.point.id,
        direction=look.direction,
        day=look.day,
        checked_at=look.now,
        readings_digest=digest_of_intervals(intervals),
        settings_digest=digest_of(rules),
        watt_hours=evidence.total,
        missing_seconds=evidence.end - evidence.start - covered_seconds(evidence.slots),
        findings=findings,
        terminated=any(item.severity is Severity.TERMINATE for item in findings),
    )


def ask(evidence: Evidence, rules: RulesInForce) -> Iterator[Finding]:
    """Yield what the rules find, in their order; after a rule that terminates none is asked any more."""
    for code, rule in rules.items():
        if not rule.enabled:
            continue
        found = [
            Finding(rule=code, severity=rule.severity, flaw=flaw)
            for flaw in rule.rule.check(evidence, rule.settings)
        ]
        yield from found
        if found and rule.severity is Severity.TERMINATE:
            return
