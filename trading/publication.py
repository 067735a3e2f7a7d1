"""What a seller's platform tells a discovery service, and what that makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kernel.errors import NodeError
from kernel.interval import Interval
from trading.listing import Listing
from trading.offer import Provider


class PublishingUnsupported(NodeError):
    """The generation of the wire has no messages for publishing."""

    code, http_status, retryable = "CTX_VERSION_UNSUPPORTED", 400, False


class UpdateMode(StrEnum):
    """How a catalogue relates to what was published under its id before."""

    FULL = "FULL"  # it stands instead of it
    MERGE = "MERGE"  # it is a merge patch (RFC 7396) on it


class ResultStatus(StrEnum):
    """What came of publishing a catalogue."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    PARTIAL = "PARTIAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is for sale now, to be told to a discovery service.

    `changed` are the ids of the providers whose offerings are told, None for all; a generation that
    knows one catalogue for all providers tells all of it. `gone` are providers that were published
    before and sell nothing any more.
    """

    listing: Listing
    changed: frozenset[str] | None = None
    gone: tuple[Provider, ...] = ()

    @property
    def told(self) -> Listing:
        """The listing of the providers that are told of."""
        changed = self.changed
        if changed is None:
            return self.listing
        mine = tuple(resource for resource in self.listing.resources if resource.provider_id in changed)
        return self.listing.only(mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCatalogue:
    """One catalogue of a publication, as a discovery service receives it.

    `as_sent` is all that the sender wrote. `listing` is what is understood of it; None if it holds
    what is not traded here, or cannot be read, and then `fault` says why. `bpp_id` and `bpp_url` are
    empty where the sender left them out.
    """

    id: str
    bpp_id: str
    bpp_url: str
    as_sent: Mapping[str, Any] = field(repr=False)
    mode: UpdateMode = UpdateMode.FULL
    is_active: bool = True
    validity: Interval | None = None
    listing: Listing | None = None
    fault: NodeError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that was said of a published catalogue."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationResult:
    """What came of publishing one catalogue.

    `items` is how many were taken, None if that was not said. `errors` say why something was not
    taken, `warnings` what was taken otherwise than it stood; a generation may tell both as errors.
    """

    catalogue_id: str
    status: ResultStatus
    items: int | None = None
    errors: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()
