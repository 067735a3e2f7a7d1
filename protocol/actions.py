"""THE TABLE of actions: routes, handler bindings, client calls, schemas, tests and docs read it.

Names are the 2.0 ones; a wire profile says what each is called on its own wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Action(StrEnum):
    """Every message that travels between a buyer's and a seller's platform."""

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


class Role(StrEnum):
    """Which side of a trade a participant plays; a gateway (BG) stands between the two."""

    BAP = "bap"
    BPP = "bpp"
    BG = "bg"

    @property
    def counterpart(self) -> Role:
        """Return the other side of the trade; a gateway has none."""
        if self is Role.BG:
            raise ValueError("a gateway trades with nobody")
        return Role.BPP if self is Role.BAP else Role.BAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that a BAP sends and the callback that answers it.

    `unsolicited` says whether a BPP may also send the callback on its own initiative.
    """

    request: Action
    callback: Action
    purpose: str
    unsolicited: bool = False


EXCHANGES: Final = (
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

CALLBACK_OF: Final = {exchange.request: exchange.callback for exchange in EXCHANGES}
REQUEST_OF: Final = {exchange.callback: exchange.request for exchange in EXCHANGES}

HANDLED_BY: Final = {
    Role.BPP: tuple(exchange.request for exchange in EXCHANGES),
    Role.BAP: tuple(exchange.callback for exchange in EXCHANGES),
    Role.BG: (Action.DISCOVER, Action.ON_DISCOVER),
}


def sender_role(action: Action) -> Role:
    """Return the role of whoever sends `action`."""
    return Role.BAP if action in CALLBACK_OF else Role.BPP
