"""Which handler takes which callback: the buyer's side of the table of actions."""

from __future__ import annotations

from bap.handlers import receive_answer, receive_order
from node.message import Handler
from protocol.actions import Action


def bind() -> dict[Action, Handler]:
    """Return the handler of every callback that a buyer's platform takes."""
    return {
        Action.ON_DISCOVER: receive_answer,
        Action.ON_SELECT: receive_order,
        Action.ON_INIT: receive_order,
        Action.ON_CONFIRM: receive_order,
        Action.ON_STATUS: receive_order,
        Action.ON_TRACK: receive_answer,
        Action.ON_UPDATE: receive_order,
        Action.ON_CANCEL: receive_order,
        Action.ON_RATING: receive_answer,
        Action.ON_SUPPORT: receive_answer,
    }
