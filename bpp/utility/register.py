"""What a utility is: its customers, its charges, and which trades it lets pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bpp.utility.sanction import Sanction
from kernel.currency import Currency
from kernel.mrid import MridInvalid, canonical_mrid
from trading.fields import Field
from trading.grid import GridRequest
from trading.refusals import FieldInvalid, UtilityNotAdmitted, WindowUnavailable
from trading.wheeling import Side, Wheeling


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """What a utility charges for a trade within its grid, for one that brings energy in, or takes it out."""

    currency: Currency
    within: tuple[Wheeling, ...]
    brought_in: tuple[Wheeling, ...]
    taken_out: tuple[Wheeling, ...]

    def of(self, sides: frozenset[Side]) -> tuple[Wheeling, ...]:
        """Return the charges of a trade of whose parties it serves `sides`."""
        if sides == frozenset(Side):
            return self.within
        return self.brought_in if Side.BUYER in sides else self.taken_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Which trades pass: those of these platforms, with customers of these utilities, so long ahead.

    None, and no lead, let all pass.
    """

    platforms: frozenset[str] | None = None
    partners: frozenset[str] | None = None
    lead: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """A distribution utility; `customers` are the sanctions of its customers by the mRIDs of their meters."""

    subscriber_id: str
    name: str
    zone: str
    customers: Mapping[str, Sanction]
    charges: Charges
    approval: Approval
    hold_for: timedelta

    def meters_of(self, request: GridRequest) -> dict[Side, str]:
        """Return the meters of a trade that are its customers', by side.

        Raises: UtilityNotAdmitted, if one should be and is not; FieldInvalid.
        """
        own = self.claimed_meters(request)
        if not own:
            raise UtilityNotAdmitted(f"{self.subscriber_id} serves neither side of this trade")
        for side, mrid in own.items():
            if mrid not in self.customers:
                raise UtilityNotAdmitted(
                    f"the meter of the {side.lower()} is no customer's of {self.subscriber_id}",
                    path=Field.METER if side is Side.BUYER else None,
                    hint="Name the utility that serves the meter.",
                )
        return own

    def claimed_meters(self, request: GridRequest) -> dict[Side, str]:
        """Return the meters of a trade that are said to be its customers', by side. Raises: FieldInvalid."""
        named = {
            Side.BUYER: (request.buyer_utility, request.target_meter),
            Side.SELLER: (request.seller_utility, request.source_meter),
        }
        return {
            side: _mrid(meter) for side, (utility, meter) in named.items() if utility == self.subscriber_id
        }

    def require_approved(self, request: GridRequest, *, platform: str, now: datetime) -> None:
        """Raises: UtilityNotAdmitted, WindowUnavailable, if a trade is none that passes."""
        approval = self.approval
        other = {request.buyer_utility, request.seller_utility} - {self.subscriber_id}
        if approval.platforms is not None and platform not in approval.platforms:
            raise UtilityNotAdmitted(f"{platform} may not bring trades before {self.subscriber_id}")
        if approval.partners is not None and not other <= approval.partners:
            raise UtilityNotAdmitted(
                f"customers of {self.subscriber_id} do not trade with those of {', '.join(sorted(other))}",
                hint=f"They trade with those of {', '.join(sorted(approval.partners)) or 'nobody else'}.",
            )
        if approval.lead and request.window.start < now + approval.lead:
            raise WindowUnavailable(
                f"a trade is brought before {self.subscriber_id} {approval.lead} ahead of delivery at least",
                path=Field.TRADE_START,
                hint="Choose a window that starts later.",
            )


def _mrid(meter: str) -> str:
    try:
        return canonical_mrid(meter, lenient=True)
    except MridInvalid as error:
        raise FieldInvalid(error.message, path=Field.METER, hint=error.hint) from error
