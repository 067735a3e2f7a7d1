"""Verdicts, estimates, edits and rules as they are shown and asked for: over HTTP and on the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bpp.api.meter_views import Reason, Way
from kernel.clock import format_instant
from metering.energy import MAX_WATT_HOURS
from metering.vee.checks import StoredFinding
from metering.vee.days import LocalDate
from metering.vee.edit import Edited, EditWish
from metering.vee.estimate import FilledGap
from metering.vee.finding import Severity
from metering.vee.parameters import GREATEST_SETTING, RuleChange, RuleInForce
from metering.vee.points import Point
from metering.vee.rules.registry import RULES
from metering.vee.state import DayState
from metering.vee.validation import Validated

Zone = Annotated[str | None, Field(max_length=64, description="By default the registered one, else UTC.")]
_PARTS = 10_000  # of the share that is estimated


class DaysForm(BaseModel):
    """Some local days of a meter, the first and the last included."""

    model_config = ConfigDict(extra="forbid")

    first: date
    last: date
    zone: Zone = None


class EstimateForm(DaysForm):
    """The days whose gaps are to be filled."""

    again: bool = Field(False, description="Fill anew what was estimated before.")
    holidays: list[date] = Field([], max_length=400, description="Days that are used like Sundays.")
    why: Reason


class EditForm(BaseModel):
    """What is to stand from `start` to `end`; both the same for a register's stand."""

    model_config = ConfigDict(extra="forbid")

    direction: Way = Way.IMPORT
    start: AwareDatetime
    end: AwareDatetime
    watt_hours: int = Field(ge=0, le=MAX_WATT_HOURS)
    register_mrid: str | None = Field(None, max_length=64, description="Needed where several say something.")
    is_new: bool = Field(False, description="There is no reading of exactly that time yet.")
    why: Reason

    def wish(self, point: Point) -> EditWish:
        """Return what is asked for; who asks is not known here."""
        return EditWish(
            point=point,
            direction=self.direction.direction,
            start=self.start,
            end=self.end,
            watt_hours=self.watt_hours,
            who="",
            why=self.why,
            register=self.register_mrid,
            is_new=self.is_new,
        )


class RuleForm(BaseModel):
    """How a rule counts on local days from `valid_from` up to, without, `valid_until`."""

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(max_length=64)
    meter: str | None = Field(None, max_length=200, description="A registered id or an mRID; all if empty.")
    enabled: bool | None = None
    severity: Severity | None = None
    settings: dict[str, Annotated[int, Field(ge=0, le=GREATEST_SETTING)]] = Field({}, max_length=20)
    valid_from: date
    valid_until: date | None = None
    why: Reason

    def change(self) -> RuleChange:
        """Return what is said; of which meter and by whom is not known here."""
        return RuleChange(
            rule=self.rule,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            enabled=self.enabled,
            severity=self.severity,
            settings=self.settings,
            who="",
            why=self.why,
        )


class FindingView(BaseModel):
    """Something that a rule found; `current` while the latest verdict on its day has it still."""

    id: int | None
    rule: str
    severity: Severity
    direction: Way
    day: date
    zone: str
    start: str
    end: str
    sentence: str
    source: str
    found_at: str | None
    current: bool


class VerdictView(BaseModel):
    """The verdict on one direction of a meter's day; `new` unless it was on record already."""

    day: date
    zone: str
    direction: Way
    watt_hours: int
    missing_seconds: int
    terminated: bool
    new: bool
    findings: list[FindingView]


class DayStateView(BaseModel):
    """How good a meter's day is. Units: s, Wh, percent of the day's time."""

    day: date
    zone: str
    direction: Way
    state: str
    validated: bool
    seconds: int
    missing_seconds: int
    estimated_seconds: int
    doubted_seconds: int
    watt_hours: int
    estimated_watt_hours: int
    estimated_percent: str


