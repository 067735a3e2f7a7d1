"""The registry of a small network."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from pydantic import Field, SecretStr, field_validator

from degnode.roles.configuration import load_settings
from degnode.roles.own_keys import open_service_keys
from degnode.serve import open_database, serve
from kernel.clock import Clock, SystemClock
from keystore.keychain import Keychain
from node.settings import ServiceSettings
from node.telemetry import configure_logging
from registry.app import create_registry_app
from registry.challenger import Challenger
from registry.news import News
from registry.policy import (
    DEFAULT_DEDI_REGISTRY,
    DEFAULT_REGISTRY_ID,
    Approval,
    RegistryPolicy,
    UrlChecks,
)
from registry.registrar import Registrar
from registry.service import registry_at_work
from registry.tokens import TokenGuard, find_token_digests, make_first_token
from registry_client.challenge import ChallengeScheme
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from storage.wakeup import Listener

_ON_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")
_NAME: Final = r'^[^\s|"/]+$'  # it stands in key ids and in paths


class RegistrySettings(ServiceSettings):
    """The settings of a registry."""

    registry_id: str = Field(
        DEFAULT_REGISTRY_ID, pattern=_NAME, max_length=255, description="The registry's own name."
    )
    network_id: str | None = Field(None, description="The network that its subscribers are members of.")
    dedi_registry: str = Field(
        DEFAULT_DEDI_REGISTRY, pattern=_NAME, description="The registry's name in the paths of DeDi."
    )
    registry_token: SecretStr | None = Field(
        None, description="What the operator shows; one is made and shown once if it is not set."
    )
    registry_approval: Approval | None = Field(
        None,
        description="automatic, or manual: the operator lets in one by one; with private checks manual if it "
        "is not set, else automatic.",
    )
    registry_checks: UrlChecks | None = Field(
        None,
        description="strict: public https URLs of the subscriber's own domain; loopback: also URLs on this "
        "machine, as usual while it listens there only and no proxy is trusted; private: any, for a closed "
        "network, where the name proves nothing.",
    )
    challenge_scheme: ChallengeScheme = Field(
        ChallengeScheme.AES_ECB, description="aes-ecb, as today's networks do it, or sealed-box."
    )

    @field_validator("registry_token", "registry_approval", "registry_checks", "network_id", mode="before")
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        return None if value == "" else value

    def policy(self) -> RegistryPolicy:
        """Return what the operator has decided."""
        is_private_to_here = self.host in _ON_THIS_MACHINE and not self.trusted_proxies
        checks = self.registry_checks or (UrlChecks.LOOPBACK if is_private_to_here else UrlChecks.STRICT)
        usual = Approval.MANUAL if checks is UrlChecks.PRIVATE else Approval.AUTOMATIC
        return RegistryPolicy(
            registry_id=self.registry_id,
            network_id=self.network_id,
            dedi_registry=self.dedi_registry,
            approval=self.registry_approval or usual,
            checks=checks,
            scheme=self.challenge_scheme,
            trusted_proxies=self.trusted_proxies,
        )


async def run() -> None:
    """Run the registry until its process is told to stop."""
    settings = load_settings(RegistrySettings)
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    async with open_database(settings, name="registry") as database:
        await _run(settings, database, SystemClock())


async def _run(settings: RegistrySettings, database: Database, clock: Clock) -> None:
    policy, uow_factory = settings.policy(), UnitOfWorkFactory(database)
    keychain = await open_service_keys(
        settings, subscriber_id=policy.registry_id, database=database, clock=clock
    )
    news = News(most=policy.max_waiting)
    app = create_registry_app(
        uow_factory=uow_factory,
        clock=clock,
        keys=keychain,
        guard=await make_guard(settings, uow_factory, clock),
        policy=policy,
        news=news,
        running=lambda: _at_work(uow_factory, keychain, policy, news, Listener(database)),
    )
    await serve(app, settings, on_stop=news.close)


@asynccontextmanager
async def _at_work(
    uow_factory: UnitOfWorkFactory,
    keychain: Keychain,
    policy: RegistryPolicy,
    news: News,
    listener: Listener,
) -> AsyncIterator[None]:
    clock = keychain.clock
    challenger = Challenger(keys=keychain, policy=policy, clock=clock)
    registrar = Registrar(uow_factory=uow_factory, challenger=challenger, policy=policy, clock=clock)
    keychain.listen_on(listener)
    try:
        async with registry_at_work(registrar=registrar, challenger=challenger, news=news, listener=listener):
            yield
    finally:
        await keychain.close()


async def make_guard(settings: RegistrySettings, uow_factory: UnitOfWorkFactory, clock: Clock) -> TokenGuard:
    """Return the guard with the operator's token; the first start makes one if none is set, and shows it."""
    if settings.registry_token is not None:
        return TokenGuard.of(settings.registry_token.get_secret_value())
    async with uow_factory() as uow:
        made = await make_first_token(uow, now=clock.now())
        digests = await find_token_digests(uow)
    if made is not None:
        print(f"Token of this registry's operator, shown only now: {made}", file=sys.stderr, flush=True)
    return TokenGuard(digests)
