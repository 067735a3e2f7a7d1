"""What an app asks for: the forms of the plain API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from kernel.energy import Energy
from kernel.interval import Interval
from protocol.signature_header import NAME_PATTERN
from trading.charging.connector import ConnectorType
from trading.geometry import point_at
from trading.order_lines import MOST_LINES
from trading.spatial import SpatialFilter, SpatialOperator
from trading.terms import PaymentTiming

PromotionCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
T = TypeVar("T")
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Text of one line."""
SellerId = Annotated[str, StringConstraints(max_length=255, pattern=NAME_PATTERN)]
Kwh = Annotated[
    Decimal,
    Field(
        gt=0,
        max_digits=15,
        decimal_places=3,
        description="Kilowatt-hours, to the watt-hour.",
        examples=["10"],
    ),
]
PerKwh = Annotated[
    Decimal,
    Field(
        ge=0,
        max_digits=18,
        decimal_places=6,
        description="Major units of the currency a kWh.",
        examples=["0.20"],
    ),
]
LineNumber = Annotated[int, Field(ge=1, le=MOST_LINES)]
"""Which line of an order; they count from one."""
Degrees = Annotated[Decimal, Field(max_digits=20, decimal_places=15)]


class Source(StrEnum):
    """What energy is made from."""

    SOLAR = "solar"
    BATTERY = "battery"
    GRID = "grid"
    HYBRID = "hybrid"
    RENEWABLE = "renewable"


class Form(BaseModel):
    """A body that an app sends; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _to_the_millisecond(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


Moment = Annotated[AwareDatetime, AfterValidator(_to_the_millisecond)]
"""An instant as sellers are told it: what is finer would come back as another one."""


class Window(Form):
    """A time, from its start until just before its end; to the millisecond, what is finer is cut off."""

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError("a window ends after it starts")
        return self

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)


class Near(Form):
    """A circle on the map."""

    latitude: Annotated[Degrees, Field(ge=-90, le=90)]
    longitude: Annotated[Degrees, Field(ge=-180, le=180)]
    metres: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000

    @property
    def place(self) -> SpatialFilter:
        """Return it as a condition on where things are."""
        return SpatialFilter(
            operator=SpatialOperator.DWITHIN,
            geometry=point_at(longitude=self.longitude, latitude=self.latitude),
            distance=Decimal(self.metres),
            path="near",
        )


class SearchForm(Form):
    """What is looked for; what is left out may be anything."""

    words: str | None = Field(
        None, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="Words that must all occur."
    )
    source: Source | None = None
    price_at_most: PerKwh | None = None
    kwh_at_least: Kwh | None = Field(None, description="So much must be left of it.")
    connector: ConnectorType | None = Field(None, description="Only charging stations with this plug.")
    near: Near | None = Field(None, description="Where the energy comes from, or the station stands.")
    window: Window | None = Field(None, description="All of this time it must be to be had.")
    sellers: Annotated[list[SellerId], Field(min_length=1, max_length=50)] | None = Field(
        None, description="Which sellers are asked; without it, the first 50 that the network has."
    )


class QuoteItem(Form):
    """A line: how much of an offer, and when."""

    offer_id: Line
    kwh: Kwh
    window: Window | None = Field(
        None, description="When the energy is to flow; without it, all the time that it is produced."
    )
    code: PromotionCode | None = Field(None, description="A code of the seller's by which it is cheaper.")

    @property
    def energy(self) -> Energy:
        return Energy.from_kwh(self.kwh)


class QuoteForm(Form):
    """What is to be priced: how much of an offer, to which meter, and when; or of several offers at once."""

    items: Annotated[list[QuoteItem], Field(min_length=1, max_length=MOST_LINES)] | None = Field(
        None,
        description="Instead of `offer_id`, `kwh`, `window` and `code`: several offers of one seller, which "
        "are bought together or not at all. Each is a line of the order, with bills of its own.",
    )
    offer_id: Line | None = Field(
        None, validate_default=True, description="Needed, unless there are `items`."
    )
    kwh: Kwh | None = Field(None, validate_default=True, description="Needed, unless there are `items`.")
    meter: Line | None = Field(
        None,
        description="The meter that takes the energy. Only where it is handed over at the seller's own "
        "(a charging station), none is named.",
    )
    window: Window | None = Field(
        None, description="When the energy is to flow; without it, all the time that it is produced."
    )
    buyer: Line | None = Field(None, description="How the seller is told who buys; else the account's name.")
    utility: Line | None = Field(
        None,
        description="Who runs the grid at that meter, by its name in the network, if the seller asks for it.",
    )
    payment: PaymentTiming | None = Field(
        None,
        description="How it is to be paid, where the offer leaves a choice: `prepaid`, from the deposit with "
        "the seller, or `postpaid`, by bills. Without it, as the offer says first.",
    )
    code: PromotionCode | None = Field(None, description="A code of the seller's by which it is cheaper.")

    @field_validator("offer_id", "kwh")
    @classmethod
    def _is_said_here_or_of_each(cls, value: T, info: ValidationInfo) -> T:
        if "items" in info.data and (info.data["items"] is None) is (value is None):
            raise ValueError("it is needed, either here or in each of the items")
        return value

    @field_validator("window", "code")
    @classmethod
    def _is_said_of_each(cls, value: T, info: ValidationInfo) -> T:
        if info.data.get("items") is not None and value is not None:
            raise ValueError("each of the items has its own")
        return value

    @property
    def lines(self) -> tuple[QuoteItem, ...]:
        """What is wanted, line by line."""
        if self.items is not None:
            return tuple(self.items)
        assert self.offer_id is not None  # noqa: S101  the validator has seen to it
        assert self.kwh is not None  # noqa: S101
        return (QuoteItem(offer_id=self.offer_id, kwh=self.kwh, window=self.window, code=self.code),)


class OrderForm(Form):
    """The quote that is to be ordered."""

    quote_id: Line
    confirm: bool = Field(
        False,
        description="Whether to buy as soon as the seller holds the energy at the quoted price. Else it is "
        "held for a while, and `confirm` buys it.",
    )


class ChangeForm(Form):
    """How much is wanted instead."""

    kwh: Kwh
    line: LineNumber | None = Field(None, description="Of which line; needed where there are several.")

    @property
    def energy(self) -> Energy:
        return Energy.from_kwh(self.kwh)


class CancelForm(Form):
    """Why an order is ended."""

    reason: Line | None = Field(
        None, description="In the buyer's words; told to the seller where its wire has a place for it."
    )


class Consent(StrEnum):
    """What is said to a proposal."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class ProposalForm(Form):
    """The answer to what the seller proposes."""

    proposal_id: Line = Field(description="The `id` of the order's `proposal`.")
    answer: Consent

    @property
    def accepts(self) -> bool:
        return self.answer is Consent.ACCEPT


class About(StrEnum):
    """What of an order is meant."""

    ORDER = "order"
    ENERGY = "energy"  # what was bought
    SELLER = "seller"


class RatingForm(Form):
    """What the buyer thinks of it."""

    line: LineNumber | None = Field(
        None, description="Of which line the energy is meant; needed where there are several."
    )
    stars: Annotated[
        Decimal, Field(ge=0, le=5, decimal_places=2, description="From 0 to 5.", examples=["4.5"])
    ]
    about: About = About.ORDER
    comment: str | None = Field(
        None,
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$",
        description="What else the seller is told.",
    )


class SupportForm(Form):
    """What is asked about."""

    about: About = About.ORDER
    line: LineNumber | None = Field(
        None, description="Of which line the energy is meant; needed where there are several."
    )
