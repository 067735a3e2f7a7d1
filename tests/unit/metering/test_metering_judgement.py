"""Whether a measurement is news, a repeat, a correction or in doubt."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from metering.doubt import Reason
from metering.energy import Direction, Measurement
from metering.judgement import Judgement, Known, Verdict, judge, touched_span
from metering.quality import ESTIMATED_BY_INTERPOLATION, ESTIMATED_BY_REFERENCE_DAY, MANUALLY_EDITED


def _interval(
    start: int, end: int, watt_hours: int = 10, *, tier: int = 0, block: int = 0, quality: int = 0,
    direction: Direction = Direction.IMPORT,
) -> Measurement:  # fmt: skip
    return Measurement(direction, tier, block, start, end, watt_hours, quality)


def _stand(at: int, watt_hours: int, *, quality: int = 0, tier: int = 0) -> Measurement:
    return _interval(at, at, watt_hours, quality=quality, tier=tier)


def _known(*measurements: Measurement, revision: int = 0) -> list[Known]:
    return [Known(measurement, revision) for measurement in measurements]


def _verdicts(judgements: Sequence[Judgement]) -> list[Verdict | Reason]:
    return [item.doubt.reason if item.doubt else item.verdict for item in judgements]


ACCEPTED, DUPLICATE, REVISED = Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.REVISED


def test_what_is_new_is_accepted_and_what_is_known_is_a_duplicate() -> None:
    offered = [_interval(0, 10), _interval(10, 20)]
    assert _verdicts(judge(offered, _known(offered[0]))) == [DUPLICATE, ACCEPTED]


def test_another_value_or_another_quality_is_the_next_revision() -> None:
    known = _known(_interval(0, 10), _interval(10, 20), revision=3)
    judged = judge([_interval(0, 10, 11), _interval(10, 20, quality=1)], known)
    assert judged == [Judgement(REVISED, 4), Judgement(REVISED, 4)]


def test_a_document_from_before_corrects_nothing() -> None:
    judged = judge([_interval(0, 10, 11), _interval(10, 20)], _known(_interval(0, 10)), corrections=False)
    assert _verdicts(judged) == [Reason.CONTRADICTION, ACCEPTED]


@pytest.mark.parametrize(("start", "end"), [(0, 5), (5, 10), (2, 8), (-5, 5), (5, 15), (-5, 15), (0, 15)])
def test_an_interval_that_overlaps_a_known_one_is_set_aside(start: int, end: int) -> None:
    assert _verdicts(judge([_interval(start, end)], _known(_interval(0, 10)))) == [Reason.OVERLAP]


def test_what_is_known_has_precedence_also_where_it_starts_later() -> None:
    judged = judge([_interval(0, 15), _interval(20, 30)], _known(_interval(10, 20)))
    assert _verdicts(judged) == [Reason.OVERLAP, ACCEPTED]


def test_of_two_that_overlap_in_one_document_the_earlier_counts_whatever_their_order() -> None:
    early, late = _interval(0, 10), _interval(5, 15)
    assert _verdicts(judge([early, late], [])) == [ACCEPTED, Reason.OVERLAP]
    assert _verdicts(judge([late, early], [])) == [Reason.OVERLAP, ACCEPTED]


def test_intervals_that_touch_do_not_overlap_nor_do_other_directions() -> None:
    offered = [_interval(0, 10), _interval(20, 30), _interval(10, 20, direction=Direction.EXPORT)]
    assert _verdicts(judge(offered, _known(_interval(10, 20)))) == [ACCEPTED] * 3


def test_tiers_share_a_time_but_not_with_their_total() -> None:
    tiers = [_interval(0, 10, tier=1), _interval(0, 10, tier=2), _interval(0, 10)]
    assert _verdicts(judge(tiers, [])) == [Reason.OVERLAP, Reason.OVERLAP, ACCEPTED]
    assert _verdicts(judge(tiers[:2], [])) == [ACCEPTED, ACCEPTED]
    assert _verdicts(judge(tiers[2:], _known(*tiers[:2]))) == [Reason.OVERLAP]


def test_blocks_share_a_time_but_not_with_tiers() -> None:
    blocks = [_interval(0, 10, block=1), _interval(0, 10, block=2)]
    assert _verdicts(judge(blocks, [])) == [ACCEPTED, ACCEPTED]
    assert _verdicts(judge([_interval(0, 10, tier=1)], _known(*blocks))) == [Reason.OVERLAP]


def _estimate(start: int, end: int, watt_hours: int = 10) -> Measurement:
    return _interval(start, end, watt_hours, quality=ESTIMATED_BY_INTERPOLATION)


@pytest.mark.parametrize("quality", [0, MANUALLY_EDITED, ESTIMATED_BY_REFERENCE_DAY])
def test_nothing_replaces_an_estimate_whose_time_other_actuals_hold(quality: int) -> None:
    known = _known(_estimate(0, 40), _interval(10, 20))
    assert _verdicts(judge([_interval(0, 40, quality=quality)], known)) == [Reason.OVERLAP]
    assert judge([_interval(0, 40, quality=quality)], known[:1]) == [Judgement(REVISED, 1)]


def test_of_an_actual_and_its_parts_in_one_document_the_parts_replace_the_estimate() -> None:
    offered = [_interval(0, 40), _interval(0, 10), _interval(10, 20)]
    judged = judge(offered, _known(_estimate(0, 40)))
    assert _verdicts(judged) == [Reason.OVERLAP, ACCEPTED, ACCEPTED]


def test_an_actual_that_replaces_an_estimate_keeps_others_out() -> None:
    offered = [_interval(0, 40), _interval(10, 20), _estimate(30, 50)]
    judged = judge(offered, _known(_estimate(0, 40)))
    assert _verdicts(judged) == [REVISED, Reason.OVERLAP, Reason.OVERLAP]


def test_what_an_estimate_leaves_open_when_it_gives_way_can_be_filled() -> None:
    known = _known(_estimate(0, 40), _interval(0, 10))
    assert _verdicts(judge([_estimate(10, 20), _estimate(20, 40)], known)) == [ACCEPTED, ACCEPTED]
    assert _verdicts(judge([_interval(20, 40, tier=1)], known)) == [ACCEPTED]
    assert _verdicts(judge([_estimate(20, 40)], known[:1])) == [Reason.OVERLAP]
    assert _verdicts(judge([_interval(0, 10), _estimate(20, 40)], known[:1])) == [ACCEPTED, ACCEPTED]


def test_an_estimate_gives_way_to_its_own_lane_only() -> None:
    known = _known(_estimate(0, 40), _interval(0, 10, tier=1))
    assert _verdicts(judge([_estimate(10, 20)], known)) == [Reason.OVERLAP]


def test_an_actual_touches_all_the_time_of_an_estimate_that_gives_way() -> None:
    known = _known(_estimate(0, 40), _estimate(40, 60), _interval(60, 90))
    assert touched_span([_interval(10, 20)], known) == (0, 40)
    assert touched_span([_interval(30, 50)], known) == (0, 60)
    assert touched_span([_interval(10, 20, tier=1)], known) == (10, 20)
    assert touched_span([_estimate(90, 95)], known) == (90, 95)


def test_a_repeat_within_a_document_is_a_duplicate() -> None:
    assert _verdicts(judge([_interval(0, 10), _interval(0, 10)], [])) == [ACCEPTED, DUPLICATE]


def test_a_repeat_of_what_is_in_doubt_is_in_doubt() -> None:
    judged = judge([_interval(5, 15), _interval(5, 15)], _known(_interval(0, 10)))
    assert _verdicts(judged) == [Reason.OVERLAP, Reason.OVERLAP]


def test_two_values_for_one_period_in_a_document_are_both_set_aside() -> None:
    judged = judge([_interval(0, 10, 1), _interval(0, 10, 2), _interval(10, 20)], [])
    assert _verdicts(judged) == [Reason.CONTRADICTION, Reason.CONTRADICTION, ACCEPTED]


def test_a_register_only_rises() -> None:
    known = _known(_stand(0, 90), _interval(0, 15, 7))
    judged = judge([_stand(10, 100), _stand(20, 100), _stand(30, 150)], known)
    assert _verdicts(judged) == [ACCEPTED] * 3


def test_a_single_low_stand_does_not_move_the_base() -> None:
    judged = judge([_stand(20, 0), _stand(10, 110), _stand(30, 120)], _known(_stand(0, 100)))
    assert _verdicts(judged) == [Reason.REGISTER_FELL, ACCEPTED, ACCEPTED]


def test_a_late_stand_must_fit_between_its_neighbours() -> None:
    known = _known(_stand(0, 100), _stand(20, 120))
    assert _verdicts(judge([_stand(10, 110)], known)) == [ACCEPTED]
    assert _verdicts(judge([_stand(10, 99)], known)) == [Reason.REGISTER_FELL]
    assert _verdicts(judge([_stand(10, 121)], known)) == [Reason.REGISTER_FELL]


def test_a_stand_can_be_corrected_where_the_new_one_fits() -> None:
    known = _known(_stand(0, 100), _stand(10, 110), _stand(20, 120), revision=1)
    assert judge([_stand(10, 115)], known) == [Judgement(REVISED, 2)]
    assert _verdicts(judge([_stand(10, 125)], known)) == [Reason.REGISTER_FELL]
    assert _verdicts(judge([_stand(10, 115), _stand(15, 112)], known)) == [REVISED, Reason.REGISTER_FELL]
    assert _verdicts(judge([_stand(10, 110)], known)) == [DUPLICATE]


def test_stands_of_other_tiers_are_another_matter() -> None:
    assert _verdicts(judge([_stand(10, 5, tier=1)], _known(_stand(0, 100)))) == [ACCEPTED]


def test_intervals_touch_their_own_time() -> None:
    assert touched_span([_interval(10, 20), _interval(40, 50)], []) == (10, 50)
    assert touched_span([], _known(_interval(0, 10))) is None


def test_stands_touch_the_time_between_their_neighbours() -> None:
    known = _known(_stand(0, 1), _stand(20, 3), _stand(90, 9), _interval(100, 200))
    assert touched_span([_stand(10, 2)], known) == (0, 20)
    assert touched_span([_stand(20, 4)], known) == (0, 90)
    assert touched_span([_stand(95, 9)], known) == (90, 95)
    assert touched_span([_stand(95, 9)], []) is None
