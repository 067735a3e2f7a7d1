"""Write one example of every message of the 2.0 RC wire: `python examples/write_messages.py [folder]`.

The messages are those of the API's documentation, with a context: one purchase of solar energy, and
what a buyer may ask or change on the way. A test keeps `examples/messages` as this writes it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import simplejson

from bap.examples import CALLBACKS, REQUESTS, SELLER_PLATFORM
from protocol.actions import TRADE, Action
from protocol.context import Context, write_context
from protocol.profile import V2_RC

AGREED: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
"""When the buyer looks for energy; one exchange follows another every five seconds."""
SETTLED: Final = datetime(2026, 6, 13, 0, 10, tzinfo=UTC)
"""When the energy has flowed and is billed."""
AFTERWARDS: Final = (Action.STATUS, Action.RATING)


def documents() -> dict[Action, dict[str, Any]]:
    """Return every message by its action, each callback after its request."""
    written = {}
    for number, exchange in enumerate(TRADE):
        begin = SETTLED if exchange.request in AFTERWARDS else AGREED
        asked = begin + number * timedelta(seconds=5)
        answered = asked + timedelta(seconds=1)
        written[exchange.request] = _document(
            exchange.request, REQUESTS[exchange.request]["message"], exchange.request, asked
        )
        written[exchange.callback] = _document(
            exchange.callback, CALLBACKS[exchange.callback], exchange.request, answered
        )
    return written


def _document(action: Action, message: Any, request: Action, at: datetime) -> dict[str, Any]:  # noqa: ANN401
    """Return the message with its context; a callback bears the message id of its `request`."""
    context = Context(
        action=action.value,
        domain="beckn.one:deg:p2p-trading:2.0.0",
        version=V2_RC.version,
        bap_id="bap.bakery.example",
        bap_uri="https://bap.bakery.example",
        bpp_id=SELLER_PLATFORM,
        bpp_uri="https://bpp.sunfield.example",
        transaction_id=str(uuid5(NAMESPACE_URL, "https://bap.bakery.example/purchase")),
        message_id=str(uuid5(NAMESPACE_URL, f"https://bap.bakery.example/purchase/{request}")),
        timestamp=at,
        ttl=timedelta(seconds=30) if action is request else timedelta(hours=24),
    )
    return {"context": write_context(context, V2_RC), "message": message}


def main(folder: Path) -> None:
    """Write each message to a file of `folder` that is named after its action."""
    folder.mkdir(parents=True, exist_ok=True)
    for action, document in documents().items():
        text = simplejson.dumps(document, use_decimal=True, indent=2, ensure_ascii=False)
        (folder / f"{action}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("messages"))
