"""One meter's energy of one interval over the contracts that claim it: a table of rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from settlement.allocation.largest_remainder import apportion
from settlement.allocation.rules import AllocationInvalid, AllocationRule, Policy, check_shares, share_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one contract may take of a meter in an interval, in Wh.

    `share_percent` is its part of the meter under STATIC_KEY, `community` the one it belongs to under
    PREFERENCE. Raises: AllocationInvalid.
    """

    contract_id: str
    traded_at: datetime
    watt_hours: int
    share_percent: Decimal | None = None
    community: str | None = None

    def __post_init__(self) -> None:
        if self.watt_hours < 0:
            raise AllocationInvalid(f"{self.contract_id} claims {self.watt_hours} Wh")

    @property
    def precedence(self) -> tuple[datetime, str]:
        """What goes before what: the earlier trade, and of two at the same time the lower id."""
        return self.traded_at, self.contract_id


def allocate(watt_hours: int, claims: Collection[Claim], policy: Policy) -> dict[str, int]:
    """Return what each contract gets of a meter's `watt_hours`, by its id; what nobody may take is left out.

    Nothing depends on the order of `claims`. Raises: AllocationInvalid.
    """
    if watt_hours < 0:
        raise AllocationInvalid(f"a meter counted {watt_hours} Wh")
    if len({claim.contract_id for claim in claims}) < len(claims):
        raise AllocationInvalid("a contract claims a meter twice")
    if policy.rule is AllocationRule.PREFERENCE:
        return _by_preference(watt_hours, claims, policy)
    return RULES[policy.rule](watt_hours, _in_order(claims))


def _in_order(claims: Collection[Claim]) -> list[Claim]:
    return sorted(claims, key=lambda claim: claim.precedence)


def _first_in_first_out(watt_hours: int, claims: Sequence[Claim]) -> dict[str, int]:
    got: dict[str, int] = {}
    for claim in claims:
        got[claim.contract_id] = min(claim.watt_hours, watt_hours)
        watt_hours -= got[claim.contract_id]
    return got


def _pro_rata(watt_hours: int, claims: Sequence[Claim]) -> dict[str, int]:
    by_id = sorted(claims, key=lambda claim: claim.contract_id)
    wanted = [claim.watt_hours for claim in by_id]
    parts = apportion(watt_hours, wanted) if watt_hours < sum(wanted) else wanted
    return {claim.contract_id: part for claim, part in zip(by_id, parts, strict=True)}


def _by_static_key(watt_hours: int, claims: Sequence[Claim]) -> dict[str, int]:
    shares = {claim.contract_id: _share(claim) for claim in claims}
    check_shares(shares)
    return {
        claim.contract_id: min(claim.watt_hours, share_of(watt_hours, shares[claim.contract_id]))
        for claim in claims
    }


def _share(claim: Claim) -> Decimal:
    if claim.share_percent is None:
        raise AllocationInvalid(f"{claim.contract_id} has no share of the meter")
    return claim.share_percent


RULES: Final[Mapping[AllocationRule, Callable[[int, Sequence[Claim]], dict[str, int]]]] = {
    AllocationRule.FIFO: _first_in_first_out,
    AllocationRule.PRO_RATA: _pro_rata,
    AllocationRule.STATIC_KEY: _by_static_key,
}
"""What is done with a meter's Wh and the claims on it in their order."""


def _by_preference(watt_hours: int, claims: Collection[Claim], policy: Policy) -> dict[str, int]:
    """Split the meter over communities by its owner's coefficients, then share each part out.

    Communities need not know of each other: what one does not use is not given to another.
    """
    members: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.community is None or claim.community not in policy.coefficients:
            raise AllocationInvalid(f"{claim.contract_id} is in no community of the meter")
        members[claim.community].append(claim)
    got: dict[str, int] = {}
    for community, of_community in members.items():
        part = share_of(watt_hours, policy.coefficients[community])
        got |= RULES[policy.within](part, _in_order(of_community))
    return got
