"""The catalogue of the built-in provider, from a YAML file or what is kept of one. Numbers stay exact."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, combinations
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from bpp.catalog_file.catalogue import CatalogueEntries, CatalogueFile, ResourceEntry
from bpp.catalog_file.charging import check_session
from bpp.catalog_file.exact_yaml import explain_yaml, read_yaml
from bpp.catalog_file.mistakes import in_entry, list_mistakes, tell_mistakes
from bpp.catalog_file.offer import check_one_meter, check_window
from bpp.catalog_file.sharing import check_share
from bpp.catalog_file.wheeling import TariffFile
from kernel.currency import Currency
from kernel.errors import NodeError
from trading.offer import Catalogue, Offer, Resource
from trading.wheeling import Wheeling

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class CatalogueInvalid(NodeError):
    """The catalogue cannot be traded from; a node does not start with it."""

    code, http_status, retryable = "BPP_CATALOGUE_INVALID", 422, False

    def __str__(self) -> str:
        """Return message and hint; where it is stands in the message."""
        return str(NodeError(self.message, hint=self.hint))


def load_catalogue(path: Path) -> Catalogue:
    """Return the catalogue in the file. Raises: CatalogueInvalid, with file, key, why and what to do."""
    return read_catalogue(text_of(path, "catalogue"), name=str(path))


def read_catalogue(text: str, *, name: str) -> Catalogue:
    """Return the catalogue in the YAML `text` of the file `name`, with the tariff files that it names.

    Raises: CatalogueInvalid.
    """
    return file_catalogue(parse_yaml(text, name), name=name)


def file_catalogue(content: object, *, name: str) -> Catalogue:
    """Return the catalogue that the file `name` holds, with the tariff files that it names.

    Raises: CatalogueInvalid.
    """
    return _to_catalogue(_validated(CatalogueFile, content, name), name)


def catalogue_of(document: Mapping[str, Any], *, name: str) -> Catalogue:
    """Return the catalogue of a document, which may be empty and names no files.

    Raises: CatalogueInvalid, with the key as in a file.
    """
    entries = _validated(CatalogueEntries, document, name)
    for index, offer in enumerate(entries.offers):
        if offer.tariffs:
            raise CatalogueInvalid(
                f"{name}: offers.{index}.tariffs: only a file can name tariff files beside it",
                path=f"offers.{index}.tariffs",
                hint="Write what they charge under wheeling, or run degnode catalog import.",
            )
    return _to_catalogue(entries, name)


def load_tariff(path: Path) -> list[Wheeling]:
    """Return what the utility of the tariff file charges. Raises: CatalogueInvalid."""
    name = str(path)
    tariff = _validated(TariffFile, parse_yaml(text_of(path, "tariff"), name), name)
    charges: list[Wheeling] = []
    for index, entry in enumerate(tariff.charges):
        made = partial(entry.charge_of, tariff.utility, Currency(tariff.currency), within=tariff.zone)
        charges.append(_converted(made, f"charges.{index}", name))
    return charges


def read_entries(kind: type[M], path: Path, *, what: str) -> M:
    """Return what a file of ours holds, in its form. Raises: CatalogueInvalid."""
    return _validated(kind, parse_yaml(text_of(path, what), str(path)), str(path))


def text_of(path: Path, what: str) -> str:
    """Return what the file holds, which is to be `what`. Raises: CatalogueInvalid."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CatalogueInvalid(
            f"the {what} {path} cannot be read: {error}", hint="Name a file that exists."
        ) from error
    except UnicodeDecodeError as error:
        raise CatalogueInvalid(f"the {what} {path} is no text in UTF-8", hint="Save it as UTF-8.") from error


def parse_yaml(text: str, name: str) -> object:
    """Return what the YAML `text` of the file `name` says. Raises: CatalogueInvalid."""
    try:
        return read_yaml(text)
    except yaml.YAMLError as error:
        raise CatalogueInvalid(f"{name} is no YAML: {explain_yaml(error)}") from error


def _validated(kind: type[M], content: object, name: str) -> M:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        mistakes = list_mistakes(error, content, form=kind)
        told = tell_mistakes(mistakes, name)
        raise CatalogueInvalid(told, path=mistakes[0].where, hint=mistakes[-1].hint) from error


