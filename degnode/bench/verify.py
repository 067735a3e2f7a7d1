"""`degnode bench verify`: verified messages a second, by what is known of their senders.

Warm: the sender's key is in memory. Stored: it is in the node's database, as after a start. Cold: it is
known to the registry alone, which is asked over real HTTP: each question signed, each answer verified
against the registry's key and put into the database. In the last two each message has another sender.
The reference is the bare Ed25519 verification of OpenSSL (the `cryptography` package) on one core,
taken in turns with the warm rounds; the message is a confirm of five kilobytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, TypeVar

from degnode.bench.buyers import enter_buyer, new_buyer
from degnode.bench.confirms import SignedConfirm, signed_confirm
from degnode.bench.reference import bare_engine, bare_openssl, rate_of
from degnode.processes import Network, small_network
from kernel.clock import SystemClock
from node.authentication import Authentication
from node.known_keys import KnownKeys
from node.routing import Route
from protocol.actions import Action
from protocol.profile import V2_RC
from protocol.signing import Signer
from registry_client.answer_signature import RegistryTrust
from registry_client.connection import RegistryConnection
from registry_client.key_times import LookupBounds
from registry_client.keyring import KeyRing
from registry_client.lookup import LookupClient
from registry_client.registry_card import RegistryCard
from registry_client.subscriber import SubscriberRecord
from storage.database import Database
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWorkFactory

_ROUNDS: Final = 15
_ROUND: Final = 1_000  # messages, and bare verifications
_ENTERED_AT_ONCE: Final = 8
_ROUTE: Final = Route(Action.CONFIRM, (V2_RC,))
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """Messages a second, and bare verifications a second by both engines, round by round."""

    body_bytes: int
    senders: int
    warm_rates: list[float]
    bare_rates: list[float]
    engine_rates: list[float]
    stored_rate: float
    cold_rate: float
    questions: int

    @property
    def warm_rate(self) -> float:
        return median(self.warm_rates)

    @property
    def bare_rate(self) -> float:
        return median(self.bare_rates)

    @property
    def engine_rate(self) -> float:
        return median(self.engine_rates)

    @property
    def warm_ratio(self) -> float:
        """The warm rate as a share of the bare rate of the same round, the median of the rounds."""
        return median(warm / bare for warm, bare in zip(self.warm_rates, self.bare_rates, strict=True))

    def ratio(self, rate: float) -> float:
        """Return `rate` as a share of the bare rate."""
        return rate / self.bare_rate


class _CountingClient(LookupClient):
    """Counts how often it is asked for a key."""

    questions = 0

    async def find_key(self, *, subscriber_id: str, key_id: str) -> list[SubscriberRecord]:
        self.questions += 1
        return await super().find_key(subscriber_id=subscriber_id, key_id=key_id)


async def bench_verify(
    *, senders: int, in_flight: int, catalog: Path, tell: Callable[[str], None]
) -> VerifyReport:
    """Run the benchmark with so many senders; `tell` hears how far it has come."""
    async with small_network(catalog=catalog, start=("registry",)) as network:
        database = Database.connect(network.database_urls["bap"])
        try:
            await migrate(database)
            return await _measure(network, database, senders=senders, in_flight=in_flight, tell=tell)
        finally:
            await database.close()


async def _measure(
    network: Network, database: Database, *, senders: int, in_flight: int, tell: Callable[[str], None]
) -> VerifyReport:
    signers = [new_buyer(f"bap-{number}.example.com") for number in range(senders)]
    tell(f"{senders:,} senders enter the registry")
    await _all(
        signers,
        lambda signer: enter_buyer(network, signer, url=f"https://{signer.subscriber_id}"),
        at_a_time=_ENTERED_AT_ONCE,
    )
    confirm = signed_confirm(V2_RC, signer=signers[0], now=SystemClock().now())
    messages = [_sign_again(confirm, signer) for signer in signers]
    directory = await _open_directory(network, signers[0])
    store = KnownKeys(UnitOfWorkFactory(database), network=network.registry.url)

    async def rate(authentication: Authentication) -> float:
        started = perf_counter()
        await _all(messages, lambda message: _verify(authentication, message), at_a_time=in_flight)
        return len(messages) / (perf_counter() - started)

    try:
        cold_rate = await rate(cold := _authentication(directory, store))
        questions = directory.questions
        tell(f"cold: {cold_rate:,.0f} messages/s, {questions:,} questions")
        stored_rate = await rate(_authentication(directory, store))
        tell(f"stored: {stored_rate:,.0f} messages/s")
        if directory.questions != questions:
            raise RuntimeError("keys that are in the database were asked for")
        warm, bare, engine = await _take_turns(cold, messages[0], signers[0])
    finally:
        await directory.close()
    return VerifyReport(
        body_bytes=len(confirm.body),
        senders=senders,
        warm_rates=warm,
        bare_rates=bare,
        engine_rates=engine,
        stored_rate=stored_rate,
        cold_rate=cold_rate,
        questions=questions,
    )


async def _take_turns(
    authentication: Authentication, message: SignedConfirm, signer: Signer
) -> tuple[list[float], list[float], list[float]]:
    """Return the rates of rounds that take turns: a shared machine is now faster and now slower."""
    openssl, engine = bare_openssl(signer), bare_engine(signer)
    rates: tuple[list[float], list[float], list[float]] = ([], [], [])
    for _ in range(_ROUNDS):
        started = perf_counter()
        for _ in range(_ROUND):
            await _verify(authentication, message)
        rates[0].append(_ROUND / (perf_counter() - started))
        rates[1].append(rate_of(openssl, times=_ROUND))
        rates[2].append(rate_of(engine, times=_ROUND))
    return rates


async def _verify(authentication: Authentication, message: SignedConfirm) -> None:
    """Do what the way in does with a message until it knows whose it is."""
    header = authentication.read(message.authorization)
    await authentication.verify(message.body, header, route=_ROUTE, now=SystemClock().now())


def _authentication(directory: _CountingClient, store: KnownKeys) -> Authentication:
    """Return the node's own, with nothing in memory yet; all senders may wait for their look-up."""
    bounds = LookupBounds(max_waiting=1_000_000)
    ring = KeyRing(directory, clock=SystemClock(), bounds=bounds, store=store, max_entries=1_000_000)
    return Authentication(keyring=ring, sent_authorizations=_none_sent)


async def _none_sent(*, message_id: str, action: str) -> list[str]:
    return []


def _sign_again(confirm: SignedConfirm, signer: Signer) -> SignedConfirm:
    """Return the same bytes under another signature: whom they name is looked at later."""
    now = SystemClock().now()
    authorization = signer.sign(confirm.body, now=now, label=V2_RC.digest_labels[0])
    return SignedConfirm(profile=confirm.profile, body=confirm.body, authorization=authorization)


async def _open_directory(network: Network, signer: Signer) -> _CountingClient:
    """Return a client that signs its questions and believes the registry's own answers only."""
    async with RegistryConnection(network.registry.url) as connection:
        card = RegistryCard.from_wire((await connection.get("/")).content)
    if card.signing_key is None:
        raise RuntimeError("the registry does not say which key it signs with")
    trust = RegistryTrust(clock=SystemClock(), signers=signer, keys=(card.signing_key,))
    return _CountingClient(network.registry.url, trust=trust)


async def _all(things: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_a_time: int) -> None:
    """Do the work with everything, so much of it at a time."""
    remaining = iter(things)

    async def go_on() -> None:
        for thing in remaining:
            await work(thing)

    await asyncio.gather(*(go_on() for _ in range(at_a_time)))
