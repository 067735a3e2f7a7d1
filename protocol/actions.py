"""THE TABLE of actions: routes, handler bindings, client calls, schemas, tests and docs read it.

Names are the 2.0 ones; a wire profile says what each is called on its own wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """Every message that travels between platforms."""

    DISCOVER = "discover"
    SELECT = "select"
    INIT = "init"
    CONFIRM = "confirm"
    STATUS = "status"
    TRACK = "track"
    UPDATE = "update"
    CANCEL = "cancel"
    RATING = "rating"
    SUPPORT = "support"
    CATALOG_PUBLISH = "catalog_publish"
    ON_DISCOVER = "on_discover"
    ON_SELECT = "on_select"
    ON_INIT = "on_init"
    ON_CONFIRM = "on_confirm"
    ON_STATUS = "on_status"
    ON_TRACK = "on_track"
    ON_UPDATE = "on_update"
    ON_CANCEL = "on_cancel"
    ON_RATING = "on_rating"
    ON_SUPPORT = "on_support"
    ON_CATALOG_PUBLISH = "on_catalog_publish"


class Role(StrEnum):
    """Which part a participant plays: a side of a trade, or a service to both sides.

    A gateway (BG) passes searches on, a discovery service (CDS) answers them from the catalogues that
    were published to it.
    """

    BAP = "bap"
    BPP = "bpp"
    BG = "bg"
    CDS = "cds"

    @property
    def counterpart(self) -> Role:
        """Return the other side of the trade; who takes no side has none."""
        if self not in _SIDES:
            raise ValueError(f"a {self.upper()} trades with nobody")
        return _SIDES[self]

    @property
    def subscribes_as(self) -> Role:
        """What the registry is told: it knows no discovery services, which answer searches as sellers do.

        Source: Beckn registry API 1.1, Subscription.type.
        """
        return Role.BPP if self is Role.CDS else self


_SIDES: Final = {Role.BAP: Role.BPP, Role.BPP: Role.BAP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that `asker` sends and the callback that answers it.

    `unsolicited` says whether a BPP may also send the callback on its own initiative.
    """

    request: Action
    callback: Action
    purpose: str
    asker: Role = Role.BAP
    unsolicited: bool = False


TRADE: Final = (
    Exchange(request=Action.DISCOVER, callback=Action.ON_DISCOVER, purpose="find energy on offer"),
    Exchange(request=Action.SELECT, callback=Action.ON_SELECT, purpose="ask for a quote"),
    Exchange(request=Action.INIT, callback=Action.ON_INIT, purpose="hold the quantity and agree the terms"),
    Exchange(request=Action.CONFIRM, callback=Action.ON_CONFIRM, purpose="make the contract binding"),
    Exchange(
        request=Action.STATUS,
        callback=Action.ON_STATUS,
        purpose="learn what was delivered, settled and billed",
        unsolicited=True,
    ),
    Exchange(request=Action.TRACK, callback=Action.ON_TRACK, purpose="get a link to follow the delivery"),
    Exchange(
        request=Action.UPDATE,
        callback=Action.ON_UPDATE,
        purpose="change the contracted quantity",
        unsolicited=True,
    ),
    Exchange(
        request=Action.CANCEL,
        callback=Action.ON_CANCEL,
        purpose="end the contract early",
        unsolicited=True,
    ),
    Exchange(request=Action.RATING, callback=Action.ON_RATING, purpose="rate an order or a provider"),
    Exchange(request=Action.SUPPORT, callback=Action.ON_SUPPORT, purpose="get the seller's contacts"),
)

"""What a buyer's platform asks a seller's, and what answers it."""

PUBLISHING: Final = Exchange(
    request=Action.CATALOG_PUBLISH,
    callback=Action.ON_CATALOG_PUBLISH,
    purpose="tell a discovery service what is for sale",
    asker=Role.BPP,
)
EXCHANGES: Final = (*TRADE, PUBLISHING)

CALLBACK_OF: Final = {exchange.request: exchange.callback for exchange in EXCHANGES}
REQUEST_OF: Final = {exchange.callback: exchange.request for exchange in EXCHANGES}

HANDLED_BY: Final = {
    Role.BPP: (*(exchange.request for exchange in TRADE), PUBLISHING.callback),
    Role.BAP: tuple(exchange.callback for exchange in TRADE),
    Role.BG: (Action.DISCOVER, Action.ON_DISCOVER),
    Role.CDS: (Action.DISCOVER, PUBLISHING.request),
}
SENT_BY: Final = {
    Role.BPP: (*(exchange.callback for exchange in TRADE), PUBLISHING.request),
    Role.BAP: tuple(exchange.request for exchange in TRADE),
    Role.BG: (),  # it passes on what others send
    Role.CDS: (Action.ON_DISCOVER, PUBLISHING.callback),
}

_ASKERS: Final = {exchange.request: exchange.asker for exchange in EXCHANGES}


def sender_side(action: Action) -> Role:
    """Return as what the context names the sender of `action`: who asks as BAP, who answers as BPP.

    Source: Beckn 2.0 RC, where a seller's platform that publishes stands under `bap_id`.
    """
    return Role.BAP if action in CALLBACK_OF else Role.BPP


ASKED_OF_UTILITIES: Final = (Action.INIT, Action.CONFIRM, Action.UPDATE, Action.CANCEL)
"""What a seller's platform asks the distribution utilities of a trade, as their BAP: it cascades."""


REFUSED_TO_UTILITIES: Final = (Action.ON_UPDATE,)
"""What a utility says unasked; by the same callback, with an error, a platform says why it is not taken."""


def handled_by(role: Role, *, cascades: bool = False, serves: bool = False) -> tuple[Action, ...]:
    """Return what a participant of `role` takes.

    A BPP that `cascades` also takes utilities' answers. One that `serves` is a utility, which is told what of
    its own words is not taken.
    """
    answers = tuple(CALLBACK_OF[request] for request in ASKED_OF_UTILITIES) if cascades else ()
    return HANDLED_BY[role] + answers + (REFUSED_TO_UTILITIES if serves else ())


def sender_role(action: Action) -> Role:
    """Return what the sender of `action` subscribes as: who answers, a discovery service too, as BPP."""
    return _ASKERS.get(action, Role.BPP)
