"""Peer rules in the database: made and removed, each act on record, and told to every process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, text

from kernel.errors import NodeError
from kernel.plain_text import one_line
from node.access_tables import peer_rules
from node.audit import Actor, record_act
from node.peer_rules import LONGEST_PATTERN, Effect, PeerRule, RuleField
from registry_client.subscriber import SubscriberRole
from storage.unit_of_work import UnitOfWork

PEER_RULES_CHANNEL: Final = "degnode_peer_rules"
_GREATEST_RATE: Final = 1_000_000  # messages a second; who needs more needs no bound
_PATTERN: Final = re.compile(r"(\*\.)?{0}+|{0}+:\*".format(r"[^\s*\x00-\x1f\x7f\ud800-\udfff]"))


class PeerRuleInvalid(NodeError):
    """Such a rule would fit nobody, or cannot be."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 422, False


class PeerRuleNotFound(NodeError):
    """There is no such rule."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRuleWish:
    """A rule to be made; it takes the place of one on the same thing."""

    effect: Effect
    field: RuleField
    pattern: str
    why: str
    rate: float | None = None  # messages a second


async def make_peer_rule(uow: UnitOfWork, wish: PeerRuleWish, *, by: Actor, now: datetime) -> PeerRule:
    """Make a rule that counts on every process as soon as the unit of work commits.

    Raises: PeerRuleInvalid.
    """
    _check(wish)
    await uow.connection.execute(text("LOCK TABLE peer_rules IN SHARE ROW EXCLUSIVE MODE"))
    replaced = await uow.connection.execute(
        delete(peer_rules)
        .where(peer_rules.c.field == wish.field.value, peer_rules.c.pattern == wish.pattern)
        .returning(*peer_rules.c)
    )
    before = [_read(row).to_record() for row in replaced]
    made = await uow.connection.execute(
        insert(peer_rules)
        .values(
            effect=wish.effect.value,
            field=wish.field.value,
            pattern=wish.pattern,
            rate=wish.rate,
            why=one_line(wish.why),
            made_by=by.who,
            made_at=now,
        )
        .returning(*peer_rules.c)
    )
    rule = _read(made.one())
    act = by.act(
        "peer_rule.made",
        f"{rule.field} {rule.pattern}",
        before=before[0] if before else None,
        after=rule.to_record(),
        why=wish.why,
    )
    await record_act(uow, act, now=now)
    await uow.announce(PEER_RULES_CHANNEL)
    return rule


async def remove_peer_rule(
    uow: UnitOfWork, rule_id: int, *, by: Actor, why: str | None, now: datetime
) -> PeerRule:
    """Let a rule count no more, on any process. Raises: PeerRuleNotFound."""
    removed = await uow.connection.execute(
        delete(peer_rules).where(peer_rules.c.id == rule_id).returning(*peer_rules.c)
    )
    row = removed.one_or_none()
    if row is None:
        raise PeerRuleNotFound(
            f"there is no peer rule {rule_id}", path="id", hint="`degnode peers rules` shows them."
        )
    rule = _read(row)
    act = by.act("peer_rule.removed", f"{rule.field} {rule.pattern}", before=rule.to_record(), why=why)
    await record_act(uow, act, now=now)
    await uow.announce(PEER_RULES_CHANNEL)
    return rule


async def list_peer_rules(uow: UnitOfWork) -> list[PeerRule]:
    """Return every rule, by what it is about."""
    rows = await uow.connection.execute(select(peer_rules).order_by(peer_rules.c.field, peer_rules.c.pattern))
    return [_read(row) for row in rows]


def _check(wish: PeerRuleWish) -> None:
    if not _PATTERN.fullmatch(wish.pattern) or len(wish.pattern) > LONGEST_PATTERN:
        raise PeerRuleInvalid(
            f"{wish.pattern[:60]!r} fits nobody",
            path="pattern",
            hint="Write a whole name, its end like *.example.com, or its beginning like beckn.one:deg:*",
        )
    if wish.field is RuleField.ROLE and wish.pattern not in set(SubscriberRole):
        raise PeerRuleInvalid(
            f"{wish.pattern[:60]!r} is no role",
            path="pattern",
            hint=f"There are {', '.join(SubscriberRole)}.",
        )
    if wish.rate is None:
        return
    is_possible = wish.effect is Effect.ALLOW and wish.field is RuleField.SUBSCRIBER
    if not is_possible or not 0 < wish.rate < _GREATEST_RATE:
        raise PeerRuleInvalid(
            "a rate is how many messages a second an allowed subscriber may send",
            path="rate",
            hint=f"Give a number between 0 and {_GREATEST_RATE:,}, and only where a subscriber is allowed.",
        )


def _read(row: Row[Any]) -> PeerRule:
    values = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name
    return PeerRule(
        **values | {"effect": Effect(values["effect"]), "field": RuleField(values["field"])},
    )
