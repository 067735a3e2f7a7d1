"""Write the messages of the use cases, in each generation: `python examples/write_messages.py [folder]`.

A folder for each generation, in it one for each use case with its messages in the order in which they
travel, from the first look to the bill. They come from conversations that are run for real, on a database
and a clock of their own. What is in `v2_rc/documented` is what the API's documentation shows, with a context.
A test keeps `examples/messages` as this writes it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import simplejson

from bap.examples import CALLBACKS, REQUESTS, SELLER_PLATFORM
from examples.conversations.purchase import converse
from examples.conversations.recorder import empty_databases
from examples.conversations.use_cases import USE_CASES, UseCase
from protocol.actions import TRADE, Action
from protocol.context import Context, write_context
from protocol.profile import PROFILES, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory

AGREED: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
"""When the buyer looks for energy; one exchange follows another every five seconds."""
SETTLED: Final = datetime(2026, 6, 13, 0, 10, tzinfo=UTC)
"""When the energy has flowed and is billed."""
AFTERWARDS: Final = (Action.STATUS, Action.RATING)


def documents() -> dict[Action, dict[str, Any]]:
    """Return every message of the documentation by its action, each callback after its request."""
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


def documented() -> dict[str, str]:
    """Return the texts of the documentation's messages by their files."""
    return {f"v2_rc/documented/{action}.json": _text(document) for action, document in documents().items()}


async def conversation(
    use_case: UseCase,
    profile: Profile,
    *,
    uow_factory: UnitOfWorkFactory,
    utilities: Sequence[UnitOfWorkFactory] = (),
) -> dict[str, str]:
    """Return the texts of a use case's messages on a generation by their files."""
    written = await converse(use_case, profile, uow_factory=uow_factory, utilities=utilities)
    return {
        f"{profile.name}/{use_case.name}/{number:02}-{message.name}.json": _text(message.document)
        for number, message in enumerate(written, start=1)
    }


async def conversations() -> dict[str, str]:
    """Return the texts of all messages of all use cases by their files."""
    texts: dict[str, str] = {}
    async with empty_databases() as make_database:
        for use_case, profile in product(USE_CASES, PROFILES.values()):
            name = f"{use_case.name}-{profile.name}"
            names = [name, *(f"{name}-{number}" for number in range(len(use_case.utilities)))]
            databases = [await make_database(each) for each in names]
            seller, *others = (UnitOfWorkFactory(each) for each in databases)
            texts |= await conversation(use_case, profile, uow_factory=seller, utilities=others)
            for database in databases:
                await database.close()
    return texts


def _text(document: dict[str, Any]) -> str:
    return simplejson.dumps(document, use_decimal=True, indent=2, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write each message to a file below `folder`."""
    for name, text in (documented() | asyncio.run(conversations())).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("messages"))
