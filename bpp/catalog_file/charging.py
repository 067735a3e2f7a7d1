"""How the catalogue file tells of connectors, and of what charging sessions cost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bpp.catalog_file.entry import Amount, Entry, Identifier, Kwh
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from trading.cancellation_terms import CancellationTerm
from trading.charges import Percent
from trading.charging.connector import Connector, ConnectorType, PowerType
from trading.charging.fees import Buffer, MinuteFee, NoShow, SessionTerms, finder_fee
from trading.charging.stall_terms import ReservationTerms, StallOffer, StallTerms
from trading.offer import DeliveryMode
from trading.rates import Price
from trading.wheeling import Side

Minutes = Annotated[int, Field(ge=0, le=2 * 24 * 60)]
Kilowatts = Annotated[Decimal, Field(ge=0, le=500)]


class ConnectorEntry(Entry):
    """A plug of a station, in the words of EvChargingService."""

    type: ConnectorType
    max_power_kw: Annotated[Decimal, Field(ge=1, le=500)]
    min_power_kw: Kilowatts | None = None
    power_type: PowerType | None = None
    reservable: bool = True
    station: Identifier | None = None
    evse: Identifier | None = None
    format: Literal["SOCKET", "CABLE"] | None = None
    speed: Literal["SLOW", "NORMAL", "FAST", "ULTRAFAST"] | None = None
    parking: Literal["OnStreet", "OffStreet", "Basement", "Mall", "FuelStation", "Office", "Hotel"] | None = (
        None
    )
    vehicle: Literal["2-WHEELER", "3-WHEELER", "4-WHEELER"] | None = None
    roaming: Identifier | None = None
    amenities: tuple[Literal["RESTAURANT", "RESTROOM", "WI-FI", "PARKING"], ...] = ()

    def to_domain(self) -> Connector:
        return Connector(
            type=self.type,
            max_power=self.max_power_kw,
            min_power=self.min_power_kw,
            power_type=self.power_type,
            reservable=self.reservable,
            station_id=self.station,
            evse_id=self.evse,
            format=self.format,
            speed=self.speed,
            parking=self.parking,
            vehicle=self.vehicle,
            roaming=self.roaming,
            amenities=self.amenities,
        )


class MinuteFeeEntry(Entry):
    """An amount for so many minutes, after a grace."""

    amount: Amount
    per_minutes: Annotated[int, Field(gt=0, le=24 * 60)] = 1
    grace_minutes: Minutes = 0

    def to_domain(self, currency: Currency) -> MinuteFee:
        grace = timedelta(minutes=self.grace_minutes)
        return MinuteFee(amount=Money.of(self.amount, currency), minutes=self.per_minutes, grace=grace)


class NoShowEntry(Entry):
    """What a slot costs that nobody took, and how long it is kept."""

    amount: Amount
    grace_minutes: Minutes = 15

    def to_domain(self, currency: Currency) -> NoShow:
        return NoShow(fee=Money.of(self.amount, currency), grace=timedelta(minutes=self.grace_minutes))


class BufferEntry(Entry):
    """What is paid beside the price, and how much more may be taken for it."""

    title: Identifier = "Overcharge estimation"
    amount: Amount
    kwh: Kwh

    def to_domain(self, currency: Currency) -> Buffer:
        energy = Energy.from_kwh(self.kwh)
        return Buffer(title=self.title, amount=Money.of(self.amount, currency), energy=energy)


class FinderFeeEntry(Entry):
    """What the buyer's platform gets: a per cent of the energy before discounts, or an amount."""

    percent: Annotated[Decimal, Field(gt=0, le=100)] | None = None
    amount: Amount | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a buyer_finder_fee has either a percent or an amount")
        return self

    def to_domain(self, currency: Currency) -> Percent | Money:
        if self.percent is not None:
            return Percent(of_energy=self.percent, before_discounts=True)
        return Money.of(self.amount or 0, currency)


