"""What a metering mirror does for a device: take its documents, show its meters, tell it the time."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from fastapi import Request, Response

from kernel.clock import Clock
from metering.documents import MirrorDocument, MirrorUsagePoint
from metering.grouped_intake import GroupedIntake
from metering.ingest import IngestResult, OnRecorded, record_submission
from metering.meter_store import MeterStore
from metering.sep.body import SEP_XML, read_sep_body
from metering.sep.daylight import daylight_saving
from metering.sep.elements import MeterValueInvalid
from metering.sep.mirror_policy import DEFAULT_POLICY, MirrorPolicy
from metering.sep.post_rate import PostPace
from metering.sep.reader import read_mirror_document
from metering.sep.sender import Sender, as_sent_by, sender_by_certificate
from metering.sep.writer import (
    in_legacy_namespace,
    write_device_capability,
    write_mirror_usage_point_list,
    write_mirror_usage_point_resource,
    write_time,
)
from metering.stored_meter import StoredUsagePoint
from metering.submission import Submission
from metering.timeliness import DEFAULT_TIME_LIMITS, TimeLimits
from metering.usage_point import UsagePointForeign, UsagePointUnknown
from storage.unit_of_work import UnitOfWorkFactory

Authenticate = Callable[[Request], Awaitable[str]]
"""Says who sends a request without a certificate, or raises a NodeError with the status to answer."""

CAPABILITY, TIME, MIRRORS = "/dcap", "/tm", "/mup"
GREATEST_PAGE: Final = 255
_DEFAULT_PAGE: Final = 1
_COUNT: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Answers the requests of devices, each of which sees and feeds only its own meters."""

    uow_factory: UnitOfWorkFactory
    clock: Clock
    authenticate: Authenticate
    on_recorded: OnRecorded | None = None
    limits: TimeLimits = DEFAULT_TIME_LIMITS
    policy: MirrorPolicy = DEFAULT_POLICY
    _pace: PostPace | None = field(init=False)
    _grouped: GroupedIntake = field(init=False)

    def __post_init__(self) -> None:
        grouped = GroupedIntake(
            uow_factory=self.uow_factory, clock=self.clock, on_recorded=self.on_recorded, limits=self.limits
        )
        object.__setattr__(self, "_grouped", grouped)
        held = self.policy.post_rate if self.policy.holds_post_rate else None
        object.__setattr__(self, "_pace", None if held is None else PostPace(held))

    async def post_usage_point(self, request: Request) -> Response:
        """Register a meter, or hear of it again, with any readings that come along."""
        result = await self.record(request, None)
        location = f"{path_of(request)}/{result.usage_point}"
        return Response(status_code=201 if result.created else 204, headers={"Location": location})

    async def post_readings(self, request: Request, usage_point: int) -> Response:
        """Take readings of a registered meter."""
        await self.record(request, usage_point)
        return Response(status_code=201, headers={"Location": path_of(request)})

    async def record(self, request: Request, usage_point: int | None) -> IngestResult:
        """Take in what a device posts to the list or, with its number, to one of its meters."""
        sender = await self._sender_of(request)
        raw = await read_sep_body(request)
        document = read_mirror_document(raw, legacy=sender.name in self.policy.legacy_senders)
        document = as_sent_by(sender, document, aggregators=self.policy.aggregators)
        now = self.clock.now()
        turn = _turn(sender, document, usage_point)
        if self._pace is not None and turn is not None:
            self._pace.check(turn, now=now)
        submitted = Submission(document=document, raw=raw, sender=sender.name, usage_point=usage_point)
        result = await self._grouped.take(submitted) or await self._take_alone(submitted, now)
        if self._pace is not None and turn is not None:
            self._pace.note(turn, now=now)
        return result

    async def _take_alone(self, submitted: Submission, now: datetime) -> IngestResult:
        async with self.uow_factory() as uow:
            result = await record_submission(submitted, uow=uow, now=now, limits=self.limits)
            if self.on_recorded is not None:
                await self.on_recorded(uow, [result], now)
        return result

    async def capability(self, request: Request) -> Response:
        """Return where a device finds the time and its meters."""
        sender = await self._sender_of(request)
        async with self.uow_factory() as uow:
            _, total = await MeterStore(uow.connection).page_of(sender.name, skip=0, limit=0)
        here = path_of(request)
        top = here.removesuffix(CAPABILITY)
        document = write_device_capability(
            href=here, time=top + TIME, mirror=top + MIRRORS, meters=total, poll_rate=self._poll_seconds
        )
        return self._answer(sender, document)

    async def time(self, request: Request) -> Response:
        """Return the time here."""
        sender = await self._sender_of(request)
        now = self.clock.now()
        document = write_time(
            href=path_of(request),
            now=now,
            rule=daylight_saving(self.policy.time_zone, now=now),
            quality=self.policy.time_quality,
            poll_rate=self._poll_seconds,
        )
        return self._answer(sender, document)

    async def page(self, request: Request) -> Response:
        """Return some of the sender's meters."""
        sender = await self._sender_of(request)
        skip = _count(request, "s", default=0)
        limit = min(_count(request, "l", default=_DEFAULT_PAGE), GREATEST_PAGE)
        async with self.uow_factory() as uow:
            points, total = await MeterStore(uow.connection).page_of(sender.name, skip=skip, limit=limit)
        listed = [(f"{path_of(request)}/{point.id}", self._to_wire(point)) for point in points]
        document = write_mirror_usage_point_list(listed, total=total, poll_rate=self._poll_seconds)
        return self._answer(sender, document)

    async def meter(self, request: Request, usage_point: int) -> Response:
        """Return one of the sender's meters, without its registers. Source: 2030.5, MirrorUsagePoint."""
        sender = await self._sender_of(request)
        async with self.uow_factory() as uow:
            point = await MeterStore(uow.connection).find(usage_point)
        if point is None:
            raise UsagePointUnknown(f"there is no meter {usage_point}", hint="GET /mup lists the meters.")
        if point.sender != sender.name:
            raise UsagePointForeign(f"meter {usage_point} was registered by another sender")
        document = write_mirror_usage_point_resource(self._to_wire(point), href=path_of(request))
        return self._answer(sender, document)

    async def _sender_of(self, request: Request) -> Sender:
        device = sender_by_certificate(request.scope, self.policy.certificate_header)
        return Sender(await self.authenticate(request)) if device is None else device

    def _answer(self, sender: Sender, document: bytes) -> Response:
        is_legacy = sender.name in self.policy.legacy_senders
        return Response(in_legacy_namespace(document) if is_legacy else document, media_type=SEP_XML)

    def _to_wire(self, point: StoredUsagePoint) -> MirrorUsagePoint:
        return MirrorUsagePoint(
            mrid=point.mrid,
            mrid_as_sent=point.external_id,
            device_lfdi=point.device_lfdi,
            role_flags=point.role_flags,
            service_category_kind=point.service_category,
            status=point.status,
            description=point.description,
            post_rate=None if self.policy.post_rate is None else _seconds(self.policy.post_rate),
        )

    @property
    def _poll_seconds(self) -> int:
        return _seconds(self.policy.poll_rate)


def is_mirror_path(path: str) -> bool:
    """Say whether a path is one of a mirror's that has no prefix."""
    return path in (CAPABILITY, TIME, MIRRORS) or path.startswith(f"{MIRRORS}/")


def path_of(request: Request) -> str:
    """Return the path of a request as hrefs have it."""
    return request.url.path.rstrip("/")


def _turn(sender: Sender, document: MirrorDocument, usage_point: int | None) -> Hashable | None:
    """Return what stands for the meter whose turn a document takes; None where it holds no readings."""
    if not document.count:
        return None
    if isinstance(document, MirrorUsagePoint):
        return sender.name, document.device_lfdi, document.mrid
    return sender.name, usage_point


def _count(request: Request, name: str, *, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _COUNT.fullmatch(text):
        raise MeterValueInvalid(
            f"{text[:40]!r} is no count", path=name, hint="Write a whole number from 0 on."
        )
    return int(text)


def _seconds(period: timedelta) -> int:
    return period // timedelta(seconds=1)
