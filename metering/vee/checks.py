"""Verdicts on days and their findings in PostgreSQL; both are only ever added to.

A verdict says which energies it judged, by their digest. Once other energies are known for the day, it
says nothing about them: nothing that was received later ever counts as validated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.energy import Direction
from metering.query import IntervalEnergy
from metering.vee.days import LocalDate
from metering.vee.finding import Finding, Flaw, Severity
from metering.vee.look import Look
from metering.vee.tables import meter_day_checks, meter_findings


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCheck:
    """The verdict on one direction of a meter's day; the digests tell what was judged, and by what."""

    usage_point_id: int
    direction: Direction
    day: LocalDate
    checked_at: datetime
    readings_digest: bytes
    settings_digest: bytes
    watt_hours: int
    missing_seconds: int
    findings: Sequence[Finding]
    terminated: bool

    @property
    def blocking(self) -> list[Finding]:
        """The findings for which what they are about does not count as valid."""
        return [item for item in self.findings if item.severity is not Severity.INFO]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFinding:
    """A finding on record, when it was made first, and whether the latest verdict on its day has it still."""

    id: int
    direction: Direction
    day: LocalDate
    finding: Finding
    found_at: datetime
    is_current: bool


_FINDINGS: Final = text(
    """
    SELECT f.*, CAST(extract(epoch FROM f.period_start) AS bigint) AS starts,
        CAST(extract(epoch FROM f.period_end) AS bigint) AS ends,
        coalesce(f.id = ANY(latest.finding_ids), FALSE) AS is_current
    FROM meter_findings AS f
    LEFT JOIN LATERAL (
        SELECT k.finding_ids FROM meter_day_checks AS k
        WHERE k.usage_point_id = f.usage_point_id AND k.direction = f.direction AND k.day = f.day
          AND k.zone = f.zone
        ORDER BY k.id DESC LIMIT 1
    ) AS latest ON TRUE
    WHERE f.usage_point_id = :usage_point_id AND f.day >= :first AND f.day <= :last
    ORDER BY f.day, f.direction, f.period_start, f.id
    """
)
_NEW_FINDINGS: Final = text(
    """
    INSERT INTO meter_findings (usage_point_id, direction, day, zone, rule, severity, period_start,
        period_end, sentence, digest, found_at)
    SELECT :usage_point_id, :direction, :day, :zone, n.rule, n.severity, to_timestamp(n.starts),
        to_timestamp(n.ends), n.sentence, n.digest, CAST(:found_at AS timestamptz)
    FROM unnest(
        CAST(:rules AS text[]), CAST(:severities AS text[]), CAST(:starts AS bigint[]),
        CAST(:ends AS bigint[]), CAST(:sentences AS text[]), CAST(:digests AS bytea[])
    ) AS n (rule, severity, starts, ends, sentence, digest)
    ON CONFLICT DO NOTHING
    """
)


def digest_of_intervals(intervals: Iterable[IntervalEnergy]) -> bytes:
    """Return what tells one set of energies, with their qualities and revisions, from another."""
    written = [
        [
            item.period.start.isoformat(),
            item.period.end.isoformat(),
            item.energy.watt_hours,
            item.quality,
            item.revision,
        ]
        for item in intervals
    ]
    return hashlib.sha256(json.dumps(written).encode()).digest()


async def latest_check(connection: AsyncConnection, look: Look) -> DayCheck | None:
    """Return the latest verdict on a day, or the latest at `look.as_of`, or None."""
    c = meter_day_checks.c
    wanted = (
        select(meter_day_checks)
        .where(c.usage_point_id == look.point.id, c.direction == look.direction.value)
        .where(c.day == look.day.date, c.zone == look.day.zone)
        .order_by(c.id.desc())
        .limit(1)
    )
    if look.as_of is not None:
        wanted = wanted.where(c.checked_at <= look.as_of.astimezone(UTC))
    row = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        return None
    findings = await _findings(connection, row["finding_ids"])
    return DayCheck(
        usage_point_id=look.point.id,
        direction=look.direction,
        day=look.day,
        checked_at=row["checked_at"],
        readings_digest=row["readings_digest"],
        settings_digest=row["settings_digest"],
        watt_hours=row["watt_hours"],
        missing_seconds=row["missing_seconds"],
        findings=[findings[number] for number in row["finding_ids"]],
        terminated=row["terminated"],
    )


