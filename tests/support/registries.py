"""Registries that are joined by proof, and those who join them, over real HTTP in the test's own process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from kernel.clock import Clock, SystemClock
from protocol.keys import new_private_key, write_public_key
from protocol.signing import Signer, parse_answer_header, parse_header, verify
from protocol.x25519 import (
    EncryptionPrivateKey,
    read_encryption_public_key,
    write_encryption_public_key,
)
from registry.app import create_registry_app
from registry.challenger import Challenger
from registry.news import News
from registry.policy import RegistryPolicy, UrlChecks
from registry.registrar import Registrar
from registry.service import registry_at_work
from registry.tables import history
from registry.tokens import TokenGuard
from registry_client.challenge import ChallengeScheme, decrypt_challenge
from registry_client.registrar import KEY_PROOF
from storage.backoff import Backoff
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener
from tests.support.calling import calling
from tests.support.loopback_server import LoopbackServer, Served
from tests.support.waiting import eventually

TOKEN: Final = "let-me-in"
DOMAIN: Final = "beckn.one:deg:p2p-trading:2.0.0"
LABELS: Final = ("BLAKE-512",)
AT_ONCE: Final = Backoff(first=timedelta(0), longest=timedelta(0))
LOOPBACK: Final = RegistryPolicy(checks=UrlChecks.LOOPBACK, network_id="pilot.example/2026", backoff=AT_ONCE)


@dataclass(slots=True, kw_only=True)
class FixedKeys:
    """A registry's keys that are only in memory, and change when a test says so."""

    subscriber_id: str = "registry.local"
    signer: Signer = field(
        default_factory=lambda: Signer(
            subscriber_id="registry.local", key_id="r1", private_key=new_private_key()
        )
    )
    encryption: EncryptionPrivateKey = field(default_factory=EncryptionPrivateKey.generate)

    def at(self, _now: datetime, /) -> Signer:
        return self.signer

    def encryption_key(self, key_id: str | None = None) -> EncryptionPrivateKey:
        return self.encryption


