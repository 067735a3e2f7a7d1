"""The catalogue and its versions as the operator's API and commands tell them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from bpp.catalog.changes import Difference, Kind
from bpp.catalog.desk import Outcome
from bpp.catalog.versions import Origin, Version, VersionHead
from trading.availability.store import Oversold


class VersionView(BaseModel):
    """A version of the catalogue: who made it, when, why, and from what."""

    version: int
    catalogue_id: str
    digest: str = Field(description="SHA-256 of the document, in hexadecimal digits.")
    origin: Origin
    made_at: datetime
    made_by: str
    why: str


class CatalogueView(VersionView):
    """A version with all that it says: the JSON of its file, numbers exact."""

    catalogue: dict[str, Any]


class OversoldView(BaseModel):
    """A resource of which more is held or sold than is offered by now: no more can be had of it.

    `start` and `end` say in which interval, where it is offered by intervals.
    """

    resource: str
    start: datetime | None = None
    end: datetime | None = None
    offered_watt_hours: int
    taken_watt_hours: int
    sold_to: list[str] = Field([], description="Binding contracts on it, those that bought last first.")


class ChangesView(BaseModel):
    """Ids of what one version has otherwise than the one before."""

    providers: list[str] = []
    resources: list[str] = []
    offers: list[str] = []


class OutcomeView(VersionView):
    """The version that holds now; `is_new` is false if nothing had to be changed."""

    is_new: bool
    added: ChangesView
    changed: ChangesView
    removed: ChangesView
    oversold: list[OversoldView]


def view_head(head: VersionHead) -> VersionView:
    return VersionView(
        version=head.number,
        catalogue_id=head.catalogue_id,
        digest=head.digest,
        origin=head.origin,
        made_at=head.made_at,
        made_by=head.made_by,
        why=head.why,
    )


def view_version(version: Version) -> CatalogueView:
    return CatalogueView(**view_head(version.head).model_dump(), catalogue=version.document)


def view_outcome(outcome: Outcome) -> OutcomeView:
    return OutcomeView(
        **view_head(outcome.version.head).model_dump(),
        is_new=outcome.is_new,
        **_view_difference(outcome.difference),
        oversold=[view_oversold(each) for each in outcome.oversold],
    )


def _view_difference(difference: Difference) -> dict[str, ChangesView]:
    return {
        name: ChangesView(**{kind.value: list(getattr(difference, name)[kind]) for kind in Kind})
        for name in ("added", "changed", "removed")
    }


def view_oversold(each: Oversold) -> OversoldView:
    return OversoldView(
        resource=each.resource_id,
        start=each.interval and each.interval.start,
        end=each.interval and each.interval.end,
        offered_watt_hours=each.offered.watt_hours,
        taken_watt_hours=each.taken.watt_hours,
        sold_to=list(each.sold_to),
    )