async def keep_check(connection: AsyncConnection, check: DayCheck, *, look: Look) -> bool:
    """Keep a verdict and what it found; False where the latest one says the very same."""
    before = await latest_check(connection, look)
    if before is not None and _same(before, check):
        return False
    ids = await _keep_findings(connection, check)
    await connection.execute(
        insert(meter_day_checks).values(
            usage_point_id=check.usage_point_id,
            direction=check.direction.value,
            day=check.day.date,
            zone=check.day.zone,
            checked_at=check.checked_at,
            readings_digest=check.readings_digest,
            settings_digest=check.settings_digest,
            watt_hours=check.watt_hours,
            missing_seconds=check.missing_seconds,
            finding_ids=ids,
            terminated=check.terminated,
        )
    )
    return True


async def findings_of(
    connection: AsyncConnection, *, usage_point_id: int, first: date, last: date
) -> list[StoredFinding]:
    """Return what was ever found of a meter's days from `first` to `last`, both included, in order."""
    rows = await connection.execute(
        _FINDINGS, {"usage_point_id": usage_point_id, "first": first, "last": last}
    )
    return [
        StoredFinding(
            id=row.id,
            direction=Direction(row.direction),
            day=LocalDate(row.day, row.zone),
            finding=Finding(
                rule=row.rule,
                severity=Severity(row.severity),
                flaw=Flaw(row.starts, row.ends, row.sentence),
            ),
            found_at=row.found_at,
            is_current=row.is_current,
        )
        for row in rows
    ]


def _same(one: DayCheck, other: DayCheck) -> bool:
    return (one.readings_digest, one.settings_digest, one.terminated, one.missing_seconds) == (
        other.readings_digest,
        other.settings_digest,
        other.terminated,
        other.missing_seconds,
    ) and list(one.findings) == list(other.findings)


async def _keep_findings(connection: AsyncConnection, check: DayCheck) -> list[int]:
    """Keep the findings that are new; return the numbers of all, in their order."""
    if not check.findings:
        return []
    digests = [_digest_of_finding(check, item) for item in check.findings]
    flaws = [item.flaw for item in check.findings]
    await connection.execute(
        _NEW_FINDINGS,
        {
            "usage_point_id": check.usage_point_id,
            "direction": check.direction.value,
            "day": check.day.date,
            "zone": check.day.zone,
            "found_at": check.checked_at,
            "rules": [item.rule for item in check.findings],
            "severities": [item.severity.value for item in check.findings],
            "starts": [flaw.start for flaw in flaws],
            "ends": [flaw.end for flaw in flaws],
            "sentences": [flaw.sentence for flaw in flaws],
            "digests": digests,
        },
    )
    c = meter_findings.c
    found = await connection.execute(
        select(c.id, c.digest).where(c.usage_point_id == check.usage_point_id, c.digest.in_(set(digests)))
    )
    numbers = {bytes(row.digest): row.id for row in found}
    return [numbers[digest] for digest in digests]


async def _findings(connection: AsyncConnection, ids: Sequence[int]) -> Mapping[int, Finding]:
    if not ids:
        return {}
    c = meter_findings.c
    rows = await connection.execute(select(meter_findings).where(c.id.in_(set(ids))))
    return {
        row.id: Finding(
            rule=row.rule,
            severity=Severity(row.severity),
            flaw=Flaw(int(row.period_start.timestamp()), int(row.period_end.timestamp()), row.sentence),
        )
        for row in rows
    }


def _digest_of_finding(check: DayCheck, finding: Finding) -> bytes:
    written = [
        check.direction.value,
        check.day.date.isoformat(),
        check.day.zone,
        finding.rule,
        finding.severity.value,
        finding.flaw.start,
        finding.flaw.end,
        finding.flaw.sentence,
    ]
    return hashlib.sha256(json.dumps(written).encode()).digest()
