"""By which parameters a meter's day is validated: the table's own, and what operators said since.

What an operator says counts from one day to another; it is never changed, only said again. A day of
long ago is validated by what counts for that day, whenever that is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.errors import NodeError
from metering.vee.finding import Rule, Settings, Severity
from metering.vee.limits import LIMITS
from metering.vee.rules.registry import RULES
from metering.vee.tables import meter_rule_parameters

GREATEST_SETTING: Final = max(limits.greatest for limits in LIMITS.values())


class RuleUnknown(NodeError):
    """There is no such rule, or it has no such parameter."""

    code, http_status, retryable = "METER_RULE_UNKNOWN", 422, False


class RuleSettingInvalid(NodeError):
    """A rule cannot be set so."""

    code, http_status, retryable = "METER_RULE_SETTING_INVALID", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """What an operator says of a rule; `usage_point_id` None means every meter.

    It counts for local days from `valid_from` up to, without, `valid_until`. What is None stays as it was.
    """

    rule: str
    valid_from: date
    valid_until: date | None = None
    usage_point_id: int | None = None
    enabled: bool | None = None
    severity: Severity | None = None
    settings: Settings = field(default_factory=dict)
    who: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInForce:
    """A rule as it is on one meter's day."""

    rule: Rule
    enabled: bool
    severity: Severity
    settings: Settings


RulesInForce = Mapping[str, RuleInForce]


def with_changes(changes: Iterable[RuleChange]) -> RulesInForce:
    """Return every rule as `changes` leave it, later ones over earlier ones, in the order of the table.

    What is said of one meter counts over what is said of all. What was said beyond the limits, when there
    were none, counts as the nearest that is within them.
    """
    rules = {
        code: RuleInForce(rule=rule, enabled=True, severity=rule.severity, settings=rule.settings)
        for code, rule in RULES.items()
    }
    for change in sorted(changes, key=lambda change: change.usage_point_id is not None):
        before = rules.get(change.rule)
        if before is not None:
            rules[change.rule] = replace(
                before,
                enabled=before.enabled if change.enabled is None else change.enabled,
                severity=change.severity or before.severity,
                settings={**before.settings, **_within_limits(before.settings, change.settings)},
            )
    return rules


def _within_limits(known: Settings, said: Settings) -> dict[str, int]:
    return {name: LIMITS[name].nearest(value) for name, value in said.items() if name in known}


def digest_of(rules: RulesInForce) -> bytes:
    """Return what tells one set of parameters from another."""
    written = {
        code: [rule.enabled, rule.severity.value, dict(sorted(rule.settings.items()))]
        for code, rule in rules.items()
    }
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).digest()


async def parameters_for(
    connection: AsyncConnection, *, usage_point_id: int, day: date, as_of: datetime | None = None
) -> RulesInForce:
    """Return every rule as it counts for a meter on a local day, or as was known of that at `as_of`."""
    c = meter_rule_parameters.c
    wanted = (
        select(meter_rule_parameters)
        .where(or_(c.usage_point_id.is_(None), c.usage_point_id == usage_point_id))
        .where(c.valid_from <= day, or_(c.valid_until.is_(None), c.valid_until > day))
        .order_by(c.id)
    )
    if as_of is not None:
        wanted = wanted.where(c.recorded_at <= as_of.astimezone(UTC))
    return with_changes(
        RuleChange(
            rule=row.rule,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            usage_point_id=row.usage_point_id,
            enabled=row.enabled,
            severity=None if row.severity is None else Severity(row.severity),
            settings={name: int(value) for name, value in row.settings.items()},
            who=row.who,
            why=row.why,
        )
        for row in await connection.execute(wanted)
    )


async def say_of_rule(connection: AsyncConnection, change: RuleChange, *, now: datetime) -> None:
    """Keep what an operator says of a rule. Raises: RuleUnknown, RuleSettingInvalid."""
    _check(change)
    await connection.execute(
        insert(meter_rule_parameters).values(
            usage_point_id=change.usage_point_id,
            rule=change.rule,
            enabled=change.enabled,
            severity=None if change.severity is None else change.severity.value,
            settings=dict(change.settings),
            valid_from=change.valid_from,
            valid_until=change.valid_until,
            who=change.who,
            why=change.why,
            recorded_at=now,
        )
    )


def _check(change: RuleChange) -> None:
    rule = RULES.get(change.rule)
    if rule is None:
        raise RuleUnknown(
            f"{change.rule[:40]!r} is no rule", path="rule", hint=f"There are {', '.join(RULES)}."
        )
    for name, value in change.settings.items():
        if name not in rule.settings:
            known = ", ".join(rule.settings) or "none"
            raise RuleUnknown(
                f"{rule.code} has no parameter {name[:40]!r}", path="settings", hint=f"It has {known}."
            )
        limits = LIMITS[name]
        if not limits.hold(value):
            raise RuleSettingInvalid(
                f"{name} cannot be {value}",
                path=f"settings.{name}",
                hint=f"Whole numbers from {limits.least} to {limits.greatest} are taken.",
            )
    if change.valid_until is not None and change.valid_until <= change.valid_from:
        raise RuleSettingInvalid("a rule cannot end before it begins", path="valid_until")
    if change.enabled is None and change.severity is None and not change.settings:
        raise RuleSettingInvalid(
            "nothing is said of the rule", hint="Say a parameter, a severity, on or off."
        )
