"""What holds for every graph of contracts, whatever the mix of rules on its meters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, pairwise, product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.interval import Interval
from settlement.allocation.joint import allocate_jointly
from settlement.allocation.joint_series import Delivery, share_jointly
from settlement.allocation.quantity import Lump, Profile
from settlement.allocation.rules import JOINT, AllocationRule, Policy
from settlement.allocation.series import Allocated, Entitlement, left_over, share_meter, watt_hours_by_period
from settlement.allocation.slot import Claim, allocate
from settlement.allocation.trades import Trade
from settlement.matching.match import MatchingTerms, match_sides
from settlement.matching.residual import residuals_of
from settlement.matching.result import Matching, MatchingMethod, Side
from settlement.side import MeteredInterval
from tests.support.claims import at, claim, counted, entitle, slot, slots, trade, watt_hours_of
from trading.matching import Losses

EVERY_POLICY = (
    Policy(),
    Policy(rule=AllocationRule.PRO_RATA),
    Policy(rule=AllocationRule.STATIC_KEY),
    Policy(rule=AllocationRule.PREFERENCE, coefficients={"n": Decimal("60.5"), "s": Decimal("39.5")}),
    Policy(
        rule=AllocationRule.PREFERENCE,
        coefficients={"n": Decimal(20), "s": Decimal(80)},
        within=AllocationRule.PRO_RATA,
    ),
)
SHARE = Decimal("14.2")  # per cent, of up to seven contracts

energies = st.integers(0, 12) | st.integers(0, 50_000)
clocks = st.sampled_from(["08:00", "09:00", "09:30"])
ids = st.lists(st.text("abcdef", min_size=1, max_size=3), max_size=7, unique=True)


@st.composite
def claims_on_a_meter(draw: st.DrawFn) -> list[Claim]:
    return [claim(each, draw(energies), traded=draw(clocks)) for each in draw(ids)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Trade], dict[str, int], dict[str, int]]:
    meters = st.sampled_from("123")
    trades = [
        trade(each, f"S{draw(meters)}", f"B{draw(meters)}", draw(energies), traded=draw(clocks))
        for each in draw(ids)
    ]
    exported = {f"S{each}": draw(energies) for each in "123"}
    imported = {f"B{each}": draw(energies) for each in "12"}
    return trades, exported, imported


def smallest_cut(trades: Sequence[Trade], exported: Mapping[str, int], imported: Mapping[str, int]) -> int:
    """Return what the narrowest cut of the graph lets through: by Ford and Fulkerson, the maximum flow."""
    sources = sorted({each.source for each in trades})
    targets = sorted({each.target for each in trades})
    cuts = []
    for kept in product([True, False], repeat=len(sources) + len(targets)):
        side = dict(zip([*sources, *targets], kept, strict=True))  # True: on the origin's side of the cut
        cut = sum(exported.get(each, 0) for each in sources if not side[each])
        cut += sum(imported.get(each, 0) for each in targets if side[each])
        cut += sum(each.watt_hours for each in trades if side[each.source] and not side[each.target])
        cuts.append(cut)
    return min(cuts)


@given(claims_on_a_meter(), energies)
def test_first_in_first_out_is_the_overlap_of_the_energy_coordinates(
    claims: list[Claim], metered: int
) -> None:
    ordered = sorted(claims, key=lambda each: (each.traded_at, each.contract_id))
    ends = list(accumulate((each.watt_hours for each in ordered), initial=0))
    assert allocate(metered, claims, Policy()) == {
        each.contract_id: max(0, min(metered, end) - start)
        for each, start, end in zip(ordered, ends, ends[1:], strict=False)
    }


@given(claims_on_a_meter(), energies)
def test_pro_rata_gives_all_there_is_and_is_within_a_watt_hour_of_the_exact_share(
    claims: list[Claim], metered: int
) -> None:
    got = allocate(metered, claims, Policy(rule=AllocationRule.PRO_RATA))
    wanted = sum(each.watt_hours for each in claims)
    assert sum(got.values()) == min(metered, wanted)
    for each in claims:
        exact = Fraction(each.watt_hours * min(metered, wanted), wanted or 1)
        assert abs(got[each.contract_id] - exact) < 1
        assert got[each.contract_id] <= each.watt_hours


@given(
    claims_on_a_meter(),
    energies,
    st.lists(st.decimals(0, 100, places=3), min_size=7, max_size=7),
    st.sampled_from([AllocationRule.FIFO, AllocationRule.PRO_RATA]),
    st.randoms(),
)
def test_no_rule_of_one_meter_gives_more_than_there_is_or_than_is_claimed_and_order_changes_nothing(
    claims: list[Claim], metered: int, weights: list[Decimal], within: AllocationRule, random: Random
) -> None:
    whole = sum(weights) or Decimal(1)
    shares = [(each * 100 / whole).quantize(Decimal("0.001"), rounding="ROUND_FLOOR") for each in weights]
    keyed = [
        Claim(
            contract_id=each.contract_id,
            traded_at=each.traded_at,
            watt_hours=each.watt_hours,
            share_percent=share,
            community=community,
        )
        for each, share, community in zip(claims, shares, "nsnsnsn", strict=False)
    ]
    by_preference = Policy(
        rule=AllocationRule.PREFERENCE,
        coefficients={"n": shares[0], "s": shares[1]},
        within=within,
    )
    for policy in (Policy(), Policy(rule=within), Policy(rule=AllocationRule.STATIC_KEY), by_preference):
        got = allocate(metered, keyed, policy)
        assert got.keys() == {each.contract_id for each in keyed}
        assert sum(got.values()) <= metered
        assert all(0 <= got[each.contract_id] <= each.watt_hours for each in keyed)
        shuffled = list(keyed)
        random.shuffle(shuffled)
        assert allocate(metered, shuffled, policy) == got


@given(graphs(), st.randoms())
def test_joint_rules_settle_within_every_bound_and_as_much_as_they_promise(
    graph: tuple[list[Trade], dict[str, int], dict[str, int]], random: Random
) -> None:
    trades, exported, imported = graph
    most = smallest_cut(trades, exported, imported)
    totals = {}
    for rule in sorted(JOINT):
        settled = allocate_jointly(trades, exported=exported, imported=imported, rule=rule)
        of_meter: dict[str, int] = defaultdict(int)
        for each in trades:
            assert 0 <= settled[each.contract_id] <= each.watt_hours
            of_meter[each.source] += settled[each.contract_id]
            of_meter[each.target] += settled[each.contract_id]
        assert all(sold <= (exported | imported).get(meter, 0) for meter, sold in of_meter.items())
        shuffled = list(trades)
        random.shuffle(shuffled)
        assert allocate_jointly(shuffled, exported=exported, imported=imported, rule=rule) == settled
        totals[rule] = sum(settled.values())
    assert totals[AllocationRule.OPTIMAL] == most
    assert totals[AllocationRule.DYNAMIC] <= most
    assert most <= 2 * totals[AllocationRule.SEQUENTIAL] <= 2 * most
    assert most <= 2 * totals[AllocationRule.DYNAMIC]


@given(graphs())
def test_no_mix_of_rules_of_single_meters_settles_more_than_the_optimum(
    graph: tuple[list[Trade], dict[str, int], dict[str, int]],
) -> None:
    trades, exported, imported = graph
    optimum = sum(
        allocate_jointly(trades, exported=exported, imported=imported, rule=AllocationRule.OPTIMAL).values()
    )
    for of_sources, of_targets in product(EVERY_POLICY, EVERY_POLICY):
        total = 0
        given_by = _by_meter(trades, "source", exported, of_sources)
        taken_by = _by_meter(trades, "target", imported, of_targets)
        for each in trades:
            total += min(given_by[each.contract_id], taken_by[each.contract_id])
        assert total <= optimum


def _by_meter(
    trades: Sequence[Trade], end: str, counted_by: Mapping[str, int], policy: Policy
) -> dict[str, int]:
    got: dict[str, int] = {}
    for meter in {getattr(each, end) for each in trades}:
        claims = [
            Claim(
                contract_id=each.contract_id,
                traded_at=each.traded_at,
                watt_hours=each.watt_hours,
                share_percent=SHARE,
                community="n" if each.contract_id < "c" else "s",
            )
            for each in trades
            if getattr(each, end) == meter
        ]
        got |= allocate(counted_by.get(meter, 0), claims, policy)
    return got


SLOTS = 6
series = st.lists(st.integers(0, 9) | st.integers(0, 5_000), min_size=SLOTS, max_size=SLOTS)
policies = st.sampled_from(EVERY_POLICY)


@dataclass(frozen=True)
class Neighbourhood:
    """Contracts with windows and cuts of their own over three producers and two consumers."""

    deliveries: list[Delivery]
    exported: dict[str, list[MeteredInterval]]
    imported: dict[str, list[MeteredInterval]]

    def share(self, policies: Mapping[str, Policy]) -> tuple[dict[str, Allocated], dict[str, Allocated]]:
        """Return what every contract is given by its source and by its target, each meter by its own rule."""
        sources: dict[str, Allocated] = {}
        targets: dict[str, Allocated] = {}
        for meter, metered in self.exported.items():
            of_meter = [each.entitlement for each in self.deliveries if each.source == meter]
            sources |= share_meter(metered, of_meter, policies[meter])
        for meter, metered in self.imported.items():
            of_meter = [each.entitlement for each in self.deliveries if each.target == meter]
            targets |= share_meter(metered, of_meter, policies[meter])
        return sources, targets


@st.composite
def neighbourhoods(draw: st.DrawFn) -> Neighbourhood:
    deliveries = []
    for name in draw(ids):
        first = draw(st.integers(0, SLOTS - 1))
        last = draw(st.integers(first, SLOTS - 1))
        watt_hours = draw(energies)
        quantity = Lump(watt_hours=watt_hours)
        for cut in draw(st.lists(st.integers(0, SLOTS - 1), max_size=2, unique=True)):
            quantity = quantity.curtailed(slot(cut), draw(st.integers(0, quantity.total)))
        entitlement = Entitlement(
            contract_id=name,
            traded_at=at(draw(clocks)),
            window=slots(first, last),
            quantity=quantity,
            share_percent=SHARE,
            community=draw(st.sampled_from("ns")),
        )
        deliveries.append(
            Delivery(
                entitlement=entitlement,
                source=draw(st.sampled_from(["S1", "S2", "S3"])),
                target=draw(st.sampled_from(["B1", "B2"])),
            )
        )
    return Neighbourhood(
        deliveries=deliveries,
        exported={meter: counted(draw(series)) for meter in ("S1", "S2", "S3")},
        imported={meter: counted(draw(series)) for meter in ("B1", "B2")},
    )


def check_that_nothing_is_sold_twice(world: Neighbourhood, matched: Mapping[str, Matching]) -> None:
    for meter, metered in world.exported.items():
        residuals_of(
            metered,
            [matched[each.contract_id].on_source for each in world.deliveries if each.source == meter],
        )
    for meter, metered in world.imported.items():
        residuals_of(
            metered,
            [matched[each.contract_id].on_target for each in world.deliveries if each.target == meter],
        )


@given(
    neighbourhoods(),
    st.lists(policies, min_size=5, max_size=5),
    st.sampled_from(list(MatchingMethod)),
    st.decimals(0, "0.5", places=4),
    st.sampled_from(list(Side)),
)
def test_a_watt_hour_is_never_sold_twice_whatever_the_mix_of_rules(
    world: Neighbourhood, mix: list[Policy], method: MatchingMethod, lost: Decimal, billed_side: Side
) -> None:
    sources, targets = world.share(dict(zip(["S1", "S2", "S3", "B1", "B2"], mix, strict=True)))
    terms = MatchingTerms(method=method, losses=Losses(lost), billed_side=billed_side)
    matched = {}
    for each in world.deliveries:
        quantity = each.entitlement.quantity
        result = match_sides(
            source=sources[each.contract_id],
            target=targets[each.contract_id],
            quantity=quantity,
            terms=terms,
        )
        matched[each.contract_id] = result
        assert result.billed_wh <= quantity.total
        assert result.arrived_wh <= result.sent_wh <= sources[each.contract_id].watt_hours
        assert result.arrived_wh <= targets[each.contract_id].watt_hours
        assert result.arrived_wh <= result.sent_wh * (1 - Fraction(lost))
        assert sum(result.on_target.values()) == result.arrived_wh
        assert sum(result.on_source.values()) == result.sent_wh
        assert (result.source_rule, result.target_rule) == (
            sources[each.contract_id].applied,
            targets[each.contract_id].applied,
        )
    check_that_nothing_is_sold_twice(world, matched)


@settings(max_examples=60)
@given(neighbourhoods(), st.sampled_from(sorted(JOINT)), st.sampled_from(list(MatchingMethod)))
def test_a_watt_hour_is_never_sold_twice_by_a_joint_rule(
    world: Neighbourhood, rule: AllocationRule, method: MatchingMethod
) -> None:
    shared = share_jointly(world.deliveries, exported=world.exported, imported=world.imported, rule=rule)
    matched = {
        contract_id: match_sides(
            source=allocated,
            target=allocated,
            quantity=Lump(watt_hours=10**9),
            terms=MatchingTerms(method=method),
        )
        for contract_id, allocated in shared.items()
    }
    assert {each: matched[each].billed_wh for each in shared} == {
        each: shared[each].watt_hours for each in shared
    }
    check_that_nothing_is_sold_twice(world, matched)


@given(neighbourhoods())
def test_a_contract_that_was_traded_later_changes_nothing_of_an_earlier_one(world: Neighbourhood) -> None:
    fifo = dict.fromkeys([*world.exported, *world.imported], Policy())
    sources, targets = world.share(fifo)
    ordered = sorted(world.deliveries, key=lambda each: (each.entitlement.traded_at, each.contract_id))
    for count in range(len(ordered)):
        earlier = Neighbourhood(ordered[:count], world.exported, world.imported)
        fewer_sources, fewer_targets = earlier.share(fifo)
        assert all(sources[each] == got for each, got in fewer_sources.items())
        assert all(targets[each] == got for each, got in fewer_targets.items())


@given(neighbourhoods(), st.booleans())
def test_what_is_left_to_the_next_is_what_the_rule_gives_to_nobody(
    world: Neighbourhood, with_profiles: bool
) -> None:
    contracts = [each.entitlement for each in world.deliveries]
    if with_profiles:
        contracts = [
            replace(each, quantity=Profile(by_period={slot(number): 700 for number in range(0, SLOTS, 2)}))
            for each in contracts
        ]
    for metered in world.exported.values():
        shared = share_meter(metered, contracts, Policy())
        given_away = Counter[Interval]()
        for allocated in shared.values():
            given_away.update(watt_hours_by_period(allocated.intervals))
        left = left_over(metered, contracts)
        assert [energy.watt_hours for _, energy in left] == [
            energy.watt_hours - given_away[period] for period, energy in metered
        ]


@given(series, st.lists(energies, min_size=1, max_size=4))
def test_over_time_first_in_first_out_is_one_fill_of_the_whole_energy(
    metered: list[int], quantities: list[int]
) -> None:
    contracts = [
        entitle(f"T{number}", watt_hours, window=slots(0, SLOTS))
        for number, watt_hours in enumerate(quantities)
    ]
    starts = list(accumulate(quantities, initial=0))
    totals = list(accumulate(metered, initial=0))
    for number, got in enumerate(share_meter(counted(metered), contracts, Policy()).values()):
        low, high = starts[number], starts[number + 1]
        assert watt_hours_of(got) == [
            max(0, min(after, high) - max(before, low)) for before, after in pairwise(totals)
        ]


@given(series, series, energies, st.sampled_from(list(MatchingMethod)))
def test_matching_over_the_window_settles_at_least_what_matching_by_interval_does(
    sent: list[int], received: list[int], watt_hours: int, method: MatchingMethod
) -> None:
    expected = {
        MatchingMethod.WINDOW: min(sum(sent), sum(received), watt_hours),
        MatchingMethod.INTERVAL: min(sum(map(min, sent, received)), watt_hours),
    }
    found = match_sides(
        source=share_meter(counted(sent), [entitle("T", 10**9, window=slots(0, SLOTS))], Policy())["T"],
        target=share_meter(counted(received), [entitle("T", 10**9, window=slots(0, SLOTS))], Policy())["T"],
        quantity=Lump(watt_hours=watt_hours),
        terms=MatchingTerms(method=method),
    )
    assert found.billed_wh == expected[method]
    assert expected[MatchingMethod.INTERVAL] <= expected[MatchingMethod.WINDOW]
