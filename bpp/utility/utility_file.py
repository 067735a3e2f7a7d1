"""The file of a utility: its customers, its tariffs, and the trades that it lets pass."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from bpp.catalog_file.entry import Entry, Identifier, Kwh, MeterId, ZoneName
from bpp.catalog_file.reader import CatalogueInvalid, load_tariff, read_entries
from bpp.utility.register import Approval, Charges, Utility
from bpp.utility.sanction import Sanction
from kernel.energy import WATT_HOURS_PER_KWH, Energy
from kernel.local_periods import Cadence
from kernel.mrid import canonical_mrid
from trading.wheeling import Wheeling

_MOST_KW = 1_000_000


class LimitEntry(Entry):
    """How many kWh a customer can trade in each period."""

    kwh: Kwh
    every: Cadence = Cadence.DAILY


class CustomerEntry(Entry):
    """A customer's meter, with the load that its connection is approved for, and what it can trade."""

    meter: MeterId
    sanctioned_kw: Annotated[Decimal, Field(gt=0, le=_MOST_KW, decimal_places=3)] | None = None
    limit: LimitEntry | None = None

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if self.sanctioned_kw is None and self.limit is None:
            raise ValueError("a customer has sanctioned_kw, a limit, or both")
        return self

    def to_domain(self, zone: str) -> Sanction:
        watts = self.sanctioned_kw
        return Sanction(
            watts=None if watts is None else int(watts * WATT_HOURS_PER_KWH),
            energy=Energy.from_kwh(self.limit.kwh) if self.limit else None,
            every=self.limit.every if self.limit else Cadence.DAILY,
            zone=zone,
        )


class TariffsEntry(Entry):
    """Files of charges, beside this one; what has none of its own is charged as `within`."""

    within: str
    brought_in: str | None = None
    taken_out: str | None = None


class ApprovalEntry(Entry):
    """Which trades pass; what is left out lets all pass."""

    platforms: tuple[Identifier, ...] | None = None
    partners: tuple[Identifier, ...] | None = None
    lead_hours: Annotated[Decimal, Field(ge=0, le=24 * 366)] = Decimal(0)

    def to_domain(self) -> Approval:
        return Approval(
            platforms=None if self.platforms is None else frozenset(self.platforms),
            partners=None if self.partners is None else frozenset(self.partners),
            lead=timedelta(seconds=int(self.lead_hours * 3600)),
        )


class UtilityFile(Entry):
    """The whole file."""

    name: str
    zone: ZoneName
    tariffs: TariffsEntry
    customers: Annotated[tuple[CustomerEntry, ...], Field(min_length=1)]
    approval: ApprovalEntry = ApprovalEntry()


def load_utility(path: Path, *, subscriber_id: str, hold_for: timedelta) -> Utility:
    """Return the utility in the file, and in the tariff files that it names. Raises: CatalogueInvalid."""
    file = read_entries(UtilityFile, path, what="utility")
    customers: dict[str, Sanction] = {}
    for index, entry in enumerate(file.customers):
        mrid = canonical_mrid(entry.meter, lenient=True)
        if mrid in customers:
            raise CatalogueInvalid(
                f"{path}: customers.{index}: the meter {entry.meter} is there twice",
                path=f"customers.{index}",
                hint="Give each meter one entry.",
            )
        customers[mrid] = entry.to_domain(file.zone)
    return Utility(
        subscriber_id=subscriber_id,
        name=file.name,
        zone=file.zone,
        customers=customers,
        charges=_charges(file.tariffs, path),
        approval=file.approval.to_domain(),
        hold_for=hold_for,
    )


def _charges(tariffs: TariffsEntry, path: Path) -> Charges:
    within, brought_in, taken_out = (
        tuple(load_tariff(path.parent / (name or tariffs.within)))
        for name in (tariffs.within, tariffs.brought_in, tariffs.taken_out)
    )
    every: tuple[Wheeling, ...] = (*within, *brought_in, *taken_out)
    currencies = sorted({charge.currency.code for charge in every})
    if len(currencies) > 1:
        raise CatalogueInvalid(
            f"{path}: tariffs: a utility charges in one currency, not in {', '.join(currencies)}",
            path="tariffs",
        )
    return Charges(currency=every[0].currency, within=within, brought_in=brought_in, taken_out=taken_out)
