"""What the ledger API takes: strict forms of its three requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import simplejson
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict, ValidationError
from pydantic.alias_generators import to_camel

from kernel.clock import utc
from protocol.document import parse_document
from schemas.forms.faults import faults_of
from settlement.trade_records.finding import SortBy, Wanted
from settlement.trade_records.parties import PartyRole
from settlement.trade_records.refusals import RefusalCode, Refused

F = TypeVar("F", bound="Form")
_LARGEST: Final = 255  # characters of an id
_DEEPEST_PAGE: Final = 2**31


def _number(value: object) -> object:
    return Decimal(value) if type(value) is int else value


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a date and time as text, like 2026-01-15T10:20:30Z")  # noqa: TRY004
    return value


Number = Annotated[Decimal, Strict(), BeforeValidator(_number)]
Instant = Annotated[AwareDatetime, BeforeValidator(_text)]
Id = Annotated[str, Field(max_length=_LARGEST)]


class TradeType(StrEnum):
    """What is traded."""

    ENERGY = "ENERGY"
    RAISE_CAPACITY = "RAISE_CAPACITY"
    LOWER_CAPACITY = "LOWER_CAPACITY"
    PFR = "PFR"
    SFR = "SFR"
    TC = "TC"
    BDR = "BDR"


class MetricType(StrEnum):
    """What a utility measured."""

    ACTUAL_PUSHED = "ACTUAL_PUSHED"
    ACTUAL_PULLED = "ACTUAL_PULLED"
    SETPOINT_FOLLOWING_ERROR = "SETPOINT_FOLLOWING_ERROR"
    ACTUAL_RAISE_CAPACITY = "ACTUAL_RAISE_CAPACITY"
    ACTUAL_LOWER_CAPACITY = "ACTUAL_LOWER_CAPACITY"
    FREQUENCY_RESPONSE_ERROR = "FREQUENCY_RESPONSE_ERROR"
    ACTUAL_DEMAND_REDUCTION = "ACTUAL_DEMAND_REDUCTION"
    AVAILABILITY = "AVAILABILITY"


class TradeStatus(StrEnum):
    """How a trade stands with a utility."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED_OUTAGE = "CANCELLED_OUTAGE"
    CANCELLED_POL_VIOLATION = "CANCELLED_POL_VIOLATION"
    CURTAILED_OUTAGE = "CURTAILED_OUTAGE"
    CURTAILED_POL_VIOLATION = "CURTAILED_POL_VIOLATION"
    COMPLETED = "COMPLETED"


class Form(BaseModel):
    """A request; a field that it does not have is refused."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    def told(self, *left_out: str) -> dict[str, Any]:
        """Return what was sent, by the API's names, instants as text in UTC."""
        sent = self.model_dump(by_alias=True, exclude_unset=True, exclude=set(left_out))
        return {
            name: _written(value) if isinstance(value, datetime) else value for name, value in sent.items()
        }


class TradeDetail(Form):
    """What was agreed to be delivered."""

    trade_qty: Number
    trade_type: TradeType
    trade_unit: Literal["KWH", "KW"]


class Metric(Form):
    """What was measured."""

    validation_metric_type: MetricType
    validation_metric_value: Number


class PutForm(Form):
    """What a platform puts."""

    role: PartyRole
    transaction_id: Id
    order_item_id: Id
    record_id: Id | None = None
    platform_id_buyer: Id | None = None
    platform_id_seller: Id | None = None
    discom_id_buyer: Id | None = None
    discom_id_seller: Id | None = None
    buyer_id: Id | None = None
    seller_id: Id | None = None
    trade_time: Instant | None = None
    delivery_start_time: Instant | None = None
    delivery_end_time: Instant | None = None
    trade_details: list[TradeDetail] | None = None
    client_reference: Id | None = None


class RecordForm(Form):
    """What a utility records."""

    role: Literal[PartyRole.BUYER_DISCOM, PartyRole.SELLER_DISCOM]
    transaction_id: Id | None = None
    order_item_id: Id | None = None
    record_id: Id | None = None
    buyer_fulfillment_validation_metrics: list[Metric] | None = None
    seller_fulfillment_validation_metrics: list[Metric] | None = None
    status_buyer_discom: TradeStatus | None = None
    status_seller_discom: TradeStatus | None = None
    note: str | None = None
    client_reference: Id | None = None


class GetForm(Form):
    """What a party looks for."""

    transaction_id: Id | None = None
    order_item_id: Id | None = None
    record_id: Id | None = None
    buyer_id: Id | None = None
    seller_id: Id | None = None
    discom_id_buyer: Id | None = None
    discom_id_seller: Id | None = None
    platform_id_buyer: Id | None = None
    platform_id_seller: Id | None = None
    creation_time_from: Instant | None = None
    creation_time_to: Instant | None = None
    trade_time_from: Instant | None = None
    trade_time_to: Instant | None = None
    delivery_start_from: Instant | None = None
    delivery_start_to: Instant | None = None
    delivery_end_from: Instant | None = None
    delivery_end_to: Instant | None = None
    limit: int = Field(50, ge=1, le=500, strict=True)
    offset: int = Field(0, ge=0, lt=_DEEPEST_PAGE, strict=True)
    sort: SortBy = SortBy.CREATION
    sort_order: Literal["asc", "desc"] = "desc"

    def wanted(self, record: UUID | None) -> Wanted:
        """Return the search that this asks for; `record` is the record that it names, if it does."""
        sent = self.model_dump(
            by_alias=True, exclude_unset=True, exclude={"record_id", "limit", "offset", "sort", "sort_order"}
        )
        return Wanted(
            record=record,
            equal={name: value for name, value in sent.items() if isinstance(value, str)},
            since=_bounds(sent, "From"),
            until=_bounds(sent, "To"),
            sort=self.sort,
            descending=self.sort_order == "desc",
            limit=self.limit,
            offset=self.offset,
        )


def read_form(raw: bytes, form: type[F]) -> F:
    """Return the form that a body holds, numbers as exact as they were sent. Raises: JsonInvalid, Refused."""
    parse_document(raw)  # refuses what another reader of JSON would read differently
    document = simplejson.loads(raw, use_decimal=True)
    for name, value in document.items():
        if value is None:
            raise Refused(RefusalCode.FIELD_NOT_ALLOWED, f"{name} is null; leave it out", field=name)
    try:
        return form.model_validate(document)
    except ValidationError as error:
        first = faults_of(error.errors(), form=form)[0]
        missing = first.rule == "missing"
        raise Refused(
            RefusalCode.MISSING_REQUIRED if missing else RefusalCode.FIELD_NOT_ALLOWED,
            f"Invalid request body: {first.message}. {first.hint}",
            field=_path(first.steps),
        ) from error


def _written(instant: datetime) -> str:
    return utc(instant).isoformat().removesuffix("+00:00") + "Z"


def _bounds(sent: Mapping[str, Any], end: str) -> dict[str, datetime]:
    return {
        name.removesuffix(end): value
        for name, value in sent.items()
        if isinstance(value, datetime) and name.endswith(end)
    }


def _path(location: tuple[int | str, ...]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")
