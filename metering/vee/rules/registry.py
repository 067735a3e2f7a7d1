"""THE TABLE of rules, in the order in which they are asked, with what they are unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from metering.vee.finding import Rule, Severity
from metering.vee.rules import comparison, registers, shape, size, timing

_INFO, _ISSUE, _TERMINATE = Severity.INFO, Severity.ISSUE, Severity.TERMINATE

_ALL: Final = (
    Rule(code="UNIT_CHANGE", severity=_TERMINATE, check=registers.same_unit, settings={}),
    Rule(
        code="TIME_CHECK",
        severity=_ISSUE,
        check=timing.clock_is_right,
        settings={"max_offset_seconds": 120, "worst_quality": 6},
    ),
    Rule(code="GAP", severity=_ISSUE, check=timing.no_gap, settings={"tolerated_seconds": 0}),
    Rule(code="INTERVAL_SIZE", severity=_ISSUE, check=timing.interval_size, settings={}),
    Rule(code="ALIGNMENT", severity=_ISSUE, check=timing.interval_alignment, settings={}),
    Rule(code="DUPLICATE", severity=_INFO, check=timing.no_correction, settings={"tolerated_watt_hours": 0}),
    Rule(code="FUTURE", severity=_ISSUE, check=timing.not_in_the_future, settings={"skew_seconds": 120}),
    Rule(code="TOO_OLD", severity=_INFO, check=timing.not_too_old, settings={"horizon_days": 365}),
    Rule(code="NEGATIVE", severity=_ISSUE, check=size.not_negative, settings={}),
    Rule(
        code="PHYSICAL_MAXIMUM",
        severity=_ISSUE,
        check=size.within_physical_maximum,
        settings={"margin_percent": 120},
    ),
    Rule(
        code="SPIKE",
        severity=_ISSUE,
        check=shape.no_spike,
        settings={"tolerance_percent": 180, "floor_watt_hours": 1000},
    ),
    Rule(
        code="HELD_BACK",
        severity=_INFO,
        check=shape.not_held_back,
        settings={"double_percent": 190, "floor_watt_hours": 500},
    ),
    Rule(
        code="SILENT",
        severity=_INFO,
        check=shape.not_silent,
        settings={"least_days": 2, "floor_watt_hours": 1000},
    ),
    Rule(code="MULTIPLIER_CHANGE", severity=_ISSUE, check=registers.same_multiplier, settings={}),
    Rule(
        code="ROLLOVER",
        severity=_INFO,
        check=registers.rolled_over,
        settings={"margin_percent": 120, "coarsest_step_watt_hours": 1000},
    ),
    Rule(
        code="REGISTER_RESET",
        severity=_ISSUE,
        check=registers.not_reset,
        settings={"margin_percent": 120, "coarsest_step_watt_hours": 1000},
    ),
    Rule(
        code="STALE_REGISTER",
        severity=_ISSUE,
        check=registers.not_stale,
        settings={"double_percent": 190, "floor_watt_hours": 500},
    ),
    Rule(code="SUM_CHECK", severity=_ISSUE, check=comparison.sums_agree, settings={"tolerance_per_mille": 1}),
    Rule(
        code="HIGH_USAGE",
        severity=_INFO,
        check=comparison.not_unusually_high,
        settings={"high_percent": 300, "least_days": 2, "floor_watt_hours": 2000},
    ),
    Rule(
        code="LOW_USAGE",
        severity=_INFO,
        check=comparison.not_unusually_low,
        settings={"low_percent": 20, "least_days": 2, "floor_watt_hours": 2000},
    ),
    Rule(
        code="CHECK_METER",
        severity=_ISSUE,
        check=comparison.check_meter_agrees,
        settings={"accuracy_per_mille": 10},
    ),
    Rule(
        code="PROLONGED_ESTIMATION",
        severity=_ISSUE,
        check=timing.no_prolonged_estimation,
        settings={"longest_seconds": 86_400},
    ),
)

RULES: Final[Mapping[str, Rule]] = {rule.code: rule for rule in _ALL}
