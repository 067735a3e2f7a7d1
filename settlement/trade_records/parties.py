"""The four parties of a trade's record: who is who, what each may write, and what each sees.

A party is recognised by its subscriber id, which stands in the record's own field of that party; a role
that a caller only claims counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from settlement.trade_records.refusals import RefusalCode, Refused

MASKED: Final = "MASKED"
"""What stands for a customer's id that is none of the reader's business."""


class PartyRole(StrEnum):
    """Whom a caller says to be in the trade."""

    BUYER = "BUYER"
    SELLER = "SELLER"
    BUYER_DISCOM = "BUYER_DISCOM"
    SELLER_DISCOM = "SELLER_DISCOM"


PLATFORMS: Final = frozenset({PartyRole.BUYER, PartyRole.SELLER})
NAMED_IN: Final[Mapping[PartyRole, str]] = {
    PartyRole.BUYER: "platformIdBuyer",
    PartyRole.SELLER: "platformIdSeller",
    PartyRole.BUYER_DISCOM: "discomIdBuyer",
    PartyRole.SELLER_DISCOM: "discomIdSeller",
}
"""The field that holds the subscriber id of each party."""

SEEN_BY: Final[Mapping[str, frozenset[PartyRole]]] = {
    "buyerId": frozenset({PartyRole.BUYER, PartyRole.BUYER_DISCOM}),
    "sellerId": frozenset({PartyRole.SELLER, PartyRole.SELLER_DISCOM}),
}
"""Fields that not every party sees: a customer is known on its own side only."""

_RECORDED_BY: Final[Mapping[str, PartyRole]] = {
    "buyerFulfillmentValidationMetrics": PartyRole.BUYER_DISCOM,
    "statusBuyerDiscom": PartyRole.BUYER_DISCOM,
    "sellerFulfillmentValidationMetrics": PartyRole.SELLER_DISCOM,
    "statusSellerDiscom": PartyRole.SELLER_DISCOM,
}


def roles_of(caller: str, record: Mapping[str, Any]) -> frozenset[PartyRole]:
    """Return what a caller is in a record's trade; nothing, if it has no part in it."""
    return frozenset(role for role, field in NAMED_IN.items() if record.get(field) == caller)


def check_party(caller: str, role: PartyRole, record: Mapping[str, Any]) -> None:
    """Refuse a caller that is not in the record what it says to be. Raises: Refused."""
    if role not in roles_of(caller, record):
        raise Refused(
            RefusalCode.NOT_AUTHORIZED,
            f"{caller} is not {role} of this trade: that is whom {NAMED_IN[role]} names",
            field=NAMED_IN[role],
        )


def check_platform(role: PartyRole) -> None:
    """Refuse a utility where only platforms write. Raises: Refused."""
    if role not in PLATFORMS:
        raise Refused(
            RefusalCode.NOT_AUTHORIZED,
            f"{role} cannot put a record; utilities use /ledger/record",
            field="role",
        )


def check_recordable(role: PartyRole, change: Mapping[str, Any]) -> None:
    """Refuse what the other side's utility has to say. Raises: Refused."""
    for field in change:
        if _RECORDED_BY[field] is not role:
            raise Refused(RefusalCode.NOT_AUTHORIZED, f"Caller role {role} cannot write {field}", field=field)


def visible_to(caller: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record as one of its parties sees it."""
    roles = roles_of(caller, record)
    return {field: value if SEEN_BY.get(field, roles) & roles else MASKED for field, value in record.items()}
