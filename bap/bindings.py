"""Which handler takes which callback: the buyer's side of the table of actions."""

from __future__ import annotations

from functools import partial

from bap.handlers import OnArrival, nobody, receive_answer, receive_order
from node.message import Handler
from protocol.actions import Action


def bind(on_arrival: OnArrival = nobody) -> dict[Action, Handler]:
    """Return the handler of every callback that a buyer's platform takes; `on_arrival` hears of each."""
    answer = partial(receive_answer, on_arrival=on_arrival)
    order = partial(receive_order, on_arrival=on_arrival)
    return {
        Action.ON_DISCOVER: answer,
        Action.ON_SELECT: order,
        Action.ON_INIT: order,
        Action.ON_CONFIRM: order,
        Action.ON_STATUS: order,
        Action.ON_TRACK: answer,
        Action.ON_UPDATE: order,
        Action.ON_CANCEL: order,
        Action.ON_RATING: answer,
        Action.ON_SUPPORT: answer,
    }
