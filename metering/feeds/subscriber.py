"""Subscribing, after a poll, to what was met in it and can be subscribed to; and renewing that in time."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kernel.errors import NodeError
from metering.feeds.feed_poll import PollOutcome
from metering.feeds.feed_store import PollStopped
from metering.feeds.notified import notified_resources
from metering.feeds.positions import RegisterName
from metering.feeds.source import Source
from metering.feeds.subscriptions import Subscribed, Subscriptions
from metering.sep.identity import lfdi_of_certificate
from metering.sep.resources import ServedDevice
from metering.sep.subscription import write_subscription
from metering.sep.utility_client import HrefForeign

log = structlog.get_logger(__name__)

_SECRET_BYTES: Final = 32
_ASK_AGAIN: Final = timedelta(hours=1)


class Subscriber:
    """Subscribes at the server of `source`, to be told at `notify_url` and a secret behind it."""

    def __init__(self, source: Source, *, notify_url: str) -> None:
        self._source = source
        self._notify_url = notify_url.rstrip("/")

    async def renew(self, outcome: PollOutcome) -> None:
        """Subscribe to what is subscribable and not subscribed to, or not for long any more.

        What stands in the way is one of the troubles of the poll. Raises: PollStopped.
        """
        try:
            href = self._subscription_list(outcome.devices)
        except HrefForeign as error:
            outcome.troubles.append(str(error))
            return
        if href is None:
            return
        feed = self._source.feed.name
        for resource, register in wanted(self._source, outcome.meter_lists).items():
            now = self._source.clock.now()
            async with self._source.uow_factory() as uow:
                known = await Subscriptions(uow.connection).find(feed, resource)
            if known is None or known.renew_at <= now:
                await self._subscribe(
                    Subscribed(feed=feed, resource=resource, register=register, renew_at=now + _ASK_AGAIN),
                    at=href,
                )
        async with self._source.uow_factory() as uow:
            await Subscriptions(uow.connection).forget_lapsed(feed, now=self._source.clock.now())

    async def _subscribe(self, subscribed: Subscribed, *, at: str) -> None:
        """Listen first, then ask: the server may notify before it answers."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        async with self._source.uow_factory() as uow:
            await Subscriptions(uow.connection).listen(subscribed, secret=secret)
        parts = urlsplit(subscribed.resource)
        document = write_subscription(
            resource=parts._replace(scheme="", netloc="").geturl(),
            notification_uri=f"{self._notify_url}/{secret}",
        )
        try:
            answer = await self._source.post(at, document)
        except PollStopped:
            raise
        except NodeError as error:
            log.warning("meter_feed.not_subscribed", feed=subscribed.feed, error=str(error))
            async with self._source.uow_factory() as uow:
                await Subscriptions(uow.connection).refuse(
                    subscribed.feed, subscribed.resource, error=str(error)
                )
            return
        renew_at = self._source.clock.now() + self._source.feed.renew_subscriptions
        async with self._source.uow_factory() as uow:
            await Subscriptions(uow.connection).confirm(
                subscribed.feed, subscribed.resource, location=answer.location, renew_at=renew_at
            )

    def _subscription_list(self, devices: Iterable[tuple[ServedDevice, str]]) -> str | None:
        """Return where our own EndDevice takes subscriptions, or None. Raises: HrefForeign."""
        devices = list(devices)
        feed = self._source.feed
        own = _lfdi_of(feed.certificate) if feed.certificate else feed.lfdi
        ours = [item for item in devices if item[0].lfdi == own] if own else devices
        if len(ours) != 1 and len(devices) != 1:
            return None
        device, base = (ours or devices)[0]
        href = device.links.get("SubscriptionListLink")
        return None if href is None else self._source.client.resolve(href, base=base)


def wanted(source: Source, meter_lists: Iterable[str]) -> dict[str, RegisterName | None]:
    """Return what is to be subscribed to, each with whose readings it has.

    Of a register that is its list of sets, or where that cannot be, the newest list of readings.
    """
    found: dict[str, RegisterName | None] = {}
    by_register: dict[RegisterName, list[str]] = {}
    for url, register in source.owners.items():
        by_register.setdefault(register, []).append(url)
    for register, (sets, *readings) in by_register.items():
        choice = [url for url in (sets, *reversed(readings)) if source.lists_met.get(url)]
        found |= dict.fromkeys(choice[:1], register)
    of_meters = {url: None for url in meter_lists if source.lists_met.get(url)}
    return found | of_meters | notified_resources(source)


def _lfdi_of(certificate: Path) -> str:
    own = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return lfdi_of_certificate(own.public_bytes(Encoding.DER))
