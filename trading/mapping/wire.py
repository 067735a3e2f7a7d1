"""What every generation of the wire can say and understand.

A generation is a package with these functions: `read_…` takes what stands under `message` (or the order
in it) and returns domain objects, `write_…` goes the other way. Nothing else differs between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trading.cancellation import Reason
from trading.contract import Contract
from trading.delivery import ContractView
from trading.fields import Paths
from trading.lifecycle import ContractStatus
from trading.listing import Listing
from trading.mapping.find import Json
from trading.mapping.parts import OrderParts
from trading.offer import SupportContact
from trading.order_lines import NamedLine
from trading.proposal import Answer
from trading.publication import Publication, PublicationResult, PublishedCatalogue
from trading.quote import Quote
from trading.report import ContractReport
from trading.request import Criteria, Inquiry, OrderRequest, Rating, RatingSummary, Selection, TicketNote

Message = Mapping[str, Any]


class PublicationWire(Protocol):
    """A generation that can publish catalogues."""

    def write_publication(self, publication: Publication, *, bpp_id: str, bpp_url: str) -> Json: ...

    def read_publication(self, message: Message) -> list[PublishedCatalogue]: ...

    def write_publication_results(self, results: Sequence[PublicationResult]) -> Json: ...

    def read_publication_results(self, message: Message) -> list[PublicationResult]: ...


class Wire(Protocol):
    """One generation: `ORDER_KEY` is the key of `message` that an order stands under.

    `ATTRIBUTES_KEY` is the key of an order that its contract's attributes stand under, `VALUE_KEY` that of
    what it costs.
    """

    @property
    def PATHS(self) -> Paths: ...  # noqa: N802  a constant of a module

    @property
    def ORDER_KEY(self) -> str: ...  # noqa: N802

    @property
    def FILTER_EXAMPLE(self) -> str: ...  # noqa: N802

    @property
    def ATTRIBUTES_KEY(self) -> str: ...  # noqa: N802

    @property
    def VALUE_KEY(self) -> str: ...  # noqa: N802

    # orders of several lines: what stands under ORDER_KEY, of one line each

    def split_order(self, order: Message) -> list[Json]: ...

    def join_order(self, whole: Message, lines: Sequence[Message]) -> Json: ...

    # what buyers ask

    def read_criteria(self, message: Message) -> Criteria: ...

    def write_criteria(self, criteria: Criteria) -> Json: ...

    def read_order(self, message: Message) -> OrderRequest: ...

    def write_order_request(self, request: OrderRequest) -> Json: ...

    def write_update(self, request: OrderRequest) -> Json: ...

    def read_order_id(self, message: Message) -> str: ...

    def read_answer(self, message: Message) -> Answer | None: ...

    def write_answer(self, request: OrderRequest, answer: Answer) -> Json: ...

    def read_reason(self, message: Message) -> Reason: ...

    def read_cancelled(self, message: Message, sent: Message) -> list[NamedLine]: ...

    def write_cancel(self, request: OrderRequest, reason: Reason) -> Json: ...

    def write_order_id(self, request: OrderRequest) -> Json: ...

    def read_track(self, message: Message) -> str: ...

    def write_track(self, request: OrderRequest, *, callback_url: str) -> Json: ...

    def read_ratings(self, message: Message) -> list[Rating]: ...

    def write_ratings(self, ratings: Sequence[Rating]) -> Json: ...

    def read_support(self, message: Message) -> Inquiry: ...

    def write_support(self, inquiry: Inquiry) -> Json: ...

    # what sellers answer

    def write_items(self, listing: Listing) -> list[Json]: ...

    def write_catalog(self, listing: Listing, *, bpp_id: str, bpp_url: str) -> Json: ...

    def read_catalog(self, message: Message) -> list[Listing]: ...

    def write_quote_order(self, request: OrderRequest, selection: Selection, quote: Quote) -> Json: ...

    def write_contract_order(self, view: ContractView) -> Json: ...

    def write_trade(self, sent: Message, *, order_id: str, status: ContractStatus, quote: Quote) -> Json: ...

    def write_statement(self, order: Message, bag: Message, *, meter: str) -> Json: ...

    def find_statements(self, order: Message) -> list[Json]: ...

    def read_contract(self, order: Message) -> ContractReport: ...

    def find_parts(self, order: Message) -> OrderParts: ...

    def write_tracking(self, contract: Contract, *, url: str) -> Json: ...

    def read_tracking(self, message: Message) -> str: ...

    def write_aggregate(self, ratings: Sequence[Rating], summary: RatingSummary) -> Json: ...

    def read_aggregate(self, message: Message) -> RatingSummary: ...

    def write_contact(
        self, inquiry: Inquiry, contact: SupportContact, ticket: TicketNote | None = None
    ) -> Json: ...

    def read_contact(self, message: Message) -> SupportContact: ...

    def read_ticket(self, message: Message) -> TicketNote | None: ...
