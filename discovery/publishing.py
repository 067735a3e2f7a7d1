"""What is done with a catalogue that somebody publishes: a decision, and what its publisher is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from discovery.catalogue_form import FORMS
from discovery.merge_patch import merged
from discovery.shelf import Published
from kernel.clock import format_instant
from trading.mapping import publication_wire_of
from trading.mapping.find import find_objects, find_text
from trading.publication import (
    Notice,
    PublicationResult,
    PublishedCatalogue,
    ResultStatus,
    UpdateMode,
)

_DIRECTIVES: Final = "publishDirectives"
_OF_ANOTHER: Final = "AUT_UNAUTHORIZED_ACTION"
_NOTHING_TO_CHANGE: Final = "BIZ_ITEM_NOT_FOUND"
_NOT_DONE: Final = "NET_NOT_IMPLEMENTED"
_TOO_LATE: Final = "NET_CATALOG_STALE"
_MASTER: Final = "master"
_ONE_GENERATION: Final = "SCH_TYPE_NOT_SUPPORTED"
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is kept, None if nothing; `items` of it can be found."""

    result: PublicationResult
    kept: PublishedCatalogue | None = None
    items: int = 0

    @property
    def is_told(self) -> bool:
        """Say whether buyers are told of it from now on."""
        return self.kept is not None and self.kept.is_active and self.items > 0


def decide(
    catalogue: PublishedCatalogue, *, sender: str, profile: str, known: Published | None, sent_at: datetime
) -> Decision:
    """Return what is done with a catalogue that `sender` published at `sent_at`, after or before `known`.

    Raises: FieldInvalid, if what a change comes to does not say what it is.
    """
    if catalogue.bpp_id not in ("", sender):
        return _rejected(
            catalogue, _OF_ANOTHER, f"{sender} cannot publish for {catalogue.bpp_id}: it signs for itself"
        )
    if find_text(catalogue.as_sent, _DIRECTIVES, "catalogType") == _MASTER:
        why = "master catalogues are not kept here; publish what is for sale as a regular one"
        return _rejected(catalogue, _NOT_DONE, why)
    if known is not None and known.sent_at is not None and sent_at < known.sent_at:
        why = f"what was sent at {format_instant(known.sent_at)} stands, and this was sent before it"
        return _rejected(catalogue, _TOO_LATE, f"{why}, at {format_instant(sent_at)}; publish all of it anew")
    if catalogue.mode is UpdateMode.MERGE:
        if known is None:
            why = "nothing was published under this id that could be changed; publish all of it"
            return _rejected(catalogue, _NOTHING_TO_CHANGE, why)
        if known.profile != profile:
            why = f"it was published in {known.profile}, whose form a change in {profile} does not fit"
            return _rejected(catalogue, _ONE_GENERATION, f"{why}; publish all of it")
        catalogue = _changed(catalogue, known.body, profile)
    items = len(FORMS[profile].split(catalogue.as_sent).items)
    result = PublicationResult(
        catalogue_id=catalogue.id,
        status=ResultStatus.ACCEPTED,
        items=items,
        warnings=_warnings(catalogue),
    )
    return Decision(result=result, kept=catalogue, items=items)


def replacing(result: PublicationResult, ended: Sequence[str]) -> PublicationResult:
    """Return what a publisher is told whose catalogues of another generation, `ended`, stand no more."""
    if not ended:
        return result
    named = ", ".join(ended[:_MOST_NAMED]) + (", …" if len(ended) > _MOST_NAMED else "")
    why = f"what was published in another generation is told no more: {named}"
    return replace(result, warnings=(*result.warnings, Notice(code=_ONE_GENERATION, message=why)))


def _changed(catalogue: PublishedCatalogue, known: Mapping[str, Any], profile: str) -> PublishedCatalogue:
    """Return what was published before as it is now."""
    body = merged(known, {key: value for key, value in catalogue.as_sent.items() if key != _DIRECTIVES})
    body.pop(_DIRECTIVES, None)
    [read] = publication_wire_of(profile).read_publication({"catalogs": [body]})
    return read


def _warnings(catalogue: PublishedCatalogue) -> tuple[Notice, ...]:
    """Return what of the catalogue counts otherwise than its publisher may think."""
    warnings = []
    if catalogue.fault is not None:
        why = f"told in this generation alone: {catalogue.fault.message}"
        warnings.append(Notice(code=_ONE_GENERATION, message=why))
    if find_objects(catalogue.as_sent, _DIRECTIVES, "resourceDirectives"):
        why = "what resources extend is not looked up: they are told as they stand"
        warnings.append(Notice(code=_NOT_DONE, message=why))
    return tuple(warnings)


def _rejected(catalogue: PublishedCatalogue, code: str, why: str) -> Decision:
    return Decision(
        result=PublicationResult(
            catalogue_id=catalogue.id,
            status=ResultStatus.REJECTED,
            items=0,
            errors=(Notice(code=code, message=why),),
        )
    )
