"""on_catalog_publish: what a discovery service made of what was published to it."""

from __future__ import annotations

from datetime import datetime

from bpp.platform import Bpp
from bpp.publishing.publications import Publications
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.mapping import publication_wire_of


async def receive_results(_bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> None:
    """Keep what came of each catalogue, or why all of it was refused. Raises: FieldInvalid."""
    kept, message_id = Publications(uow.connection), inbound.context.message_id
    if inbound.error is not None:
        await kept.record_refusal(message_id, inbound.error, now=now)
        return
    wire = publication_wire_of(inbound.profile.name)
    await kept.record_results(message_id, wire.read_publication_results(inbound.message), now=now)
