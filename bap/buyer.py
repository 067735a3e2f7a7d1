"""This node as a buyer's platform: it sends what apps ask for and waits for what comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import simplejson
import structlog
from sqlalchemy import select

from bap.call_request import CallRequest, MessageRefused
from bap.events import EventHub
from bap.tables import CallState, Direction, bap_messages
from bap.transactions import Transactions
from kernel.clock import Clock
from kernel.errors import NodeError
from kernel.ids import IdSource, random_id
from node.correspondence import Correspondent, Peer
from node.peer_rules import CheckReceiver, send_to_anybody
from node.wires import Wires
from protocol.actions import CALLBACK_OF, Action
from protocol.detection import detect_message
from protocol.errors import WireError
from protocol.profile import PROFILES, Profile
from protocol.rulebook import Rulebook
from storage.outbox import Outgoing
from storage.tables import OutboxState, outbox
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)

FindGateway = Callable[[], Awaitable[Peer]]
"""Returns the gateway that searches go through; raises a NodeError where there is none."""

FindPeer = Callable[[str], Awaitable[Peer]]
"""Returns the participant of that subscriber id; raises a NodeError where there is none."""


class PeerNotNamed(NodeError):
    """The request does not say which seller's platform it is for."""

    code, http_status, retryable = "CTX_MISSING_FIELD", 422, False


