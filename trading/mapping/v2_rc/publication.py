"""catalog_publish and its answer: one catalogue for all that a platform sells.

Source: Beckn 2.0 RC, CatalogPublishRequest and CatalogProcessingResult.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trading.mapping.bags.publication import is_active, read_validity, understood
from trading.mapping.find import Json, find, find_object, find_objects, find_text, reading, without_none
from trading.mapping.v2_rc.catalog import read_listing, write_whole_catalog
from trading.publication import (
    Notice,
    Publication,
    PublicationResult,
    PublishedCatalogue,
    ResultStatus,
)

_UNTOLD: Final = Notice(code="NET_INTERNAL_ERROR", message="no reason was given")


def write_publication(publication: Publication, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the message of a catalog_publish; a catalogue that holds nothing is no longer active."""
    catalog = write_whole_catalog(publication.listing, bpp_id=bpp_id, bpp_url=bpp_url)
    return {"catalogs": [catalog | {"beckn:isActive": bool(publication.listing.resources)}]}


def read_publication(message: Mapping[str, Any]) -> list[PublishedCatalogue]:
    """Return the catalogues of a catalog_publish. Raises: FieldInvalid, if one says not what it is."""
    return [_read_catalogue(catalog) for catalog in find_objects(message, "catalogs")]


def _read_catalogue(catalog: Json) -> PublishedCatalogue:
    with reading("the head of a catalogue"):
        return PublishedCatalogue(
            id=catalog["beckn:id"],
            bpp_id=catalog["beckn:bppId"],
            bpp_url=catalog["beckn:bppUri"],
            as_sent=catalog,
            is_active=is_active(catalog, "beckn:isActive"),
            validity=read_validity(
                find_object(catalog, "beckn:validity"), start="schema:startDate", end="schema:endDate"
            ),
            **understood(lambda: read_listing(catalog)),
        )


def write_publication_results(results: Sequence[PublicationResult]) -> Json:
    """Return the message of an on_catalog_publish; of several errors the first stands as the error."""
    return {"results": [_write_result(result) for result in results]}


def read_publication_results(message: Mapping[str, Any]) -> list[PublicationResult]:
    """Return what came of each catalogue. Raises: FieldInvalid."""
    with reading("the results"):
        return [_read_result(result) for result in find_objects(message, "results")]


def _write_result(result: PublicationResult) -> Json:
    first, *more = result.errors or (None,)
    warnings = [*more, *result.warnings]
    return without_none(
        {
            "catalog_id": result.catalogue_id,
            "status": result.status.value,
            "item_count": result.items,
            "warnings": [_write_notice(notice) for notice in warnings if notice] or None,
            "error": None if first is None else _write_notice(first),
        }
    )


def _read_result(result: Json) -> PublicationResult:
    error = find(result, "error")
    return PublicationResult(
        catalogue_id=result["catalog_id"],
        status=ResultStatus(result["status"]),
        items=find(result, "item_count"),
        errors=() if error is None else (_read_notice(error),),
        warnings=tuple(_read_notice(warning) for warning in find_objects(result, "warnings")),
    )


def _write_notice(notice: Notice) -> Json:
    return {"code": notice.code, "message": notice.message}


def _read_notice(notice: Mapping[str, Any]) -> Notice:
    return Notice(
        code=find_text(notice, "code") or _UNTOLD.code,
        message=find_text(notice, "message") or _UNTOLD.message,
    )
