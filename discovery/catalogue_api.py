"""What is published here, for the service's operator."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from discovery.catalogues import PublishedCatalogues
from kernel.clock import format_instant
from node.callers import MayReadNetwork
from node.documentation import refusals
from storage.unit_of_work import UnitOfWorkFactory


class PublishedView(BaseModel):
    """A catalogue as it was published last."""

    bpp_id: str = Field(description="The platform that published it.")
    bpp_uri: str
    catalogue_id: str
    wire: str = Field(description="The generation that it is written in.")
    version: int = Field(description="How often it was published.")
    items: int
    is_active: bool = Field(description="Whether it is told to buyers; one that was withdrawn is not.")
    valid_from: str | None
    valid_until: str | None
    published_at: str
    message_id: str


def catalogue_router(*, uow_factory: UnitOfWorkFactory) -> APIRouter:
    """Return the route; it needs an API key."""
    router = APIRouter(prefix="/api/v1", tags=["operation"])

    @router.get(
        "/published-catalogues",
        summary="Every catalogue that was published here, the newest first",
        responses=refusals(401, 503),
    )
    async def published(
        _caller: MayReadNetwork,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[PublishedView]:
        async with uow_factory() as uow:
            rows = await PublishedCatalogues(uow.connection).summaries(offset=offset, limit=limit)
        return [
            PublishedView(
                bpp_id=row.bpp_id,
                bpp_uri=row.bpp_url,
                catalogue_id=row.catalogue_id,
                wire=row.profile,
                version=row.version,
                items=row.items,
                is_active=row.is_active,
                valid_from=None if row.valid_from is None else format_instant(row.valid_from),
                valid_until=None if row.valid_until is None else format_instant(row.valid_until),
                published_at=format_instant(row.published_at),
                message_id=row.message_id,
            )
            for row in rows
        ]

    return router