class PeerUnknown(NodeError):
    """The registry knows no such seller's platform."""

    code, http_status, retryable = "AUT_SUBSCRIBER_NOT_FOUND", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A request to one seller's platform, its message in the words of `profile`."""

    action: Action
    peer: Peer
    profile: Profile
    message: Mapping[str, Any]
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCall:
    """A request on its way."""

    transaction_id: str
    message_id: str
    action: Action
    bpp_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """The answer to a request, the whole document."""

    action: Action
    document: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """A request that no callback will answer; `was_refused` if the peer said so itself."""

    error: WireError
    was_refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Sends requests and waits for callbacks.

    A discover that names nobody goes to the `discovery` service, if there is one by that name; else
    through the gateway, where its wire has gateways.
    """

    uow_factory: UnitOfWorkFactory
    correspondent: Correspondent
    wires: Wires
    rulebook: Rulebook
    find_peer: FindPeer
    find_gateway: FindGateway
    hub: EventHub
    clock: Clock
    check_receiver: CheckReceiver = send_to_anybody
    new_transaction_id: IdSource = random_id
    discovery: str | None = None

    async def send(self, action: Action, request: CallRequest, *, requested_by: str) -> SentCall:
        """Put the request in the outbox, checked as it will be sent, together with its records.

        Raises: MessageRefused, PeerNotNamed, PeerUnknown, GatewayUnknown, PeerRefused,
        TransactionTaken, or what the registry raises.
        """
        if action is Action.DISCOVER and request.bpp_id is None and self.discovery is not None:
            request = request.model_copy(update={"bpp_id": self.discovery})
        open_wire = self._open_wire(request) if action is Action.DISCOVER else None
        peer = await (self.find_gateway() if open_wire else self._peer(request))
        self.check_receiver(peer.subscriber_id)
        if open_wire is None:
            profile = await self._wire(request, peer)
            outgoing = self._write(
                Letter(
                    action=action,
                    peer=peer,
                    profile=profile,
                    message=request.message,
                    transaction_id=self._transaction_id(request),
                )
            )
        else:
            outgoing = self._write_to_all(action, request, peer, open_wire)
        self._check(action, outgoing)
        async with self.uow_factory() as uow:
            await put_call(uow, outgoing, peer, requested_by, to_all=open_wire is not None)
        return _note_sent(action, outgoing, peer, requested_by)

    async def post(self, uow: UnitOfWork, letter: Letter, *, requested_by: str) -> SentCall:
        """Put a request in the outbox within a unit of work, checked as it will be sent.

        Raises: MessageRefused, PeerRefused, TransactionTaken.
        """
        self.check_receiver(letter.peer.subscriber_id)
        outgoing = self._write(letter)
        self._check(letter.action, outgoing)
        await put_call(uow, outgoing, letter.peer, requested_by)
        return _note_sent(letter.action, outgoing, letter.peer, requested_by)

    async def get_seller(self, bpp_id: str) -> Peer:
        """Return a seller's platform as the registry has it.

        Raises: PeerUnknown, or what the registry raises that may be asked again.
        """
        try:
            return await self.find_peer(bpp_id)
        except NodeError as error:
            if error.retryable:
                raise
            raise PeerUnknown(
                f"{bpp_id} cannot be looked up: {error.message}",
                path="$.bpp_id",
                hint="Send a bpp_id that the registry knows, or bpp_uri with it.",
            ) from error

    async def wait(self, call: SentCall, *, seconds: float) -> Callback | Undelivered | None:
        """Return how the call ended, None if that is not known after `seconds`."""

        async def find() -> Callback | Undelivered | None:
            async with self.uow_factory() as uow:
                return await _find_end(uow, call)

        return await self.hub.wait_for(find, transaction_id=call.transaction_id, seconds=seconds)

    def _open_wire(self, request: CallRequest) -> Profile | None:
        """Return the wire of a discover that goes through a gateway to everybody, None for another."""
        if request.bpp_id is not None:
            return None
        if request.wire is not None:
            meant: Profile | None = PROFILES[request.wire]
        else:
            meant = detect_message(request.message, self.wires.spoken)
        candidates = self.wires.spoken if meant is None else (meant,)
        return next((profile for profile in candidates if profile.through_gateways), None)

    def _write(self, letter: Letter) -> Outgoing:
        return self.correspondent.request(
            letter.action,
            to=letter.peer,
            message=letter.message,
            transaction_id=letter.transaction_id,
            now=self.clock.now(),
            profile=letter.profile,
        )

    def _write_to_all(self, action: Action, request: CallRequest, peer: Peer, profile: Profile) -> Outgoing:
        return self.correspondent.open_request(
            action,
            through=peer,
            message=request.message,
            transaction_id=self._transaction_id(request),
            now=self.clock.now(),
            profile=profile,
            location=None if request.location is None else request.location.to_wire(),
        )

    def _transaction_id(self, request: CallRequest) -> str:
        return request.transaction_id or str(self.new_transaction_id())

    async def _peer(self, request: CallRequest) -> Peer:
        if request.bpp_id is None:
            raise PeerNotNamed(
                "the request names no seller's platform",
                path="$.bpp_id",
                hint="Send bpp_id, and bpp_uri if the registry does not hold it. Only a v1_1 discover goes "
                "without, through the network's gateway.",
            )
        if request.bpp_uri is not None:
            return Peer(subscriber_id=request.bpp_id, url=str(request.bpp_uri).rstrip("/"))
        return await self.get_seller(request.bpp_id)

    async def _wire(self, request: CallRequest, peer: Peer) -> Profile:
        """Return the generation to write in: as asked for, as the message shows, or as the peer speaks."""
        if request.wire is not None:
            return PROFILES[request.wire]
        return detect_message(request.message, self.wires.spoken) or await self.wires.of(peer.subscriber_id)

    def _check(self, action: Action, outgoing: Outgoing) -> None:
        profile = PROFILES[outgoing.profile]
        document = simplejson.loads(outgoing.body, use_decimal=True)
        if violations := self.rulebook.violations(document, action=action, profile=profile):
            raise MessageRefused(violations)


async def put_call(
    uow: UnitOfWork, outgoing: Outgoing, to: Peer, requested_by: str, *, to_all: bool = False
) -> None:
    """Record a request and put it into the outbox; `to_all` if a gateway passes it on.

    Raises: TransactionTaken.
    """
    await Transactions(uow).record_call(outgoing, to=to, requested_by=requested_by, to_all=to_all)
    await uow.outbox.put(outgoing)


def _note_sent(action: Action, outgoing: Outgoing, peer: Peer, requested_by: str) -> SentCall:
    log.info(
        "call.sent",
        action=action.value,
        transaction_id=outgoing.transaction_id,
        message_id=outgoing.message_id,
        peer=peer.subscriber_id,
        requested_by=requested_by,
    )
    return SentCall(
        transaction_id=outgoing.transaction_id,
        message_id=outgoing.message_id,
        action=action,
        bpp_id=peer.subscriber_id,
    )


async def _find_end(uow: UnitOfWork, call: SentCall) -> Callback | Undelivered | None:
    found = await Transactions(uow).find_call(call.message_id)
    if found is None or found.state is CallState.SENT:
        return None
    if found.state is CallState.UNDELIVERED:
        state = await uow.connection.execute(
            select(outbox.c.state).where(
                outbox.c.message_id == call.message_id, outbox.c.action == call.action
            )
        )
        error = found.error or WireError(code="UNKNOWN", message="no reason was given")
        return Undelivered(error=error, was_refused=state.scalar_one_or_none() != OutboxState.DEAD)
    callback = CALLBACK_OF[call.action]
    rows = await uow.connection.execute(
        select(bap_messages.c.document)
        .where(
            bap_messages.c.message_id == call.message_id,
            bap_messages.c.action == callback,
            bap_messages.c.direction == Direction.IN,
        )
        .order_by(bap_messages.c.sequence)
        .limit(1)  # of those that answer a search through a gateway, the first
    )
    return Callback(action=callback, document=rows.scalar_one())
