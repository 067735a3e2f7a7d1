"""The operator's routes on publishing: telling discovery services, and what they made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bpp.publishing.publications import Kept, Publications, Scope
from bpp.publishing.publisher import publish_job
from kernel.errors import NodeError
from node.callers import MayEditCatalogue, MayReadCatalogue
from node.documentation import refusals
from node.pages import Limit
from node.request_body import FormRoute
from protocol.signature_header import NAME_PATTERN
from storage.job_queue import put_job
from storage.unit_of_work import UnitOfWorkFactory
from trading.publication import ResultStatus

SubscriberId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NAME_PATTERN)]


class NobodyToTell(NodeError):
    """No discovery service is named, and none is set; or what is named can be none."""

    code, http_status, retryable = "BPP_NOBODY_TO_TELL", 409, False


class PublishForm(BaseModel):
    """Whom to tell; those of the settings if nobody is named."""

    model_config = ConfigDict(extra="forbid")

    to: list[SubscriberId] = Field([], max_length=100, description="Subscriber ids of discovery services.")
    whole: bool = Field(
        False, description="Whether all is told, not only what has changed since the last time."
    )


class NoticeView(BaseModel):
    """One thing that a discovery service said of a catalogue."""

    code: str
    message: str


class ResultView(BaseModel):
    """What a discovery service made of one catalogue; `items` is how many it took, if it says so."""

    catalogue_id: str
    status: ResultStatus
    items: int | None
    errors: list[NoticeView]
    warnings: list[NoticeView]


class PublicationView(BaseModel):
    """A publication: how its delivery stands, and what came of it."""

    message_id: str
    to: str
    wire: str
    version: int | None
    scope: Scope
    requested_by: str
    published_at: datetime
    delivery: str
    delivery_error: str | None
    answered_at: datetime | None
    refusal: dict[str, Any] | None
    results: list[ResultView]


class Told(BaseModel):
    """Which discovery services are told; `GET` shows what they make of it."""

    to: list[str]


class PublicationsView(BaseModel):
    """Publications, the newest first."""

    publications: list[PublicationView]


def publication_router(*, publish_to: Sequence[str], uow_factory: UnitOfWorkFactory) -> APIRouter:
    """Return the routes; who is told if nobody is named stands in `publish_to`."""
    router = APIRouter(prefix="/api/v1/catalog", tags=["catalogue"], route_class=FormRoute)

    @router.post(
        "/publications",
        summary="Tell discovery services what is for sale",
        status_code=202,
        responses=refusals(401, 409, 413, 422, 503),
    )
    async def publish(caller: MayEditCatalogue, form: PublishForm) -> Told:
        to = receivers(form.to, usual=publish_to)
        scope = Scope.WHOLE if form.whole else Scope.CHANGES
        async with uow_factory.plain() as uow:
            for peer in to:
                await put_job(uow, publish_job(peer, scope, requested_by=caller.actor.who))
        return Told(to=to)

    @router.get(
        "/publications",
        summary="What was published, the newest first, and what came of it",
        responses=refusals(401, 422, 503),
    )
    async def list_publications(
        _caller: MayReadCatalogue,
        limit: Limit = 50,
        to: Annotated[str | None, Query(description="To this discovery service alone.")] = None,
    ) -> PublicationsView:
        async with uow_factory() as uow:
            kept = await Publications(uow.connection).latest(limit=limit, peer=to)
        return PublicationsView(publications=[view_publication(each) for each in kept])

    return router


def receivers(named: Sequence[str], *, usual: Sequence[str]) -> list[str]:
    """Return who is told: those who are named, else the usual ones. Raises: NobodyToTell."""
    found = list(dict.fromkeys(named or usual))
    if not found:
        raise NobodyToTell(
            "no discovery service is named",
            path="to",
            hint="Name its subscriber id, or set DEGNODE_PUBLISH_TO.",
        )
    for name in found:
        if not re.fullmatch(NAME_PATTERN, name):
            raise NobodyToTell(
                f"{name!r} can be no subscriber id",
                path="to",
                hint="An id is ASCII, without spaces, quotes and '|'.",
            )
    return found


def view_publication(kept: Kept) -> PublicationView:
    sent = kept.sent
    return PublicationView(
        message_id=sent.message_id,
        to=sent.peer,
        wire=sent.profile,
        version=sent.version,
        scope=sent.scope,
        requested_by=sent.requested_by,
        published_at=sent.published_at,
        delivery=kept.delivery,
        delivery_error=kept.delivery_error,
        answered_at=kept.answered_at,
        refusal=None if kept.refusal is None else dict(kept.refusal),
        results=[
            ResultView(
                catalogue_id=result.catalogue_id,
                status=result.status,
                items=result.items,
                errors=[NoticeView(code=each.code, message=each.message) for each in result.errors],
                warnings=[NoticeView(code=each.code, message=each.message) for each in result.warnings],
            )
            for result in kept.results
        ],
    )
