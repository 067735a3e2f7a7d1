"""catalog/publish and its answer: a catalogue for each provider.

Source: Beckn 2.0.0 LTS, CatalogPublishAction and CatalogOnPublishAction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from trading.mapping.bags.publication import is_active, read_validity, understood
from trading.mapping.find import Json, find, find_object, find_objects, find_text, reading, without_none
from trading.mapping.v2_lts.catalog import (
    read_provider_listing,
    write_catalog,
    write_emptied_catalog,
    write_published_id,
)
from trading.publication import (
    Notice,
    Publication,
    PublicationResult,
    PublishedCatalogue,
    ResultStatus,
    UpdateMode,
)

_UNTOLD: Final = Notice(code="NET_INTERNAL_ERROR", message="no reason was given")


def write_publication(publication: Publication, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the message of a catalog/publish: what is told, and that providers who are gone sell nothing."""
    listing = publication.told
    told = write_catalog(listing, bpp_id=bpp_id, bpp_url=bpp_url)["catalogs"]
    named = [
        catalog | {"id": write_published_id(listing, provider)}
        for catalog, provider in zip(told, listing.providers, strict=True)
    ]
    emptied = [
        write_emptied_catalog(provider, listing, bpp_id=bpp_id, bpp_url=bpp_url)
        for provider in publication.gone
    ]
    return {"catalogs": named + emptied}


def read_publication(message: Mapping[str, Any]) -> list[PublishedCatalogue]:
    """Return the catalogues of a catalog/publish. Raises: FieldInvalid, if one says not what it is."""
    return [_read_catalogue(catalog) for catalog in find_objects(message, "catalogs")]


def _read_catalogue(catalog: Json) -> PublishedCatalogue:
    with reading("the head of a catalogue"):
        return PublishedCatalogue(
            id=catalog["id"],
            bpp_id=find_text(catalog, "bppId") or "",
            bpp_url=find_text(catalog, "bppUri") or "",
            as_sent=catalog,
            mode=UpdateMode(find_text(catalog, "publishDirectives", "updateMode") or UpdateMode.FULL),
            is_active=is_active(catalog, "isActive"),
            validity=read_validity(find_object(catalog, "validity"), start="startDate", end="endDate"),
            **understood(lambda: read_provider_listing(catalog)),
        )


def write_publication_results(results: Sequence[PublicationResult]) -> Json:
    """Return the message of an on_publish; it has no place for warnings but among the errors."""
    return {"results": [_write_result(result) for result in results]}


def read_publication_results(message: Mapping[str, Any]) -> list[PublicationResult]:
    """Return what came of each catalogue. Raises: FieldInvalid."""
    with reading("the results"):
        return [_read_result(result) for result in find_objects(message, "results")]


def _write_result(result: PublicationResult) -> Json:
    notices = (*result.errors, *result.warnings)
    return without_none(
        {
            "catalogId": result.catalogue_id,
            "status": result.status.value,
            "errors": [_write_notice(notice) for notice in notices] or None,
            "stats": None if result.items is None else {"itemCount": result.items},
        }
    )


def _read_result(result: Json) -> PublicationResult:
    return PublicationResult(
        catalogue_id=result["catalogId"],
        status=ResultStatus(result["status"]),
        items=find(result, "stats", "itemCount"),
        errors=tuple(_read_notice(error) for error in find_objects(result, "errors")),
    )


def _write_notice(notice: Notice) -> Json:
    return {"errorCode": notice.code, "errorMessage": notice.message}


def _read_notice(notice: Mapping[str, Any]) -> Notice:
    """Return a notice, as the specification writes it or as the network's implementations do."""
    return Notice(
        code=find_text(notice, "errorCode") or find_text(notice, "code") or _UNTOLD.code,
        message=find_text(notice, "errorMessage") or find_text(notice, "message") or _UNTOLD.message,
    )
