"""A machine that says the same to a town and to the node, and lets what is due by that be done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from operator import itemgetter
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from kernel.errors import NodeError
from storage.database import Database
from tests.property.settlement_invariants import Books, check_all
from tests.support.naive_money import Money
from tests.support.naive_town import Sale, closed_cycles
from tests.support.town import Rows, Town

T = TypeVar("T")

NEWS: Final = {"reported", "standing", "told_at", "updated_at", "refresh_at"}
"""What is kept of a contract so that its buyer is told."""

dies = st.sampled_from([None, None, None, 0, 1, 2])
"""Which unit of work of a step dies, if any."""
again = st.sampled_from([False, False, True])
"""Whether a step is done once more, which has to change nothing."""


class TimeIsOver(BaseException):
    """No further example is begun."""


class TownMachine(RuleBasedStateMachine):
    """The node beside a naive town: the same is said to both, and they have to come to the same.

    `until` is when no further example is begun, on a stopwatch.
    """

    loop: ClassVar[asyncio.AbstractEventLoop]
    database: ClassVar[Database]
    until: ClassVar[float]
    steps: ClassVar[int] = 0
    examples: ClassVar[int] = 0
    is_over: ClassVar[bool] = False
    found: ClassVar[bool] = False
    """Something was found: what comes after looks for fewer steps."""

    def __init__(self) -> None:
        if self.examples and not self.found and monotonic() >= self.until:
            type(self).is_over = True
            raise TimeIsOver
        super().__init__()
        type(self).examples += 1
        self.town = Town(database=self.database)
        self.books = Books()
        self.may_share_instant = False
        self.run(self.town.open())

    @property
    def sales(self) -> list[Sale]:
        return self.books.sales

    @property
    def money(self) -> Money:
        return self.books.money

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self.loop.run_until_complete(work)
        except BaseException:
            type(self).found = True
            raise

    def is_refused(self, work: Coroutine[Any, Any, object]) -> None:
        async def try_it() -> None:
            try:
                await work
            except NodeError:
                return
            raise AssertionError("it was not refused")

        self.run(try_it())

    def step(self, *acts: Coroutine[Any, Any, object], dies_in: int | None = None) -> None:
        """Do something, then what is due by that."""
        type(self).steps += 1
        self.town.dies_in = dies_in
        for work in acts:
            self.run(work)
        if len(acts) > 1:
            self.town.clock.advance(timedelta(seconds=1))
        self.run(self.town.look_after())
        self.town.dies_in = None
        self._note_fulfilled()

    def begin(self, *, later: bool = True) -> None:
        """Let a second go by, and what is due by that be done: nothing else is known of that instant."""
        self.may_share_instant = False
        if later:
            self.town.clock.advance(timedelta(seconds=1))
            while self.run(self.town.look_after()):
                self._note_fulfilled()
                self.everything_agrees()
                self.town.clock.advance(timedelta(seconds=1))

    def unchanged(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do once more what was done, and all that is due by that: it has to come to nothing."""

        async def both() -> None:
            before = await self.town.look()
            await work()
            await self.town.look_after()
            _same(before, await self.town.look())

        self.run(both())

    def _note_fulfilled(self) -> None:
        for sale in self.sales:
            if sale.cancelled is None and sale.fulfilled is None:
                closed = closed_cycles(sale, self.sales, self.books.counted, self.town.second)
                if closed and closed[-1].end == sale.end:
                    sale.fulfilled = self.town.second

    @invariant()
    def everything_agrees(self) -> None:
        self.run(check_all(self.town, self.books))

    def teardown(self) -> None:
        self.run(self._verify())

    async def _verify(self) -> None:
        bills = self.books.bills_of_cycles()
        wrong = await self.town.differences(bills)
        assert not wrong, wrong


def _same(before: Rows, after: Rows) -> None:
    """Compare all but when buyers were told last: time alone may be worth telling."""
    for name, rows in before.items():
        if name != "count of outbox":
            assert _told_apart(name, after[name]) == _told_apart(name, rows), (
                f"{name} changed, nothing happened"
            )


def _told_apart(name: str, rows: list[Any]) -> list[Any]:
    if name != "contracts":
        return rows
    return sorted(
        ({key: value for key, value in row.items() if key not in NEWS} for row in rows), key=itemgetter("id")
    )
