"""Telling a seller's platform of a trade unasked: what is cut of it, what was delivered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bpp.utility.apportioning import Metered, apportion
from bpp.utility.decisions import Cutting, curtail
from bpp.utility.register import Utility
from bpp.utility.statements import Said, StatementStore
from bpp.utility.trades import Trade, TradeStore
from kernel.clock import Clock
from kernel.errors import NodeError
from node.audit import Actor, record_act
from node.correspondence import Correspondent, Peer
from protocol.actions import Action
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.curtailment import NotCurtailable
from trading.grid_statement import Allocations, UtilityStatement, check_allocated
from trading.mapping import wire_of
from trading.mapping.grid import quote_wheeling
from trading.mapping.grid_statement import write_utility_statement
from trading.refusals import OrderNotFound


class MeterUnknown(NodeError):
    """The meter is no customer's of the utility."""

    code, http_status, retryable = "METER_UNKNOWN", 404, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A trade as an operator names it: by its order, and by its platform where several call one so."""

    order_id: str
    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who says something of a trade in the utility's name, and why."""

    actor: Actor
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a platform is, and what is spoken with it."""

    peer: Peer
    profile: Profile


Decide = Callable[[Trade, datetime], UtilityStatement]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingDesk:
    """Says things of trades; what is said again, word for word, changes nothing.

    `find_peer` asks the registry where a platform is, `wire_for` says what is spoken with it: no transaction
    is open meanwhile.
    """

    utility: Utility
    correspondent: Correspondent
    uow_factory: UnitOfWorkFactory
    clock: Clock
    find_peer: Callable[[str], Awaitable[Peer]]
    wire_for: Callable[[str], Awaitable[Profile]]

    async def curtail(self, named: Named, wanted: Cutting, *, by: Speaker) -> tuple[Said, bool]:
        """Cut a trade and tell its platform; return what is said, and whether it is new.

        Raises: OrderNotFound, NotCurtailable, CurtailmentContradicted, CurtailmentInvalid, and what looking
        its platform up does.
        """

        def decide(trade: Trade, now: datetime) -> UtilityStatement:
            found = curtail(trade, wanted, now=now)
            return UtilityStatement(
                order_id=trade.order_id, said_at=now, cut=found.cut, since=found.since, note=by.why
            )

        return await self._say(named, decide, by=by)

    async def allocate(self, named: Named, told: Allocations, *, by: Speaker) -> tuple[Said, bool]:
        """Tell a trade's platform what was delivered; return what is said, and whether it is new.

        Raises: OrderNotFound, NotCurtailable, FieldInvalid, and what looking its platform up does.
        """

        def decide(trade: Trade, now: datetime) -> UtilityStatement:
            if trade.confirmed_at is None:
                raise NotCurtailable(f"the trade {trade.order_id} is {trade.state}: nothing of it flows")
            check_allocated(told, of=trade.request.quantity, window=trade.request.window)
            return UtilityStatement(order_id=trade.order_id, said_at=now, note=by.why, allocations=told)

        return await self._say(named, decide, by=by)

    async def apportion(self, metered: Metered, *, by: Speaker) -> list[tuple[Said, bool]]:
        """Tell the platforms of a meter's trades what of its energy counts for each; as `allocate` for each.

        Raises: MeterUnknown, and what looking a platform up does; nobody is told anything then.
        """
        if metered.mrid not in self.utility.customers:
            raise MeterUnknown(f"the meter {metered.mrid} is no customer's", path="meter")
        async with self.uow_factory() as uow:
            trades = await TradeStore(uow.connection).find_confirmed(
                metered.mrid, metered.side, metered.period
            )
        addresses = {
            platform: await self._address(platform) for platform in {each.platform for each in trades}
        }
        now = self.clock.now()
        async with self.uow_factory() as uow:
            trades = await TradeStore(uow.connection).find_confirmed(
                metered.mrid, metered.side, metered.period
            )
            known = [trade for trade in trades if trade.platform in addresses]
            return [
                await self._put_new(
                    share.trade,
                    UtilityStatement(
                        order_id=share.trade.order_id,
                        said_at=now,
                        note=by.why,
                        allocations=Allocations(said_at=now, by_period=(share.allocation,)),
                    ),
                    uow,
                    to=addresses[share.trade.platform],
                    by=by,
                )
                for share in apportion(known, metered)
            ]

    async def _address(self, platform: str) -> Address:
        return Address(peer=await self.find_peer(platform), profile=await self.wire_for(platform))

    async def _say(self, named: Named, decide: Decide, *, by: Speaker) -> tuple[Said, bool]:
        async with self.uow_factory() as uow:
            platform = await _platform_of(named, uow)
        to = await self._address(platform)
        now = self.clock.now()
        async with self.uow_factory() as uow:
            trade = await TradeStore(uow.connection).get(named.order_id, platform=platform)
            return await self._put_new(trade, decide(trade, now), uow, to=to, by=by)

    async def _put_new(
        self, trade: Trade, statement: UtilityStatement, uow: UnitOfWork, *, to: Address, by: Speaker
    ) -> tuple[Said, bool]:
        """Say something of a trade, unless that was said before."""
        known = await _find_same(trade, statement, uow)
        if known is not None:
            return known, False
        return await self._put(trade, statement, uow, to=to, by=by), True

    async def _put(
        self, trade: Trade, statement: UtilityStatement, uow: UnitOfWork, *, to: Address, by: Speaker
    ) -> Said:
        quote = quote_wheeling(trade.wheeling, trade.request, currency=self.utility.charges.currency)
        message = self.correspondent.unsolicited(
            Action.ON_UPDATE,
            to=to.peer,
            message=write_utility_statement(wire_of(to.profile.name), trade.request, statement, quote=quote),
            transaction_id=trade.transaction_id,
            now=statement.said_at,
            profile=to.profile,
        )
        await uow.outbox.put(message)
        said = Said(
            platform=trade.platform,
            message_id=message.message_id,
            statement=statement,
            who=by.actor.who,
        )
        await StatementStore(uow.connection).add(said)
        what = "trade.curtailed" if statement.allocations is None else "trade.allocated"
        after = {"platform": trade.platform, "message_id": message.message_id}
        await record_act(
            uow, by.actor.act(what, trade.order_id, after=after, why=by.why), now=statement.said_at
        )
        return said


async def _platform_of(named: Named, uow: UnitOfWork) -> str:
    """Return the platform whose trade is meant. Raises: OrderNotFound."""
    readable = named.order_id.isprintable() and (named.platform or "").isprintable()
    store = TradeStore(uow.connection)
    found = await store.find_named(named.order_id, platform=named.platform) if readable else []
    if len(found) == 1:
        return found[0].platform
    if not found:
        raise OrderNotFound(f"no trade {named.order_id[:64]} was let pass here")
    platforms = ", ".join(sorted(trade.platform for trade in found))
    raise OrderNotFound(
        f"several platforms have a trade {named.order_id[:64]}: {platforms}", hint="Name the platform, too."
    )


async def _find_same(trade: Trade, statement: UtilityStatement, uow: UnitOfWork) -> Said | None:
    """Return what was said before of a trade and is said again; what its platform refused is said anew."""
    everything = await StatementStore(uow.connection).find_of(trade.key)
    said = [each for each in everything if each.refusal is None and not each.is_heard]
    if statement.allocations is None:
        same = [
            each
            for each in said
            if (each.statement.cut, each.statement.since) == (statement.cut, statement.since)
        ]
        return same[0] if same else None
    told = [each for each in said if each.statement.allocations is not None]
    last = told[-1].statement.allocations if told else None
    return told[-1] if last is not None and last.says_the_same(statement.allocations) else None
