"""The record of administrative acts: who did what to what, from where, when and why.

An act is recorded in the unit of work that does it: neither stands without the other. PostgreSQL
itself refuses to change or remove a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import insert, select

from kernel.plain_text import one_line
from node.access_tables import audit_log
from storage.unit_of_work import UnitOfWork

GREATEST_PAGE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did; `before` and `after` are the thing's state as JSON, and hold no secret.

    `what` is the kind of thing and what became of it, like `api_key.revoked`; `target` names the one.
    `from_address` is None for what was done on the command line or by the node itself.
    """

    who: str
    what: str
    target: str
    from_address: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who may do things, and where they are."""

    who: str
    from_address: str | None = None

    def act(
        self,
        what: str,
        target: str,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        why: str | None = None,
    ) -> Act:
        """Return what they did."""
        return Act(
            who=self.who,
            from_address=self.from_address,
            what=what,
            target=target,
            before=before,
            after=after,
            why=why,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAct:
    """An act on record; numbers rise in the order of recording."""

    number: int
    at: datetime
    act: Act


async def record_act(uow: UnitOfWork, act: Act, *, now: datetime) -> None:
    """Put `act` on record; it stands if and when the unit of work commits."""
    await uow.connection.execute(
        insert(audit_log).values(
            at=now,
            who=one_line(act.who),
            from_address=act.from_address,
            what=act.what,
            target=one_line(act.target),
            before=None if act.before is None else dict(act.before),
            after=None if act.after is None else dict(act.after),
            why=None if act.why is None else one_line(act.why),
        )
    )


async def list_acts(
    uow: UnitOfWork,
    *,
    what: str | None = None,
    target: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[RecordedAct]:
    """Return acts, the newest first.

    `what` is a whole name or the kind of thing alone (`api_key`); `before` is a number to go on below.
    """
    wanted = select(audit_log).order_by(audit_log.c.number.desc()).limit(min(limit, GREATEST_PAGE))
    if what is not None:
        wanted = wanted.where(
            audit_log.c.what == what
            if "." in what
            else audit_log.c.what.startswith(f"{what}.", autoescape=True)
        )
    if target is not None:
        wanted = wanted.where(audit_log.c.target == target)
    if before is not None:
        wanted = wanted.where(audit_log.c.number < before)
    return [
        RecordedAct(
            number=row.number,
            at=row.at,
            act=Act(
                who=row.who,
                what=row.what,
                target=row.target,
                from_address=row.from_address,
                before=_with_plain_numbers(row.before),
                after=_with_plain_numbers(row.after),
                why=row.why,
            ),
        )
        for row in await uow.connection.execute(wanted)
    ]


def _with_plain_numbers(state: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return a state whose numbers are JSON's own; the database reads fractions as exact decimals."""
    if state is None:
        return None
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in state.items()}
