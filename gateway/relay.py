"""A message as it is passed on: the same bytes under the same signature, for another receiver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from node.correspondence import Peer
from node.message import Inbound
from protocol.errors import TtlExpired
from protocol.signing import parse_header
from protocol.tolerance import LENIENT
from storage.outbox import Outgoing, relay_key

_LONGEST: Final = timedelta(hours=1)  # that anything is kept for, whatever its sender says


def _lapses_at(inbound: Inbound) -> datetime:
    """Return from when on nobody takes the message: it or its sender's signature is over then."""
    latest = inbound.received_at + _LONGEST
    signed_until = min(parse_header(inbound.authorization, LENIENT).expires, int(latest.timestamp()))
    return min(latest, datetime.fromtimestamp(signed_until, tz=UTC), inbound.context.expires_at or latest)


def alive_until(inbound: Inbound, *, now: datetime) -> datetime:
    """Return until when the message may be passed on. Raises: TtlExpired, if nobody takes it any more."""
    if (until := _lapses_at(inbound)) <= now:
        raise TtlExpired(
            f"the message lapsed {(now - until).total_seconds():.0f} s before it could be passed on",
            path="$.context.ttl",
            hint="Send it again with a longer time to live.",
        )
    return until


def pass_to(receiver: Peer, inbound: Inbound, *, until: datetime, now: datetime) -> Outgoing:
    """Return `inbound` as it goes on to `receiver`, to lapse at `until`."""
    return Outgoing(
        profile=inbound.profile.name,
        action=inbound.action,
        peer=receiver.subscriber_id,
        url=inbound.profile.url_of(inbound.action, receiver.url),
        message_id=inbound.context.message_id,
        transaction_id=inbound.transaction_id,
        body=inbound.raw,
        created_at=now,
        expires_at=until,
        sender_authorization=inbound.authorization,
        relay=relay_key(sender=inbound.sender, receiver=receiver.subscriber_id),
    )
