"""Registers from stands to energy: rollover, transients, resets, stale stands; estimates beside actuals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from kernel.interval import Interval
from metering.doubt import Reason
from metering.energy import Direction, Measurement
from metering.judgement import Known, Rules, Verdict, judge, touched_span
from metering.quality import ESTIMATED_BY_REFERENCE_DAY, MANUALLY_EDITED, QUESTIONABLE
from metering.query import total_energy
from metering.register_rule import Exchange, RegisterRule, Terms
from metering.series import energies_within, flows_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = 900
MODULUS = 1_000_000  # Wh
ROLLS: Rules = {Direction.IMPORT: RegisterRule([Terms(0, MODULUS, 5_000)])}
ESTIMATE = ESTIMATED_BY_REFERENCE_DAY


def _stand(quarter: int, watt_hours: int, *, tier: int = 0) -> Measurement:
    at = quarter * QUARTER
    return Measurement(Direction.IMPORT, tier, 0, at, at, watt_hours, 0)


def _interval(quarter: int, watt_hours: int, *, quarters: int = 1, quality: int = 0) -> Measurement:
    start = quarter * QUARTER
    return Measurement(Direction.IMPORT, 0, 0, start, start + quarters * QUARTER, watt_hours, quality)


def _arrive(
    *batches: Sequence[Measurement], rules: Rules | None = None
) -> tuple[list[Known], list[Reason | Verdict]]:
    """Take in batches one after the other; return what is stored, and every verdict."""
    stored: dict[object, Known] = {}
    verdicts: list[Reason | Verdict] = []
    for batch in batches:
        judged = judge(batch, stored.values(), rules=rules or {})
        for measurement, judgement in zip(batch, judged, strict=True):
            verdicts.append(judgement.doubt.reason if judgement.doubt else judgement.verdict)
            if judgement.verdict in (Verdict.ACCEPTED, Verdict.REVISED):
                stored[measurement.key] = Known(measurement, judgement.revision)
    return list(stored.values()), verdicts


def _energy(known: Sequence[Known], first: int, last: int, *, rules: Rules | None = None) -> int:
    window = Interval(*(_EPOCH + timedelta(seconds=edge * QUARTER) for edge in (first, last)))
    return total_energy(energies_within(window, flows_of(1, known, rules=rules or {}))).watt_hours


def test_a_register_that_rolls_over_counts_on() -> None:
    known, verdicts = _arrive([_stand(0, 999_000), _stand(1, 200), _stand(2, 900)], rules=ROLLS)
    assert verdicts == [Verdict.ACCEPTED] * 3
    assert _energy(known, 0, 2, rules=ROLLS) == 1_900


def test_a_rollover_may_arrive_in_any_order() -> None:
    stands = [_stand(0, 999_000), _stand(1, 200), _stand(2, 900)]
    for batches in ([stands[2:], stands[1:2], stands[:1]], [stands[:1], stands[2:], stands[1:2]]):
        known, verdicts = _arrive(*batches, rules=ROLLS)
        assert verdicts == [Verdict.ACCEPTED] * 3
        assert _energy(known, 0, 2, rules=ROLLS) == 1_900


def test_a_transient_zero_and_the_recovery_leave_the_energy_as_it_is() -> None:
    stands = [_stand(0, 500_000), _stand(1, 0), _stand(2, 500_600)]
    for rules in (None, ROLLS):
        known, verdicts = _arrive(*([stand] for stand in stands), rules=rules)
        assert verdicts == [Verdict.ACCEPTED, Reason.REGISTER_FELL, Verdict.ACCEPTED]
        assert _energy(known, 0, 2, rules=rules) == 600


def test_a_transient_zero_near_the_modulus_is_a_rollover_but_the_recovery_is_a_leap() -> None:
    known, verdicts = _arrive([_stand(0, 999_990)], [_stand(1, 0)], [_stand(2, 999_995)], rules=ROLLS)
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED, Reason.REGISTER_LEAPT]
    assert _energy(known, 0, 2, rules=ROLLS) == 10


def test_a_lifetimes_total_after_a_first_zero_is_never_a_quarter_hours_energy() -> None:
    known, verdicts = _arrive([_stand(0, 0)], [_stand(1, 537_000)], [_stand(2, 537_300)], rules=ROLLS)
    assert verdicts == [Verdict.ACCEPTED, Reason.REGISTER_LEAPT, Reason.REGISTER_LEAPT]
    assert _energy(known, 0, 2, rules=ROLLS) == 0


def test_a_genuine_reset_counts_once_an_operator_has_said_so() -> None:
    stands = [_stand(0, 800_000), _stand(1, 800_500), _stand(3, 40), _stand(4, 140)]
    known, verdicts = _arrive(stands)
    assert verdicts[2:] == [Reason.REGISTER_FELL] * 2
    assert _energy(known, 0, 4) == 500
    reset: Rules = {Direction.IMPORT: RegisterRule(exchanges=[Exchange(2 * QUARTER)])}
    known, verdicts = _arrive(stands[:2], stands[2:], rules=reset)
    assert verdicts == [Verdict.ACCEPTED] * 4
    assert _energy(known, 0, 4, rules=reset) == 600
    window = Interval(_EPOCH, _EPOCH + timedelta(hours=1))
    intervals = energies_within(window, flows_of(1, known, rules=reset))
    assert not window.covered_by(item.period for item in intervals)  # nobody knows what flowed around it


def test_the_stands_read_at_an_exchange_make_the_day_whole() -> None:
    told: Rules = {Direction.IMPORT: RegisterRule(exchanges=[Exchange(2 * QUARTER, 800_700, 10)])}
    known, verdicts = _arrive(
        [_stand(0, 800_000), _stand(1, 800_500), _stand(3, 40), _stand(4, 140)], rules=told
    )
    assert verdicts == [Verdict.ACCEPTED] * 4
    flows = flows_of(1, known, rules=told)
    window = Interval(_EPOCH, _EPOCH + timedelta(hours=1))
    intervals = energies_within(window, flows)
    assert [item.energy.watt_hours for item in intervals] == [500, 200, 30, 100]
    assert [bool(item.quality & MANUALLY_EDITED) for item in intervals] == [False, True, True, False]
    assert window.covered_by(item.period for item in intervals)


def test_a_register_may_fall_below_what_an_operator_read_no_more_than_below_any_stand() -> None:
    told: Rules = {Direction.IMPORT: RegisterRule(exchanges=[Exchange(2 * QUARTER, 800_700, 10)])}
    _, verdicts = _arrive([_stand(1, 800_800)], [_stand(3, 5)], rules=told)
    assert verdicts == [Reason.REGISTER_FELL] * 2


def test_a_tier_is_exchanged_with_its_meter() -> None:
    told: Rules = {Direction.IMPORT: RegisterRule(exchanges=[Exchange(2 * QUARTER, 800_700, 10)])}
    known, verdicts = _arrive(
        [_stand(1, 400, tier=1), _stand(3, 5, tier=1), _stand(4, 9, tier=1)], rules=told
    )
    assert verdicts == [Verdict.ACCEPTED] * 3
    assert _energy(known, 0, 4, rules=told) == 4


def test_a_stale_stand_and_the_double_that_follows_add_up() -> None:
    known, verdicts = _arrive([_stand(0, 1_000), _stand(1, 1_000), _stand(2, 1_600)], rules=ROLLS)
    assert verdicts == [Verdict.ACCEPTED] * 3
    assert _energy(known, 0, 2, rules=ROLLS) == 600


def test_turns_that_may_have_been_missed_are_marked() -> None:
    months = 4 * 24 * 180
    known, _ = _arrive([_stand(0, 10), _stand(months, 20)], rules=ROLLS)
    window = Interval(_EPOCH, _EPOCH + timedelta(seconds=months * QUARTER))
    (flow,) = energies_within(window, flows_of(1, known, rules=ROLLS))
    assert flow.quality & QUESTIONABLE


def test_a_difference_that_is_in_doubt_by_now_is_not_counted() -> None:
    known, _ = _arrive([_stand(0, 999_000), _stand(1, 200)], rules=ROLLS)
    assert _energy(known, 0, 1) == 0


def test_an_actual_of_another_length_supersedes_an_estimate_whichever_comes_first() -> None:
    hour = _interval(0, 400, quarters=4, quality=ESTIMATE)
    quarters = [_interval(number, 90) for number in range(4)]
    known, verdicts = _arrive([hour], quarters)
    assert verdicts == [Verdict.ACCEPTED] * 5
    assert _energy(known, 0, 4) == 360
    known, verdicts = _arrive(quarters, [hour])
    assert verdicts[-1] is Reason.OVERLAP
    assert _energy(known, 0, 4) == 360


def test_an_estimate_of_another_tier_is_not_superseded() -> None:
    estimate = Measurement(Direction.IMPORT, 1, 0, 0, 3_600, 400, ESTIMATE)
    _, verdicts = _arrive([estimate], [_interval(0, 90)])
    assert verdicts == [Verdict.ACCEPTED, Reason.OVERLAP]


def test_pieces_of_a_window_give_its_intervals_uncut() -> None:
    known, _ = _arrive([_interval(0, 7, quarters=3), _interval(3, 5), _interval(5, 9, quarters=4)])
    flows = flows_of(1, known)
    edges = [_EPOCH + timedelta(seconds=second) for second in (600, 1_300, 2_700, 4_000, 7_000)]
    window = Interval(edges[0], edges[-1])
    pieces = [Interval(one, other) for one, other in pairwise(edges)]
    found = [item for piece in pieces for item in energies_within(window, flows, starting_in=piece)]
    assert found == energies_within(window, flows)
    assert len(found) == 3


def test_a_stand_next_to_an_exchange_touches_the_time_up_to_it() -> None:
    told: Rules = {Direction.IMPORT: RegisterRule(exchanges=[Exchange(2 * QUARTER, 800_700, 10)])}
    assert touched_span([_stand(4, 140)], [], told) == (2 * QUARTER, 4 * QUARTER)
    assert touched_span([_stand(4, 140)], []) is None
