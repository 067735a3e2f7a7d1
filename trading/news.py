"""Whether news of a contract goes to its buyer now, or waits for what else happens meanwhile. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from trading.contract import Contract
from trading.delivery import ContractView


def standing_of(view: ContractView) -> str:
    """Return a SHA-256, as hex, of where a contract stands: every status in it, and no quantity.

    It changes when the contract or its delivery reaches another status, when something is cut or
    proposed, and when a day is settled or billed.
    """
    parts = [view.contract.status, view.delivery.status, "ended" if view.delivery.ended else "goes on"]
    if (session := view.delivery.session) is not None:
        parts.append(f"session {session.status} {session.connector} {session.why}")
    if (cut := view.delivery.cut) is not None:
        parts.append(f"{cut.quantity} cut for {cut.reason}")
    if (proposal := view.proposal) is not None:
        parts.append(f"{proposal.id} {proposal.status}")
    parts += [f"{cycle.cycle_id} {cycle.status}" for cycle in view.cycles]
    parts += [f"{bill.cycle_id} {bill.status}" for bill in view.bills]
    return sha256("\n".join(parts).encode()).hexdigest()


def waits_until(contract: Contract, *, standing: str, interval: timedelta, now: datetime) -> datetime | None:
    """Return until when news of a contract that stands at `standing` waits, None if it is told now.

    News waits where the buyer was told of something within `interval` (`told_at`), knows where the contract
    stands, and the contract is looked at again anyway: so the last word never waits. A `told_at` that is
    yet to come is of a clock that was wrong, and holds nothing up.
    """
    if contract.told_at is None or contract.told_at > now or contract.refresh_at is None:
        return None
    until = contract.told_at + interval
    return until if standing == contract.standing and until > now else None
