"""How contracts stand, as their buyers are told: each tells of its whole order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from bpp.accounts.account import read_account
from bpp.accounts.known import Known
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.delivery import ContractView
from trading.mapping import wire_of
from trading.mapping.find import Json
from trading.mapping.fingerprint import fingerprint_order
from trading.mapping.lines import write_order
from trading.news import standing_of

_UNKNOWN: Final[Mapping[str, Known]] = MappingProxyType({})


async def tell(contract: Contract, uow: UnitOfWork, *, now: datetime) -> Json:
    """Return the `message` that tells of a contract's order as it stands now."""
    return in_message((await state(contract, uow, now=now)).order, contract)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A contract as it is told, with the fingerprints of all in it and of its statuses.

    `own` is what its order says of it, `beside` are the other lines of that.
    """

    view: ContractView
    beside: tuple[ContractView, ...]
    own: Json
    reported: str
    standing: str

    @property
    def order(self) -> Json:
        """The whole order."""
        if not self.beside:
            return self.own
        views = sorted((self.view, *self.beside), key=lambda each: each.contract.line)
        return write_order(wire_of(self.view.contract.profile), views)

    def told(self, contract: Contract) -> Contract:
        """Return the contract as one whose buyer knows this."""
        return replace(contract, reported=self.reported, standing=self.standing)


async def state(
    contract: Contract, uow: UnitOfWork, *, now: datetime, known: Known | None = None
) -> Statement:
    """Return a contract as it stands now, with deliveries, cycles and bills, and its order's other lines."""
    [statement] = await state_all(
        [contract], uow, now=now, known={} if known is None else {contract.id: known}
    )
    return statement


async def state_all(
    contracts: Sequence[Contract],
    uow: UnitOfWork,
    *,
    now: datetime,
    known: Mapping[str, Known] = _UNKNOWN,
) -> list[Statement]:
    """Return contracts of one order as they stand now, each with all other lines of that beside it.

    `known` is what some of them were settled from, by their ids.
    """
    others = await _others(contracts, uow)
    views = [await read_account(each, uow, now=now, known=known.get(each.id)) for each in contracts]
    beside = [await read_account(each, uow, now=now) for each in others]
    return _stated(views, beside)


def restate(statements: Sequence[Statement], contracts: Sequence[Contract]) -> list[Statement]:
    """Return what is said of contracts with other words about them, of which no amount depends."""
    numbers = {each.line for each in contracts}
    views = [
        replace(statement.view, contract=contract)
        for statement, contract in zip(statements, contracts, strict=True)
    ]
    return _stated(views, [each for each in statements[0].beside if each.contract.line not in numbers])


async def _others(contracts: Sequence[Contract], uow: UnitOfWork) -> list[Contract]:
    """Return the other lines of the order of these, as they are told on its wire.

    Until the unit of work ends nobody else tells of them.
    """
    first, numbers = contracts[0], {each.line for each in contracts}
    if first.lines == 1:
        return []
    store = ContractStore(uow.connection)
    await store.take_word(first.order_id)
    lines = await store.find_lines(first)
    return [as_told_on(each, first.profile) for each in lines if each.line not in numbers]


def _stated(views: Sequence[ContractView], others: Sequence[ContractView]) -> list[Statement]:
    """Return what is said of each of the views, with all the rest beside it."""
    wire = wire_of(views[0].contract.profile)
    told = [wire.write_contract_order(view) for view in views]
    return [
        Statement(
            view=view,
            beside=(*views[:number], *views[number + 1 :], *others),
            own=own,
            reported=fingerprint_order(own),
            standing=standing_of(view),
        )
        for number, (view, own) in enumerate(zip(views, told, strict=True))
    ]


def in_message(order: Json, contract: Contract) -> Json:
    """Return the `message` that carries the order of a contract."""
    return {wire_of(contract.profile).ORDER_KEY: order}


def as_told_on(contract: Contract, profile: str) -> Contract:
    """Return the contract as it is told on a wire: what was sent on another stays there."""
    return contract if contract.profile == profile else replace(contract, profile=profile, buyer_order={})
