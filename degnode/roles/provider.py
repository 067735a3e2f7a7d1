"""Who has the last word on what is sold: nobody beyond the catalogue, a back office, or a plug-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, Self

import structlog
from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator

from bpp.platform import Bpp
from bpp.provider.asking import Asking
from bpp.provider.breaker import Breaker, Door
from bpp.provider.office import Lane, Office, Offices
from bpp.provider.office_file import (
    ENTRY_POINT,
    SHORTEST_SECRET,
    AnyOffice,
    PlugIn,
    WebhookOffice,
    load_offices,
)
from bpp.provider.port import ProviderPort
from bpp.provider.telling import FOLLOWER, Telling
from bpp.provider.webhook import WebhookProvider
from kernel.errors import NodeError
from node.message import Preparation
from node.runtime import Foundation
from node.settings import Settings
from node.worker import Worker
from protocol.actions import Action
from trading.contract_news import NewsStore

log = structlog.get_logger(__name__)

ENTRY_POINTS: Final = "degnode.providers"
"""The group in which a package names its back offices: callables without arguments that return one."""

_BUILT_IN: Final = "built-in"
_WEBHOOK: Final = "webhook"
_LONGEST_TIMEOUT: Final = timedelta(seconds=20)  # less than a worker has for a message


class ProviderUnusable(NodeError):
    """The back office that the settings name cannot be used."""

    code, http_status, retryable = "PROVIDER_UNUSABLE", 500, False


class ProviderSettings(Settings):
    """What a platform with a back office is told."""

    provider: str = Field(
        _BUILT_IN,
        description=(
            "Who is asked before an order is taken: built-in (all that the catalogue offers is taken), "
            "webhook, or entry-point:NAME of the group degnode.providers."
        ),
    )
    provider_offices: Path | None = Field(
        None,
        description=(
            "The YAML file of back offices of single providers; that of DEGNODE_PROVIDER is of all others."
        ),
    )
    provider_url: HttpUrl | None = Field(
        None, description="Where the back office takes questions and events, for DEGNODE_PROVIDER=webhook."
    )
    provider_secret: SecretStr | None = Field(
        None, min_length=SHORTEST_SECRET, description="What is posted to the back office is signed with this."
    )
    provider_timeout: timedelta = Field(
        timedelta(seconds=5),
        gt=timedelta(0),
        le=_LONGEST_TIMEOUT,
        description="How long the back office may take to answer; then the order is refused.",
    )
    provider_rest: timedelta = Field(
        timedelta(seconds=30),
        gt=timedelta(0),
        description="How long a back office is left alone that was silent about three orders in a row.",
    )
    provider_ttl: timedelta = Field(
        timedelta(hours=24), gt=timedelta(0), description="How long the back office is told of an event."
    )

    @field_validator("provider")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value in {_BUILT_IN, _WEBHOOK} or value.removeprefix(ENTRY_POINT) not in {"", value}:
            return value
        raise ValueError("it is built-in, webhook or entry-point:NAME")

    @model_validator(mode="after")
    def _webhook_is_whole(self) -> Self:
        if self.provider == _WEBHOOK and (self.provider_url is None or self.provider_secret is None):
            raise ValueError(
                "DEGNODE_PROVIDER=webhook needs DEGNODE_PROVIDER_URL and DEGNODE_PROVIDER_SECRET"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderParts:
    """What a back office brings to a role; nothing where there is none."""

    preparations: Mapping[Action, Preparation] = field(default_factory=dict)
    workers: Sequence[Worker] = ()


def load_provider(name: str) -> ProviderPort:
    """Return the back office of an entry point. Raises: ProviderUnusable."""
    found = entry_points(group=ENTRY_POINTS, name=name)
    if not found:
        known = ", ".join(sorted(entry_points(group=ENTRY_POINTS).names)) or "none"
        raise ProviderUnusable(
            f"no installed package has the entry point {name} in the group {ENTRY_POINTS}",
            path="DEGNODE_PROVIDER",
            hint=f"Installed are: {known}.",
        )
    try:
        port: ProviderPort = next(iter(found)).load()()
    except Exception as error:
        raise ProviderUnusable(
            f"the entry point {name} cannot be loaded: {type(error).__name__}: {error}",
            path="DEGNODE_PROVIDER",
        ) from error
    for door in ("ask", "tell"):
        if not callable(getattr(port, door, None)):
            raise ProviderUnusable(
                f"what the entry point {name} makes has no {door}", path="DEGNODE_PROVIDER"
            )
    return port


def offices_of(settings: ProviderSettings, foundation: Foundation) -> Offices:
    """Return the back offices of the settings, with that of all who have none of their own.

    Raises: ProviderUnusable, OfficesInvalid.
    """
    file = settings.provider_offices
    own = {} if file is None else load_offices(file)
    return Offices(
        usual=_open(_usual(settings), "usual", settings, foundation),
        by_provider={
            provider: _open(office, provider, settings, foundation) for provider, office in own.items()
        },
    )


def _usual(settings: ProviderSettings) -> AnyOffice:
    url, secret = settings.provider_url, settings.provider_secret
    if settings.provider == _BUILT_IN:
        return None
    if settings.provider == _WEBHOOK and url is not None and secret is not None:
        return WebhookOffice(url=str(url), secret=secret)
    return PlugIn(name=settings.provider.removeprefix(ENTRY_POINT))


def _open(office: AnyOffice, name: str, settings: ProviderSettings, foundation: Foundation) -> Office | None:
    """Return a back office that can be asked, None for nobody. Raises: ProviderUnusable."""
    if office is None:
        return None
    clock, questions = foundation.clock, foundation.metrics.back_office_questions
    if isinstance(office, PlugIn):
        port = load_provider(office.name)
    else:
        port = WebhookProvider(office.url, secret=office.secret, clock=clock)
    breaker = partial(Breaker, office=name, rest=settings.provider_rest, uow_factory=foundation.uow_factory)
    return Office(
        name=name,
        port=port,
        patience=settings.provider_timeout,
        breaker=breaker(door=Door.QUESTIONS),
        event_breaker=breaker(door=Door.EVENTS),
        clock=clock,
        count=lambda outcome: questions.labels(name, outcome).inc(),
    )


async def provider_parts(settings: ProviderSettings, seller: Bpp, foundation: Foundation) -> ProviderParts:
    """Return what asks back offices and tells them, if there are any.

    Raises: ProviderUnusable, OfficesInvalid.
    """
    offices = offices_of(settings, foundation)
    uow_factory, clock = foundation.uow_factory, foundation.clock
    async with uow_factory() as uow:
        store = NewsStore(uow.connection)
        if not offices:
            await store.unfollow(FOLLOWER)
            return ProviderParts()
        await store.follow(FOLLOWER, since=clock.now())
    _warn_of_unknown(offices, seller)
    asking = Asking(bpp=seller, offices=offices, uow_factory=uow_factory, clock=clock)
    workers = [_telling(lane, settings, foundation) for lane in offices.lanes()]
    return ProviderParts(preparations=asking.preparations(), workers=workers)


def _telling(lane: Lane, settings: ProviderSettings, foundation: Foundation) -> Worker:
    """Return what tells of a lane's orders."""
    telling = Telling(
        lane=lane, uow_factory=foundation.uow_factory, clock=foundation.clock, ttl=settings.provider_ttl
    )
    return Worker("back office", telling.step, poll_interval=foundation.settings.poll_interval)


def _warn_of_unknown(offices: Offices, seller: Bpp) -> None:
    """Tell the log of back offices whose providers the catalogue does not have (yet)."""
    known = {provider.id for provider in seller.catalogue.providers}
    if strange := sorted(offices.by_provider.keys() - known):
        log.warning("provider.not_in_catalogue", providers=strange)
