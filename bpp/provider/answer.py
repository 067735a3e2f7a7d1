"""What a back office answers a question, read from its JSON: exact numbers, and no key that is not known."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from bpp.provider.port import Answer, ProviderAway
from kernel.energy import Energy, NotWholeWattHours
from schemas.forms.faults import faults_of
from trading.seller_counter import CounterInvalid, Off, SellerCounter

_MOST_TROUBLES: Final = 3

_NUMBER: Final = re.compile(r"[0-9]{1,13}(\.[0-9]{1,6})?")


def _is_number(value: object) -> object:
    if value is None or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return value
    raise ValueError('it is a decimal number in a string, such as "0.28", of six decimals at most')


Number = Annotated[str | None, BeforeValidator(_is_number)]
"""An exact decimal number as text, if it is said; JSON's own numbers are none."""
Reason = Annotated[str | None, Field(max_length=2000)]


_TERMS: Final = ("discount", "from", "max_kwh", "price_per_kwh", "until")


_ACCEPTED: Final = {"accept": True, "refuse": False, "leave": None}


class _Said(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore")

    reason: Reason = None


class _Verdict(_Said):
    """A back office takes an order as it stands, or does not, or leaves it to people: it names no terms."""

    answer: Literal["accept", "refuse", "leave"]

    @model_validator(mode="before")
    @classmethod
    def _names_no_terms(cls, value: object) -> object:
        named = [each for each in _TERMS if value.get(each) is not None] if isinstance(value, dict) else []
        if named:
            raise ValueError(f"{', '.join(named)} is said only by the answer counter")
        return value

    def to_domain(self) -> Answer:
        return Answer(accepted=_ACCEPTED[self.answer], reason=self.reason or "")


class _Discount(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: str
    percent: Number = None
    amount: Number = None

    def to_domain(self) -> Off:
        return Off(title=self.title, percent=_decimal(self.percent), amount=_decimal(self.amount))


class _Counter(_Said):
    """A back office takes an order if it is otherwise."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", populate_by_name=True)

    answer: Literal["counter"]
    price_per_kwh: Number = None
    discount: _Discount | None = None
    max_kwh: Number = None
    start: AwareDatetime | None = Field(None, alias="from")
    end: AwareDatetime | None = Field(None, alias="until")

    def to_domain(self) -> Answer:
        counter = SellerCounter(
            price_per_kwh=_decimal(self.price_per_kwh),
            discount=self.discount.to_domain() if self.discount else None,
            most=None if self.max_kwh is None else Energy.from_kwh(Decimal(self.max_kwh)),
            start=self.start,
            end=self.end,
        )
        return Answer(accepted=False, reason=self.reason or "", counter=counter)


_ANSWER: Final[TypeAdapter[_Verdict | _Counter]] = TypeAdapter(
    Annotated[_Verdict | _Counter, Discriminator("answer")]
)


def read_answer(body: bytes) -> Answer:
    """Return what a back office answers. Raises: ProviderAway, which says what is wrong with it."""
    if not body.strip():
        raise ProviderAway("the back office gave an empty answer", hint="A question is answered in JSON.")
    try:
        return _ANSWER.validate_json(body).to_domain()
    except ValidationError as error:
        raise ProviderAway(f"the back office gave no answer: {_troubles(error)}") from error
    except (CounterInvalid, NotWholeWattHours) as error:
        raise ProviderAway(f"the back office gave a counter that is none: {error}") from error


def _decimal(number: str | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def _troubles(error: ValidationError) -> str:
    found = faults_of(error.errors()[:_MOST_TROUBLES])
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, each.steps)), each.message))) for each in found
    )