def _to_catalogue(file: CatalogueEntries, name: str) -> Catalogue:
    for key, entries in (
        ("providers", file.providers),
        ("resources", file.resources),
        ("offers", file.offers),
    ):
        _require_unique(key, [entry.id for entry in entries], name)
    sellers = {entry.id: entry.provider for entry in file.resources}
    _require_known("resources", "provider", sellers.values(), {entry.id for entry in file.providers}, name)
    _require_known("offers", "resource", (offer.resource for offer in file.offers), set(sellers), name)
    resources: list[Resource] = []
    for index, resource in enumerate(file.resources):
        resources.append(_converted(resource.to_domain, f"resources.{index}", in_entry(name, resource.id)))
    _require_one_rule_a_meter(file.resources, resources, name)
    rules = {entry.id: entry.sharing.rule for entry in file.resources}
    modes = {entry.id: entry.delivery_mode for entry in file.resources}
    productions = {resource.id: resource.production for resource in resources}
    connectors = {entry.id: entry.connector for entry in file.resources}
    offers: list[Offer] = []
    for index, offer in enumerate(file.offers):
        place = in_entry(name, offer.id)
        fits = partial(check_share, rules[offer.resource], offer.share_percent)
        _converted(fits, f"offers.{index}.share_percent", place)
        mode = modes[offer.resource]
        _converted(partial(check_one_meter, mode, offer), f"offers.{index}", place)
        in_session = connectors[offer.resource] is not None
        fits_in = partial(check_window, productions[offer.resource], offer, is_session=in_session)
        _converted(fits_in, f"offers.{index}.window", place)
        _converted(
            partial(check_session, connectors[offer.resource], offer.session), f"offers.{index}", place
        )
        tariffs = [charge for file in offer.tariffs for charge in load_tariff(Path(name).parent / file)]
        connector = connectors[offer.resource]
        power = None if connector is None else connector.max_power_kw
        made = partial(offer.to_domain, sellers[offer.resource], tariffs, power=power)
        offers.append(_converted(made, f"offers.{index}", place))
    return Catalogue(
        id=file.id,
        name=file.name,
        networks=file.networks,
        providers=tuple(entry.to_domain() for entry in file.providers),
        resources=tuple(resources),
        offers=tuple(offers),
    )


def _require_one_rule_a_meter(
    entries: Sequence[ResourceEntry], resources: Sequence[Resource], name: str
) -> None:
    """Refuse a meter that is to serve at one time by two rules."""
    rules = [entry.sharing.rule for entry in entries]
    places: dict[str, list[int]] = defaultdict(list)
    for place, resource in enumerate(resources):
        places[resource.source.mrid].append(place)
    mixed = (of_meter for of_meter in places.values() if len({rules[place] for place in of_meter}) > 1)
    for at, to in chain.from_iterable(combinations(of_meter, 2) for of_meter in mixed):
        one, other = resources[at], resources[to]
        if rules[at] is not rules[to] and one.production.overlaps(other.production):
            raise CatalogueInvalid(
                f"{name}: resources.{to}.sharing: the meter {other.source.meter_id} is shared by "
                f"{entries[at].sharing.rule} as {one.id}, whose production overlaps",
                path=f"resources.{to}.sharing",
                hint="Give both resources the same rule, or let one end before the other begins.",
            )


def _converted(make: Callable[[], T], where: str, name: str) -> T:
    try:
        return make()
    except ValueError as error:
        raise CatalogueInvalid(f"{name}: {where}: {error}", path=where) from error


def _require_unique(key: str, ids: list[str], name: str) -> None:
    for identifier, times in Counter(ids).items():
        if times > 1:
            raise CatalogueInvalid(
                f"{name}: {key}: the id {identifier!r} is there twice",
                path=key,
                hint="Give each entry an id of its own.",
            )


def _require_known(key: str, field: str, wanted: Iterable[str], known: set[str], name: str) -> None:
    for identifier in wanted:
        if identifier not in known:
            raise CatalogueInvalid(
                f"{name}: {key}: the {field} {identifier!r} is not in the file",
                path=key,
                hint=f"Known: {', '.join(sorted(known))}.",
            )
