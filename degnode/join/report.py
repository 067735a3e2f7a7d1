"""How a participant stands in its network, gathered for `degnode network status`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from degnode.join.membership import Membership
from degnode.key_views import all_as_json
from degnode.roles.joining import plain
from kernel.clock import Clock, format_instant
from kernel.errors import NodeError
from keystore.key_set import KeySet
from protocol.keys import read_public_key
from registry_client.registry_card import fingerprint
from registry_client.standing import Standing

_PATIENCE: Final = 3.0  # s
_HALF_A_SECOND: Final = timedelta(milliseconds=500)  # the Date of an answer has whole seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is known at this moment; `trouble` is why the registry could not be asked.

    `standings` are by key id, for the keys that can still count. `clock_lead` is by how much the
    registry's clock is before ours.
    """

    membership: Membership
    sets: Sequence[KeySet]
    standings: dict[str, Standing | None]
    trouble: NodeError | None
    clock_lead: timedelta | None
    now: datetime

    @property
    def is_in(self) -> bool:
        """Say whether peers find a key that this participant signs with."""
        return any(standing is not None and standing.is_in for standing in self.standings.values())

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        settings = self.membership.settings
        return {
            "subscriber_id": settings.subscriber_id,
            "role": self.membership.role.value,
            "url": plain(settings.public_url),
            "domain": settings.domain,
            "registry": {
                "url": self.membership.registry_url,
                "keys": list(settings.registry_key),
                "reachable": self.trouble is None,
                "trouble": None if self.trouble is None else str(self.trouble),
                "clock_lead_seconds": None if self.clock_lead is None else self.clock_lead.total_seconds(),
            },
            "is_in": self.is_in,
            "subscriptions": [_standing(name, each) for name, each in self.standings.items()],
            "keys": all_as_json(self.sets, now=self.now),
        }

    def registry_lines(self) -> list[str]:
        """Return what there is to say of the registry."""
        keys = [fingerprint(read_public_key(text)) for text in self.membership.settings.registry_key]
        lines = [
            f"its key is {' and '.join(keys)}" if keys else "its answers are not verified: no key is pinned"
        ]
        if self.clock_lead is not None:
            seconds = self.clock_lead.total_seconds()
            how = (
                "agrees with ours"
                if abs(seconds) <= 1
                else f"is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
            )
            lines.append(f"its clock {how}")
        return lines


async def make_report(membership: Membership) -> Report:
    """Ask the registry and return how the participant stands."""
    now = membership.clock.now()
    sets = membership.keychain.sets()
    standings: dict[str, Standing | None] = {}
    trouble: NodeError | None = None
    try:
        for each in sets:
            if each.is_usable(now):
                standings[each.key_id] = await membership.registrar.standing(
                    each.subscriber_id, key_id=each.key_id, key=each.signing_public_key
                )
    except NodeError as error:
        trouble = error
    lead = None if trouble is not None else await clock_lead(membership.registry_url, clock=membership.clock)
    return Report(
        membership=membership, sets=sets, standings=standings, trouble=trouble, clock_lead=lead, now=now
    )


async def clock_lead(url: str, *, clock: Clock) -> timedelta | None:
    """Return by how much the clock of whoever answers at `url` is before ours, None if it does not say."""
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False, follow_redirects=False) as client:
            before = clock.now()
            response = await client.head(url)
            after = clock.now()
        theirs = parsedate_to_datetime(response.headers["Date"])
        if theirs.tzinfo is None:  # "-0000": it does not say where
            return None
    except (httpx.HTTPError, KeyError, ValueError):
        return None
    return theirs + _HALF_A_SECOND - (before + (after - before) / 2)


def _standing(key_id: str, standing: Standing | None) -> dict[str, Any]:
    if standing is None:
        return {"key_id": key_id, "status": None}
    return {
        "key_id": key_id,
        "status": standing.status and standing.status.value,
        "since": standing.since and format_instant(standing.since),
        "reason": standing.reason,
        "hint": standing.hint,
    }
