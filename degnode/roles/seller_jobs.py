"""When bills are to be paid, and who does what a seller's platform does by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from bpp.deliveries.jobs import SellerJobs
from bpp.payments.collection_jobs import CollectionJobs
from node.job_kind import JobKind
from node.runtime import Foundation
from node.settings import Settings
from node.worker import Runner
from settlement.payments.dunning import CollectionTerms

_MOST_DAYS: Final = 3660


class CollectionSettings(Settings):
    """The settings of a platform that bills."""

    payment_days: int = Field(
        15, ge=0, le=_MOST_DAYS, description="Local days from a bill's issue to its due date."
    )
    payment_grace_days: int = Field(
        0, ge=0, le=_MOST_DAYS, description="Local days from its due date until it counts as overdue."
    )
    payment_reminder_days: int = Field(
        3, ge=0, le=_MOST_DAYS, description="Local days before its due date on which a reminder is due."
    )
    dunning_days: int = Field(
        7, ge=1, le=_MOST_DAYS, description="Local days from one level of dunning to the next."
    )

    @property
    def collection_terms(self) -> CollectionTerms:
        return CollectionTerms(
            days=self.payment_days,
            grace_days=self.payment_grace_days,
            reminder_days=self.payment_reminder_days,
            level_days=self.dunning_days,
        )


def seller_kinds(settings: CollectionSettings, foundation: Foundation, *, collects: bool) -> list[JobKind]:
    """Return the jobs of a seller's platform, which `collects` its bills if it hears of payments."""
    uow_factory = foundation.uow_factory
    kinds = SellerJobs(uow_factory=uow_factory, signer_at=foundation.signers.at).kinds
    if collects:
        kinds += CollectionJobs(uow_factory=uow_factory, terms=settings.collection_terms).kinds
    return kinds


def job_desk(kinds: Sequence[JobKind], foundation: Foundation) -> Runner:
    """Return who does the jobs of these kinds; what it needs is imported only here."""
    from node.jobs import JobDesk

    return JobDesk(
        kinds,
        database=foundation.database,
        clock=foundation.clock,
        poll=foundation.settings.poll_interval,
    )
