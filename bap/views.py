"""What the API tells of transactions: the models behind its answers and its documentation."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

Json = dict[str, Any]


class ErrorView(BaseModel):
    """An error: its code, a sentence, and in `details` where it is and what to do."""

    code: str
    message: str
    details: Json | None = None


class RefusalView(BaseModel):
    """Why a request was not served."""

    error: ErrorView


class ViolationView(BaseModel):
    """One rule that the message breaks: where, which rule, and what to do about it."""

    path: str
    rule: str
    message: str
    hint: str | None


class UnsentView(RefusalView):
    """Why a message was not sent, rule by rule."""

    violations: list[ViolationView] = Field(default_factory=list)


class SentView(BaseModel):
    """A request on its way; the callback will show at both addresses."""

    transaction_id: str
    message_id: str
    action: str
    status_url: str
    events_url: str
    waited: bool = Field(False, description="Whether the call waited for a callback that has not come.")


class AnsweredView(BaseModel):
    """The callback: its context, and the message or the error that it carries."""

    transaction_id: str
    message_id: str
    action: str
    context: Json
    message: Json | None = None
    error: ErrorView | None = None


class UndeliveredView(RefusalView):
    """A request that the peer refused or that never reached it; `peer_error` is in its own words."""

    transaction_id: str
    message_id: str
    status_url: str
    peer_error: ErrorView


class DeliveryView(BaseModel):
    """How a request fares on its way to the peer."""

    state: str
    attempts: int
    last_status: int | None
    last_error: str | None
    due_at: str
    url: str


class MessageView(BaseModel):
    """A message of the transaction; `explanation` says how it stands and why."""

    sequence: int | None
    direction: str
    bpp_id: str | None = Field(None, description="The platform that it went to or came from.")
    action: str
    message_id: str
    at: str
    state: str
    explanation: str
    delivery: DeliveryView | None
    error: ErrorView | None
    document: Json | None


class BillView(BaseModel):
    """The money: what the order costs, and the cycles that it is settled and billed in."""

    order_value: Json | None
    wheeling_charges: Json | None
    settlement_cycles: list[Json]
    billing_cycles: list[Json]


class LineView(BaseModel):
    """A line of an order as the seller's platform stated it last."""

    line: int = Field(description="They count from one.")
    contract: Json | None
    bill: BillView
    delivery: Json | None
    proposal: Json | None


class TransactionSummary(BaseModel):
    """A transaction in one line."""

    transaction_id: str
    bpp_id: str
    bpp_uri: str
    wire: str
    order_id: str | None
    order_status: str | None
    contract_status: str | None
    created_at: str
    updated_at: str


class TransactionView(TransactionSummary):
    """A transaction as the seller's platform stated it last, and every message of it."""

    contract: Json | None
    bill: BillView | None
    delivery: Json | None
    proposal: Json | None = Field(
        None, description="The newest change that a side proposed, and what became of it."
    )
    lines: list[LineView] = Field(description="The lines of an order of several; else none.")
    order: Json | None
    messages: list[MessageView]


class TransactionPage(BaseModel):
    """Some of the transactions, the latest first."""

    transactions: list[TransactionSummary]
    total: int
    limit: int
    offset: int
