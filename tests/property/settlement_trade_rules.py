"""What happens to contracts and meters in a town, in steps of a machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.property.settlement_town_machine import TownMachine, again, dies
from tests.support.naive_town import DAY, GIVES, HOUR, TAKES, Deal, Sale, closed_cycles, has_room
from tests.support.town import BY_SHARE, DEALS, FIRST, METERS, SLOT

MOST_SALES: Final = 6
SHARES: Final = "shares"
SLOTS_A_DAY: Final = DAY // SLOT
SLOTS: Final = [(FIRST + place * SLOT, FIRST + (place + 1) * SLOT) for place in range(-2, 22)]
orders = st.fixed_dictionaries(
    {
        "pair": st.permutations(sorted(METERS.values())),
        "begins": st.sampled_from([0, 0, 6, 33, 40]),
        "lasts": st.sampled_from([72, 48, 18, 5]),
        "deal": st.sampled_from(DEALS),
        "amount": st.sampled_from([4_000, 9_000]) | st.integers(1, 9_000),
        "together": st.booleans(),
    }
)

watt_hours = st.sampled_from([1_000, 2_001, 333, 1, 0]) | st.integers(0, 3_000)
patterns = st.lists(watt_hours, min_size=1, max_size=5)
meters = st.sampled_from(sorted(METERS.values()))


class TradingTown(TownMachine):
    """Contracts are confirmed, cut and cancelled; meters tell, late or again or otherwise; time passes."""

    @initialize(
        orders=st.lists(orders, min_size=2, max_size=4),
        shared=st.sampled_from([GIVES, TAKES, SHARES, ""]),
        hours=st.sampled_from([36, 72, 0]),
        pattern=patterns,
        cut_from=st.integers(0, 30) | st.none(),
    )
    def begin_in_the_middle(
        self,
        orders: list[dict[str, Any]],
        shared: str,
        hours: int,
        pattern: list[int],
        cut_from: int | None,
    ) -> None:
        """Let there be some sales, all from one roof or all to one home perhaps, and some days gone by.

        Or they are of fixed shares of one roof.

        What is left of the first of them that is open may be cut, which leaves more to those after it.
        """
        gives, takes, _ = orders[0]["pair"]
        for order in orders:
            pair = order["pair"]
            if shared == SHARES:
                order |= {"deal": BY_SHARE[order["amount"] % len(BY_SHARE)]}
            if shared in (GIVES, SHARES):
                pair = [gives, next(meter for meter in pair if meter != gives)]
            elif shared == TAKES:
                pair = [next(meter for meter in pair if meter != takes), takes]
            self._confirm(**order | {"pair": pair}, dies_in=None)
        self._let_pass(hours, sorted(METERS.values()), pattern, dies_in=None)
        if cut_from is not None:
            self.cut(which=0, leaves=0, hours=cut_from, dies_in=None, twice=False)

    @precondition(lambda self: len(self.sales) < MOST_SALES and self.town.second < SLOTS[-1][0])
    @rule(order=orders, dies_in=dies)
    def confirm(self, order: dict[str, Any], dies_in: Any) -> None:
        self._confirm(**order, dies_in=dies_in)

    def _confirm(
        self,
        *,
        pair: Sequence[str],
        begins: int,
        lasts: int,
        deal: Deal,
        amount: int,
        together: bool,
        dies_in: Any,
    ) -> None:
        self.begin(later=not (together and self.may_share_instant))
        lasts = min(lasts, 18 if deal.hourly else lasts)
        start = FIRST + begins * HOUR
        while start + lasts * HOUR <= self.town.second:
            start += DAY
        sale = Sale(
            id="",
            gives=pair[0],
            takes=pair[1],
            confirmed=self.town.second,
            start=start,
            end=start + lasts * HOUR,
            watt_hours=amount,
            deal=deal,
        )
        if not has_room(sale, self.sales):
            self.is_refused(self.town.buy(sale))
            return
        self.sales.append(sale)
        self.step(self.town.buy(sale), dies_in=dies_in)
        self.may_share_instant = True

    @precondition(lambda self: self._open())
    @rule(
        which=st.integers(0, MOST_SALES),
        leaves=st.sampled_from([0, 10, 50]),
        hours=st.integers(0, 71),
        dies_in=dies,
        twice=again,
    )
    def cut(self, which: int, leaves: int, hours: int, dies_in: Any, twice: bool) -> None:
        """Cut some per cent of what may be cut from a sale, from some hour of its window on."""
        self.begin()
        if sales := self._open():
            sale = sales[which % len(sales)]
            settled = self._settled(sale)
            cut = max((sale.watt_hours - settled) * (100 - leaves) // 100, sale.watt_hours - sale.most)
            since = sale.start + hours * HOUR % (sale.end - sale.start)
            self._cut(sale, cut, since, dies_in=dies_in, twice=twice)

    @precondition(lambda self: self.sales)
    @rule(which=st.integers(0, MOST_SALES), share=st.integers(0, 101), hours=st.integers(-6, 72))
    def cut_anything(self, which: int, share: int, hours: int) -> None:
        """Cut from any sale, also from one that is over, too much, or from an hour outside of its window."""
        self.begin()
        sale = self.sales[which % len(self.sales)]
        self._cut(sale, sale.watt_hours * share // 100, sale.start + hours * HOUR, dies_in=None, twice=False)

    def _open(self) -> list[Sale]:
        return [sale for sale in self.sales if sale.cancelled is None and sale.fulfilled is None]

    def _cut(self, sale: Sale, cut: int, since: int, *, dies_in: Any, twice: bool) -> None:
        if (since, cut) in [(since_then, cut_then) for since_then, cut_then, _ in sale.cuts]:
            self.unchanged(lambda: self.town.cut(sale, cut, since=since))
            return
        if not self._may_be_cut(sale, cut, since):
            self.is_refused(self.town.cut(sale, cut, since=since))
            return
        sale.cuts.append((since, cut, self.town.second))
        self.step(self.town.cut(sale, cut, since=since), dies_in=dies_in)
        if twice:
            self.unchanged(lambda: self.town.cut(sale, cut, since=since))

    def _may_be_cut(self, sale: Sale, cut: int, since: int) -> bool:
        last = sale.cuts[-1] if sale.cuts else (0, 0, 0)
        return (
            sale in self._open()
            and 0 < cut <= sale.watt_hours - self._settled(sale)
            and sale.start <= since < sale.end
            and since > last[0]
            and cut >= last[1]
        )

    def _settled(self, sale: Sale) -> int:
        closed = closed_cycles(sale, self.sales, self.books.counted, self.town.second)
        return sum(cycle.delivered for cycle in closed)

    @precondition(lambda self: self.sales)
    @rule(which=st.integers(0, MOST_SALES), hours=st.sampled_from([48, 0]), dies_in=dies)
    def cancel(self, which: int, hours: int, dies_in: Any) -> None:
        """Cancel a sale, one that is not over if there is such; meters tell of the time after it, too."""
        self.begin()
        sales = self._open() or self.sales
        sale = sales[which % len(sales)]
        is_over = sale.fulfilled is not None or self.town.second >= sale.end
        if sale.cancelled is not None or is_over:
            self.is_refused(self.town.cancel(sale))
            return
        sale.cancelled = self.town.second
        if self.town.second > sale.start:
            sale.end = min(sale.end, self.town.second)
        self.step(self.town.cancel(sale), dies_in=dies_in)
        if hours:
            self._let_pass(hours, sorted(METERS.values()), [1_500, 700], dies_in=None)

    @rule(
        meter=meters,
        first=st.integers(0, 23),
        gives=st.lists(watt_hours, max_size=6),
        takes=st.lists(watt_hours, max_size=6),
        dies_in=dies,
        twice=again,
    )
    def tell(
        self, meter: str, first: int, gives: list[int], takes: list[int], dies_in: Any, twice: bool
    ) -> None:
        self.begin()
        told = {
            way: {
                slot: amount
                for slot, amount in zip(SLOTS[first:], amounts, strict=False)
                if slot[1] <= self.town.second
            }
            for way, amounts in ((GIVES, gives), (TAKES, takes))
        }
        self._tell(meter, told, dies_in=dies_in, twice=twice)

    @rule(
        hours=st.sampled_from([24, 48, 6, 1]),
        silent=st.sampled_from([(), (), *((meter,) for meter in METERS.values()), tuple(METERS.values())]),
        pattern=patterns,
        dies_in=dies,
        twice=again,
    )
    def time_passes(
        self, hours: int, silent: tuple[str, ...], pattern: list[int], dies_in: Any, twice: bool
    ) -> None:
        self.begin()
        self._let_pass(hours, sorted(set(METERS.values()) - set(silent)), pattern, dies_in=dies_in)
        if twice:
            self.begin()
            self.unchanged(self._settle_again)

    async def _settle_again(self) -> None:
        for sale in self.sales:
            if not sale.claims_nothing:
                await self.town.look_again(sale.id)

    def _let_pass(self, hours: int, telling: list[str], pattern: list[int], *, dies_in: Any) -> None:
        """Let hours go by, these meters tell of all that they have not told of, and then what is due be done.

        Twice as much is taken as is given on one day, and given as is taken on the next. One meter counts
        a quarter of what the others do.
        """
        weak = telling[len(pattern) % len(telling)] if telling else None
        self.town.clock.advance(timedelta(hours=hours))
        told = {
            meter: {
                way: {
                    slot: pattern[(place + number) % len(pattern)]
                    * (1 + (place // SLOTS_A_DAY + favoured) % 2)
                    // (4 if meter == weak else 1)
                    for place, slot in enumerate(SLOTS)
                    if slot[1] <= self.town.second and slot not in self.books.counted[meter, way]
                }
                for favoured, way in enumerate((GIVES, TAKES))
            }
            for number, meter in enumerate(telling)
        }
        self.step(*(self._told(meter, of_meter) for meter, of_meter in told.items()), dies_in=dies_in)

    async def _told(self, meter: str, told: dict[str, dict[tuple[int, int], int]]) -> None:
        if any(told.values()):
            self.town.clock.advance(timedelta(seconds=1))
            for way, of_way in told.items():
                self.books.counted[meter, way].update(of_way)
            await self.town.tell(meter, told)

    @precondition(lambda self: any(self.books.counted.values()))
    @rule(data=st.data(), dies_in=dies)
    def revise(self, data: st.DataObject, dies_in: Any) -> None:
        self.begin()
        meter, way = data.draw(
            st.sampled_from(sorted(key for key, known in self.books.counted.items() if known))
        )
        slots = sorted(self.books.counted[meter, way])
        told = {way: {data.draw(st.sampled_from(slots)): data.draw(watt_hours)}}
        self._tell(meter, told, dies_in=dies_in, twice=False)

    @precondition(lambda self: self._billed_and_open())
    @rule(
        which=st.integers(0, MOST_SALES), keeps=st.sampled_from([0, 50]), way=st.sampled_from([GIVES, TAKES])
    )
    def revise_what_is_billed(self, which: int, keeps: int, way: str) -> None:
        """Let a meter have counted less in a billed cycle of a sale that goes on, and bill the next days."""
        self.begin()
        if sales := self._billed_and_open():
            sale = sales[which % len(sales)]
            meter, known = getattr(sale, way), self.books.counted
            first = closed_cycles(sale, self.sales, known, self.town.second)[0]
            told = {
                slot: amount * keeps // 100
                for slot, amount in known[meter, way].items()
                if first.start <= slot[0] and slot[1] <= first.end
            }
            self._tell(meter, {way: told} if told else {}, dies_in=None, twice=False)
            self._let_pass(48, sorted(METERS.values()), [1_500, 700], dies_in=None)

    def _billed_and_open(self) -> list[Sale]:
        billed = {contract for contract, _ in self.books.bills_of_cycles()}
        return [sale for sale in self._open() if sale.id in billed]

    def _tell(
        self, meter: str, told: dict[str, dict[tuple[int, int], int]], *, dies_in: Any, twice: bool
    ) -> None:
        if not any(told.values()):
            return
        for way, of_way in told.items():
            self.books.counted[meter, way].update(of_way)
        self.step(self.town.tell(meter, told), dies_in=dies_in)
        if twice:
            self.unchanged(lambda: self.town.tell(meter, told))
