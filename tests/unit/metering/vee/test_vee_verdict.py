"""Which rules are asked, what they leave valid, and what changes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from metering.energy import Direction
from metering.quality import (
    DERIVED,
    ESTIMATED_BY_REFERENCE_DAY,
    MANUALLY_EDITED,
    QUESTIONABLE,
    VALID,
)
from metering.series import IntervalEnergy
from metering.vee.checks import DayCheck, digest_of_intervals
from metering.vee.days import LocalDate
from metering.vee.evidence import Evidence, Slot
from metering.vee.finding import Finding, Flaw, Severity
from metering.vee.limits import LIMITS
from metering.vee.parameters import RuleChange, digest_of, with_changes
from metering.vee.rules.registry import RULES
from metering.vee.state import with_marks
from metering.vee.validation import ask

QUARTER: Final = 900
START: Final = 1_773_446_400
DAY: Final = LocalDate(date(2026, 3, 14), "UTC")
FAULTY: Final = Evidence(
    start=START,
    end=START + 4 * QUARTER,
    now=START + 4 * QUARTER,
    interval_seconds=QUARTER,
    slots=[Slot(START, START + QUARTER, -1)],
)


def change(rule: str, **said: Any) -> RuleChange:
    return RuleChange(**{"rule": rule, "valid_from": DAY.date, "who": "op", "why": "a test", **said})


def rules_asked(*changes: RuleChange) -> list[str]:
    return [finding.rule for finding in ask(FAULTY, with_changes(changes))]


def test_rules_are_asked_in_the_order_of_the_table() -> None:
    assert rules_asked() == ["GAP", "NEGATIVE"]


def test_a_rule_that_is_off_is_not_asked() -> None:
    assert rules_asked(change("GAP", enabled=False)) == ["NEGATIVE"]


def test_after_a_rule_that_terminates_none_is_asked() -> None:
    assert rules_asked(change("GAP", severity=Severity.TERMINATE)) == ["GAP"]


def test_a_rule_that_terminates_and_finds_nothing_stops_nobody() -> None:
    assert rules_asked(change("TIME_CHECK", severity=Severity.TERMINATE)) == ["GAP", "NEGATIVE"]


def test_later_words_count_over_earlier_ones_and_leave_what_they_do_not_name() -> None:
    rules = with_changes(
        [
            change("SPIKE", settings={"tolerance_percent": 100, "floor_watt_hours": 10}),
            change("SPIKE", settings={"tolerance_percent": 50}, severity=Severity.INFO),
            change("SPIKE", enabled=False),
        ]
    )
    spike = rules["SPIKE"]
    assert (spike.enabled, spike.severity) == (False, Severity.INFO)
    assert spike.settings == {"tolerance_percent": 50, "floor_watt_hours": 10}


def test_what_is_said_of_a_meter_counts_over_what_is_said_of_all_later() -> None:
    rules = with_changes(
        [change("GAP", severity=Severity.INFO, usage_point_id=1), change("GAP", severity=Severity.TERMINATE)]
    )
    assert rules["GAP"].severity is Severity.INFO


def test_a_rule_that_this_release_does_not_know_is_no_matter() -> None:
    assert with_changes([change("HOROSCOPE", enabled=False)]).keys() == RULES.keys()


def test_every_parameter_has_limits_and_lies_within_them() -> None:
    for rule in RULES.values():
        assert all(LIMITS[name].hold(value) for name, value in rule.settings.items()), rule.code


def test_another_parameter_is_another_set_of_parameters() -> None:
    assert digest_of(with_changes([])) == digest_of(with_changes([]))
    assert digest_of(with_changes([])) != digest_of(with_changes([change("GAP", enabled=False)]))


def interval(at: int, quality: int = 0) -> IntervalEnergy:
    start, end = (datetime.fromtimestamp(START + each * QUARTER, UTC) for each in (at, at + 1))
    return IntervalEnergy(period=Interval(start, end), energy=Energy(250), quality=quality, revision=0)


def check(*findings: Finding, terminated: bool = False) -> DayCheck:
    return DayCheck(
        usage_point_id=1,
        direction=Direction.IMPORT,
        day=DAY,
        checked_at=datetime(2026, 3, 15, tzinfo=UTC),
        readings_digest=b"",
        settings_digest=b"",
        watt_hours=0,
        missing_seconds=0,
        findings=findings,
        terminated=terminated,
    )


def flaw(first: int, last: int, severity: Severity = Severity.ISSUE) -> Finding:
    return Finding(
        rule="SPIKE",
        severity=severity,
        flaw=Flaw(START + first * QUARTER, START + last * QUARTER, "too much"),
    )


def marks(quality: int, verdict: DayCheck) -> int:
    return with_marks([interval(5, quality)], verdict)[0].quality


@pytest.mark.parametrize(
    ("first", "last", "doubted"), [(5, 6, True), (0, 5, False), (6, 9, False), (4, 6, True), (0, 96, True)]
)
def test_an_issue_doubts_what_it_overlaps_and_nothing_beside(first: int, last: int, doubted: bool) -> None:
    assert marks(0, check(flaw(first, last))) == (QUESTIONABLE if doubted else VALID)


def test_an_information_doubts_nothing() -> None:
    assert marks(0, check(flaw(5, 6, Severity.INFO))) == VALID


def test_a_doubt_takes_away_what_the_sender_vouched_for() -> None:
    assert marks(VALID, check(flaw(5, 6))) == QUESTIONABLE


def test_what_an_operator_put_in_is_not_doubted_by_a_rule() -> None:
    assert marks(MANUALLY_EDITED, check(flaw(5, 6))) == MANUALLY_EDITED | VALID
    assert marks(MANUALLY_EDITED, check(terminated=True)) == MANUALLY_EDITED | VALID


def test_an_estimate_and_what_its_sender_doubts_never_become_valid() -> None:
    assert marks(ESTIMATED_BY_REFERENCE_DAY | VALID, check()) == ESTIMATED_BY_REFERENCE_DAY
    assert marks(QUESTIONABLE, check()) == QUESTIONABLE
    assert marks(MANUALLY_EDITED | QUESTIONABLE, check()) == MANUALLY_EDITED | QUESTIONABLE
    assert marks(DERIVED, check()) == DERIVED | VALID


def test_a_verdict_that_terminated_doubts_the_whole_day() -> None:
    assert marks(0, check(terminated=True)) == QUESTIONABLE


def test_a_digest_tells_every_difference_that_matters() -> None:
    one = digest_of_intervals([interval(5), interval(6)])
    assert one == digest_of_intervals([interval(5), interval(6)])
    assert one != digest_of_intervals([interval(5)])
    assert one != digest_of_intervals([interval(5), interval(6, QUESTIONABLE)])