class ReservationEntry(Entry):
    """What reserving a stall costs, and what the operator credits for its delay."""

    fee: Amount
    cancel_before_minutes: Minutes = 0
    delay_credit_per_minute: Amount = Decimal(0)
    most_credited: Amount

    def to_domain(self, currency: Currency) -> ReservationTerms:
        return ReservationTerms(
            fee=Money.of(self.fee, currency),
            cancel_before=timedelta(minutes=self.cancel_before_minutes),
            delay_credit=Money.of(self.delay_credit_per_minute, currency),
            cap=Money.of(self.most_credited, currency),
        )

    def to_cancellation(self, currency: Currency) -> CancellationTerm | None:
        """Return what cancelling late costs: the fee is kept."""
        fee, notice = Money.of(self.fee, currency), timedelta(minutes=self.cancel_before_minutes)
        return CancellationTerm(side=Side.BUYER, notice=notice, amount=fee) if fee.minor else None


class StallEntry(Entry):
    """What a minute of a stall costs, in the terms of EvChargingOffer 3.0."""

    occupancy_per_minute: Amount
    idle_per_minute: Amount
    grace_minutes: Minutes
    grid_credit_per_minute: Amount = Decimal(0)
    reservation: ReservationEntry | None = None

    def to_domain(self, energy: Price, promised: Decimal) -> StallOffer:
        terms = StallTerms(
            energy=energy,
            occupancy=Money.of(self.occupancy_per_minute, energy.currency),
            idle=Money.of(self.idle_per_minute, energy.currency),
            grace=timedelta(minutes=self.grace_minutes),
            most_demotions=0,
            grid_credit=Money.of(self.grid_credit_per_minute, energy.currency),
            reservation=self.reservation.to_domain(energy.currency) if self.reservation else None,
        )
        return StallOffer(terms=terms, promised=promised)


class SessionEntry(Entry):
    """What a session costs beside its energy."""

    longest_minutes: Annotated[int, Field(gt=0, le=2 * 24 * 60)] = 4 * 60
    idle: MinuteFeeEntry | None = None
    occupancy: MinuteFeeEntry | None = None
    no_show: NoShowEntry | None = None
    buffer: BufferEntry | None = None
    buyer_finder_fee: FinderFeeEntry | None = None
    stall: StallEntry | None = None

    def to_domain(self, price: Price, *, power: Decimal) -> SessionTerms:
        """Return the terms at a plug of that power (kW), where a kWh has that price."""
        currency = price.currency
        finder = self.buyer_finder_fee
        return SessionTerms(
            longest=timedelta(minutes=self.longest_minutes),
            idle=self.idle.to_domain(currency) if self.idle else None,
            occupancy=self.occupancy.to_domain(currency) if self.occupancy else None,
            no_show=self.no_show.to_domain(currency) if self.no_show else None,
            buffer=self.buffer.to_domain(currency) if self.buffer else None,
            finder=finder_fee(finder.to_domain(currency)) if finder else None,
            stall=self.stall.to_domain(price, power) if self.stall else None,
        )

    def kept_fee(self, currency: Currency) -> tuple[CancellationTerm, ...]:
        """Return what the reservation of a stall says of cancelling, nothing of other sessions."""
        reserved = self.stall.reservation if self.stall else None
        term = reserved.to_cancellation(currency) if reserved else None
        return () if term is None else (term,)


def check_connector(mode: DeliveryMode, connector: ConnectorEntry | None) -> None:
    """Let only vehicles be charged at a connector. Raises: ValueError."""
    if connector is not None and mode is not DeliveryMode.EV_CHARGING:
        raise ValueError(f"a connector charges vehicles: its delivery_mode is EV_CHARGING, not {mode}")


def check_session(connector: ConnectorEntry | None, session: SessionEntry | None) -> None:
    """Let an offer have terms of sessions only where there is a connector. Raises: ValueError."""
    if session is not None and connector is None:
        raise ValueError("only a resource with a connector is sold in sessions")