def registry_app(
    uow_factory: UnitOfWorkFactory, *, clock: Clock | None = None, token: str = TOKEN, name: str = "operator"
) -> ASGIApp:
    """Return a registry that takes whoever shows the token at its word, and challenges nobody."""
    return create_registry_app(
        uow_factory=uow_factory,
        clock=clock or SystemClock(),
        keys=FixedKeys(),
        guard=TokenGuard.of(token, name=name),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRegistry:
    """A registry with its workers behind a socket."""

    server: LoopbackServer
    keys: FixedKeys
    uow_factory: UnitOfWorkFactory
    registrar: Registrar
    news: News
    token: str = TOKEN

    @property
    def url(self) -> str:
        return self.server.url

    def check_answer(self, answer: httpx.Response, *, now: datetime, request: str | None = None) -> None:
        """Fail unless the registry has signed the answer, bound to the request's signature if given."""
        verify(
            answer.content,
            parse_answer_header(answer.headers.get("Signature")),
            key=self.keys.signer.public_key,
            now=now,
            labels=LABELS,
            request_signatures=() if request is None else (parse_header(request).signature,),
        )


@asynccontextmanager
async def running_signing_registry(
    database: Database,
    *,
    clock: Clock | None = None,
    policy: RegistryPolicy = LOOPBACK,
    trust: ssl.SSLContext | None = None,
    with_workers: bool = True,
) -> AsyncIterator[SigningRegistry]:
    """Serve a registry that challenges who comes; without workers only when a test calls for a step."""
    keys, clock = FixedKeys(), clock or SystemClock()
    uow_factory, news = UnitOfWorkFactory(database), News(most=policy.max_waiting)
    challenger = Challenger(keys=keys, policy=policy, clock=clock, trust=trust)
    registrar = Registrar(uow_factory=uow_factory, challenger=challenger, policy=policy, clock=clock)
    app = create_registry_app(
        uow_factory=uow_factory, clock=clock, keys=keys, guard=TokenGuard.of(TOKEN), policy=policy, news=news
    )
    async with LoopbackServer(app) as server:
        running = SigningRegistry(
            server=server, keys=keys, uow_factory=uow_factory, registrar=registrar, news=news
        )
        if not with_workers:
            yield running
            await challenger.close()
            return
        async with registry_at_work(
            registrar=registrar,
            challenger=challenger,
            news=news,
            listener=Listener(database),
            poll_interval=timedelta(milliseconds=50),
        ):
            yield running


Answerer = Callable[[dict[str, Any]], Response]


@dataclass(kw_only=True)
class Newcomer(Served):
    """A participant to be: its keys, and its `/on_subscribe`, which answers unless told otherwise."""

    subscriber_id: str
    key_id: str = "k1"
    role: str = "BPP"
    domain: str = DOMAIN
    clock: Clock = field(default_factory=SystemClock)
    der: bool = False
    scheme: ChallengeScheme = ChallengeScheme.AES_ECB
    answer: Answerer | None = None
    registry: FixedKeys | None = None
    signer: Signer = field(init=False)
    encryption: EncryptionPrivateKey = field(default_factory=EncryptionPrivateKey.generate)
    challenges: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    server: LoopbackServer = field(init=False)
    _held: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.signer = self.new_signer(self.key_id)
        routes = [Route("/on_subscribe", self._on_subscribe, methods=["POST"])]
        self.server = LoopbackServer(Starlette(routes=routes))
        self._held.set()

    def new_signer(self, key_id: str) -> Signer:
        """Return one more signing key of this participant."""
        return Signer(subscriber_id=self.subscriber_id, key_id=key_id, private_key=new_private_key())

    def subscription(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a `/subscribe`, with a new nonce."""
        return {
            "subscriber_id": self.subscriber_id,
            "key_id": self.signer.key_id,
            "url": self.url,
            "type": self.role,
            "domain": self.domain,
            "signing_public_key": write_public_key(self.signer.public_key),
            "encr_public_key": write_encryption_public_key(self.encryption.public_key, der=self.der),
            "nonce": uuid4().hex,
        } | changes

    def change(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a `PATCH /subscribe`, with a new nonce."""
        return {"subscriber_id": self.subscriber_id, "nonce": uuid4().hex} | changes

    async def send(
        self,
        registry: SigningRegistry,
        method: str,
        path: str,
        body: dict[str, Any],
        *,
        signer: Signer | None = None,
        proof: Signer | None = None,
    ) -> httpx.Response:
        """Send `body` signed, with the proof of a new key if there is one; the answer must be signed."""
        raw, now = orjson.dumps(body), self.clock.now()
        authorization = (signer or self.signer).sign(raw, now=now, label=LABELS[0])
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        if proof is not None:
            headers[KEY_PROOF] = proof.sign(raw, now=now, label=LABELS[0])
        async with calling() as client:
            answer = await client.request(method, registry.url + path, content=raw, headers=headers)
        registry.check_answer(answer, now=self.clock.now(), request=authorization)
        return answer

    async def subscribe(
        self,
        registry: SigningRegistry,
        *,
        signer: Signer | None = None,
        proof: Signer | None = None,
        **changes: Any,
    ) -> httpx.Response:
        self.registry = registry.keys
        body = self.subscription(**changes)
        return await self.send(registry, "POST", "/subscribe", body, signer=signer, proof=proof)

    async def patch(
        self,
        registry: SigningRegistry,
        *,
        signer: Signer | None = None,
        proof: Signer | None = None,
        **changes: Any,
    ) -> httpx.Response:
        body = self.change(**changes)
        return await self.send(registry, "PATCH", "/subscribe", body, signer=signer, proof=proof)

    def hold(self) -> None:
        """Answer no challenge until `let_go`."""
        self._held.clear()

    def let_go(self) -> None:
        self._held.set()

    async def _on_subscribe(self, request: Request) -> Response:
        raw = await request.body()
        content = orjson.loads(raw)
        self.authorizations.append(request.headers["Authorization"])
        self.challenges.append(content)
        await self._held.wait()
        if self.answer is not None:
            return self.answer(content)
        assert self.registry is not None
        verify(
            raw,
            parse_header(request.headers["Authorization"]),
            key=self.registry.signer.public_key,
            now=self.clock.now(),
            labels=LABELS,
        )
        plain = decrypt_challenge(
            content["challenge"],
            scheme=self.scheme,
            sender=read_encryption_public_key(
                write_encryption_public_key(self.registry.encryption.public_key, der=self.der)
            ),
            receiver=self.encryption,
        )
        return JSONResponse({"answer": plain})

    async def leave(self) -> None:
        self.let_go()
        await super().leave()


async def standing_of(registry: SigningRegistry, subscriber_id: str) -> dict[str, Any]:
    """Return how a subscriber stands; `{}` if it is unknown."""
    async with calling() as client:
        answer = await client.get(f"{registry.url}/subscriptions/{subscriber_id}")
    content: dict[str, Any] = answer.json()
    return content if answer.status_code == 200 else {}


async def status_of(registry: SigningRegistry, subscriber_id: str) -> str:
    """Return the status of a subscriber, nothing if it is unknown."""
    return str((await standing_of(registry, subscriber_id)).get("status", ""))


async def enter(registry: SigningRegistry, newcomer: Newcomer, **changes: Any) -> None:
    """Have the newcomer subscribed."""
    answer = await newcomer.subscribe(registry, **changes)
    assert answer.json() == {"status": "UNDER_SUBSCRIPTION"}, answer.text
    await eventually(lambda: status_of(registry, newcomer.subscriber_id), "SUBSCRIBED")


async def look_up(registry: SigningRegistry, **question: Any) -> list[dict[str, Any]]:
    """Return what the registry finds."""
    async with calling() as client:
        answer = await client.post(f"{registry.url}/lookup", json=question)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def step_of(registry: SigningRegistry, subscriber_id: str) -> list[str]:
    """Return what comes next with each of a subscriber's requests that is not fulfilled."""
    return [each["step"] for each in (await standing_of(registry, subscriber_id)).get("requests", [])]


async def actions_of(registry: SigningRegistry) -> list[tuple[str, str, bool]]:
    """Return what the history tells: what happened, by whom, and whether what is found changed."""
    async with registry.uow_factory() as uow:
        rows = await uow.connection.execute(select(history).order_by(history.c.id))
        return [(row.action, row.changed_by, row.in_force) for row in rows]


async def decide(registry: SigningRegistry, what: str, subscriber_id: str, **form: Any) -> httpx.Response:
    """Return what the registry says to its operator's decision: approve, reject or revoke.

    An approval is of the request as it is now: the one that `form` names, or the only one.
    """
    if what == "approve":
        asked = await asked_of(registry, subscriber_id)
        named = [each for each in asked if form.get("request_id") in (None, each["id"])]
        if len(named) == 1:
            form = {"request_id": named[0]["id"], "revision": named[0]["revision"]} | form
    async with calling() as client:
        return await client.post(
            f"{registry.url}/admin/subscriptions/{subscriber_id}/{what}",
            json={"reason": "because"} | form,
            headers={"Authorization": f"Bearer {registry.token}"},
        )


async def asked_of(registry: SigningRegistry, subscriber_id: str) -> list[dict[str, Any]]:
    """Return what a name asks for, as the operator sees it."""
    headers = {"Authorization": f"Bearer {registry.token}"}
    async with calling() as client:
        answer = await client.get(f"{registry.url}/admin/subscriptions", headers=headers)
    return [each for each in answer.json()["requests"] if each["subscriber_id"] == subscriber_id]


def refusal_of(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal, which also says where or what to do."""
    error = answer.json()["error"]
    assert error["details"].get("hint") or error["details"]["path"]
    return answer.status_code, error["code"]
