"""What is fuzzed: each target takes any bytes and may raise nothing but the refusals it is known for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from kernel.clock import ManualClock
from kernel.errors import NodeError
from node.authentication import Authentication
from node.gateways import GatewayCheck
from node.ingress import Ingress
from node.peer_gate import PeerGate
from node.peer_pins import PeerPins
from node.rate_limit import PeerRates
from node.telemetry import Metrics
from protocol.actions import Role
from protocol.errors import SignatureInvalid, SignatureMissing, SubscriberUnknown
from protocol.keys import new_private_key
from protocol.profile import PROFILES
from protocol.rulebook import make_rulebook
from protocol.signing import Signer, parse_header
from registry_client.reach import Reach
from registry_client.subscriber import SubscriberRecord
from schemas import jsonld
from storage.inbox_writer import Acceptance, Arrival
from tests.fuzz.meter_target import mirror_document

NOW: Final = datetime(2026, 1, 9, 10, tzinfo=UTC)
BAP_ID, BPP_ID = "bap.example", "bpp.example"
EXPECTED: Final = frozenset({200, 400, 401, 403, 404, 409, 413, 415})


def header(data: bytes) -> None:
    """Read `data` as an Authorization header."""
    with suppress(SignatureInvalid, SignatureMissing):
        parse_header(data.decode("latin-1"))


def envelope(data: bytes) -> None:
    """Post `data`, truly signed, to every path of a seller's node."""
    for path in _PATHS:
        status, answer = asyncio.run(_post(path, data))
        assert status in EXPECTED, (status, answer)
        assert isinstance(orjson.loads(answer), dict)


def json_ld(data: bytes) -> None:
    """Expand `data` as JSON-LD, and look for terms that get lost."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    if not isinstance(document, dict):
        return
    for look in (jsonld.expand, jsonld.lost_terms):
        try:
            look(document)
        except NodeError:
            continue


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "header": header,
    "envelope": envelope,
    "json_ld": json_ld,
    "mirror_document": mirror_document,
}


class _Keyring:
    """Knows one buyer's platform."""

    def __init__(self, record: SubscriberRecord) -> None:
        self._record = record

    def cached(self, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord | None:
        return self._record if subscriber == self._record.subscriber_id else None

    async def key_for(self, *, subscriber: str, key_id: str, at: datetime) -> SubscriberRecord:
        raise SubscriberUnknown(f"no subscriber {subscriber!r}")


class _Writer:
    """Takes everything and keeps nothing."""

    async def store(self, arrival: Arrival) -> Acceptance:
        arrival.dedup_key()
        return Acceptance(first_received_at=arrival.received_at, is_repeat=False, same_body=True)


async def _never_sent(*, message_id: str, action: str) -> list[str]:
    return []


def _signer(subscriber_id: str) -> Signer:
    return Signer(subscriber_id=subscriber_id, key_id="k1", private_key=new_private_key())


_BUYER: Final = _signer(BAP_ID)
_KEYRING: Any = _Keyring(
    SubscriberRecord(subscriber_id=BAP_ID, key_id="k1", signing_public_key=_BUYER.public_key)
)
_NO_DATABASE: Any = None
_INGRESS: Final = Ingress(
    role=Role.BPP,
    subscriber_id=BPP_ID,
    profiles=tuple(PROFILES.values()),
    signers=_signer(BPP_ID),
    authentication=Authentication(keyring=_KEYRING, sent_authorizations=_never_sent),
    writer=_Writer(),  # type: ignore[arg-type]  # stands for one
    admission=None,
    gateways=GatewayCheck(keyring=_KEYRING),
    pins=PeerPins(),
    gate=PeerGate(_NO_DATABASE),
    rates=PeerRates(0),
    rulebook=make_rulebook(),
    clock=ManualClock(NOW),
    metrics=Metrics(),
    max_body_bytes=100_000,
    reach=Reach.PUBLIC,
)
_PATHS: Final = ("/beckn/confirm", "/confirm", "/bpp/receiver/confirm")


async def _post(path: str, body: bytes) -> tuple[int, bytes]:
    authorization = _BUYER.sign(body, now=NOW, label="BLAKE-512")
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(event: Any) -> None:
        said.append(event)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [(b"authorization", authorization.encode())],
    }
    await _INGRESS(scope, receive, send)
    return said[0]["status"], said[1]["body"]