class GapView(BaseModel):
    """What became of a gap: filled by a method, or left, with the reason."""

    direction: Way
    start: str
    end: str
    method: str | None
    watt_hours: list[int]
    bounded: bool
    refusal: str | None


class EditedView(BaseModel):
    """What stood before an edit, and what stands now."""

    register_mrid: str
    watt_hours_before: int | None
    quality_before: list[str]
    watt_hours: int


class RuleView(BaseModel):
    """A rule as it counts for a meter on a day."""

    rule: str
    enabled: bool
    severity: Severity
    settings: dict[str, int]
    meaning: str
    source: str


def view_stored(item: StoredFinding) -> FindingView:
    """Return a finding on record as it is shown."""
    flaw, rule = item.finding.flaw, RULES.get(item.finding.rule)
    return FindingView(
        id=item.id,
        rule=item.finding.rule,
        severity=item.finding.severity,
        direction=Way[item.direction.name],
        day=item.day.date,
        zone=item.day.zone,
        start=_instant(flaw.start),
        end=_instant(flaw.end),
        sentence=flaw.sentence,
        source="" if rule is None else rule.source,
        found_at=format_instant(item.found_at),
        current=item.is_current,
    )


def view_verdict(verdict: Validated) -> VerdictView:
    """Return a verdict as it is shown."""
    check = verdict.check
    way = Way[check.direction.name]
    return VerdictView(
        day=check.day.date,
        zone=check.day.zone,
        direction=way,
        watt_hours=check.watt_hours,
        missing_seconds=check.missing_seconds,
        terminated=check.terminated,
        new=verdict.is_new,
        findings=[
            FindingView(
                id=None,
                rule=item.rule,
                severity=item.severity,
                direction=way,
                day=check.day.date,
                zone=check.day.zone,
                start=_instant(item.flaw.start),
                end=_instant(item.flaw.end),
                sentence=item.flaw.sentence,
                source=RULES[item.rule].source,
                found_at=None,
                current=True,
            )
            for item in check.findings
        ],
    )


def view_state(state: DayState, *, day: LocalDate, way: Way) -> DayStateView:
    """Return how good a day is, as it is shown; percents are cut off after two decimals."""
    whole, cents = divmod(int(state.estimated_share * _PARTS), 100)
    return DayStateView(
        day=day.date,
        zone=day.zone,
        direction=way,
        state=state.completeness.value,
        validated=state.is_validated,
        seconds=state.seconds,
        missing_seconds=state.missing_seconds,
        estimated_seconds=state.estimated_seconds,
        doubted_seconds=state.doubted_seconds,
        watt_hours=state.watt_hours,
        estimated_watt_hours=state.estimated_watt_hours,
        estimated_percent=f"{whole}.{cents:02}",
    )


def view_gap(gap: FilledGap) -> GapView:
    """Return what became of a gap, as it is shown."""
    return GapView(
        direction=Way[gap.direction.name],
        start=_instant(gap.start),
        end=_instant(gap.end),
        method=None if gap.plan is None else gap.plan.method.value,
        watt_hours=[] if gap.plan is None else list(gap.plan.watt_hours),
        bounded=gap.plan is not None and bool(gap.plan.bounds),
        refusal=gap.refusal,
    )


def view_edited(done: Edited) -> EditedView:
    """Return an edit as it is shown."""
    return EditedView(
        register_mrid=done.register,
        watt_hours_before=done.before,
        quality_before=list(done.quality_before),
        watt_hours=done.after,
    )


def view_rule(rule: RuleInForce) -> RuleView:
    """Return a rule as it is shown."""
    return RuleView(
        rule=rule.rule.code,
        enabled=rule.enabled,
        severity=rule.severity,
        settings=dict(rule.settings),
        meaning=rule.rule.meaning,
        source=rule.rule.source,
    )


def _instant(second: int) -> str:
    return format_instant(datetime.fromtimestamp(second, UTC))
