"""A utility's 2030.5 server over real HTTP, which can be told to do whatever such servers do wrong."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.sax.saxutils import escape

import httpx
from fastapi import FastAPI, Request, Response

from metering.documents import ReadingType
from tests.support.loopback_server import LoopbackServer, Served
from tests.support.metering_documents import (
    DELTA,
    EXPORT_REGISTER,
    IMPORT_REGISTER,
    METER,
    NOW,
    QUARTER,
    START,
)

NAMESPACE: Final = "urn:ieee:std:2030.5:ns"
LEGACY: Final = "http://ieee.org/2030.5"
DAY_SECONDS: Final = 96 * QUARTER
EPOCH_NOW: Final = int(NOW.timestamp())
OUR_LFDI: Final = "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"
XSI: Final = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@dataclass(slots=True, kw_only=True)
class ServedReadings:
    """A ReadingSet of the server: values in Wh by their start."""

    start: int = START
    duration: int = DAY_SECONDS
    values: dict[int, int] = field(default_factory=dict)
    length: int = QUARTER
    mrid: str | None = None
    extra: str = ""
    """XML that is put between the readings."""

    def page_items(self, href: str) -> list[str]:
        """Return every Reading, newest last."""
        return [
            f'<Reading href="{href}/{start}"><timePeriod><duration>{self.length}</duration>'
            f"<start>{start}</start></timePeriod><value>{value}</value></Reading>"
            for start, value in sorted(self.values.items())
        ] + ([self.extra] if self.extra else [])


@dataclass(slots=True, kw_only=True)
class ServedRegister:
    """A MeterReading of the server."""

    mrid: str = IMPORT_REGISTER
    kind: ReadingType = DELTA
    sets: list[ServedReadings] = field(default_factory=list)
    last: tuple[int, int] | None = None
    """The reading that its ReadingLink leads to: start and value, of a quarter of an hour."""


@dataclass(slots=True, kw_only=True)
class Traps:
    """What the server does wrong, or otherwise than others; nothing, as it is."""

    largest_page: int = 255
    repeats_first_page: bool = False
    overlap: int = 0
    """How many entries of the page before come again."""
    all_is_off_by: int = 0
    says_all: bool = True
    empty_pages_from: int | None = None
    ignores_after: bool = False
    gzips: bool = False
    bomb: bool = False
    etags: bool = False
    etag_is: str | None = None
    """The tag of every answer, whatever is in it."""
    media_type: str = "application/sep+xml"
    namespace: str = NAMESPACE
    status: int | None = None
    retry_after: str | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    """Resources that are refused, by the end of their path, each with its status."""
    meters_under: str = "dcap"
    """Where the link to the list of meters is: dcap, fsa, or nowhere."""
    device_lfdi: str = OUR_LFDI
    clock_ahead: int = 0
    time_quality: int = 3
    poll_rate: int | None = 300
    subscribable: bool = False
    refuses_subscriptions: bool = False
    loses_answers: bool = False
    """Whether subscriptions are taken without a word of that."""
    hrefs: dict[str, str] = field(default_factory=dict)
    """Links, by where they should lead, and where they lead instead."""
    before: Callable[[str], None] | None = None
    """Called with the path of each request before it is answered."""
    meanwhile: Callable[[str], Awaitable[None]] | None = None
    """Awaited then, with the same."""


class UtilityServer(Served):
    """Serves meters below `/sep`, with hrefs that no rule would guess."""

    def __init__(
        self,
        *registers: ServedRegister,
        now: int,
        traps: Traps | None = None,
        tls: Mapping[str, Any] | None = None,
    ) -> None:
        self.registers = list(registers) or [ServedRegister()]
        self.meter_mrid = METER
        self.now = now
        self.traps = traps or Traps()
        self.asked: list[str] = []
        self.not_modified = 0
        self.subscriptions: dict[str, str] = {}
        """By resource: where to notify."""
        app = FastAPI(openapi_url=None)
        app.add_api_route("/{path:path}", self._answer, methods=["GET", "POST"])
        self.server = LoopbackServer(app, tls=tls)

    @property
    def root(self) -> str:
        return f"{self.url}/sep/dcap"

    def asked_for(self, part: str) -> list[str]:
        """Return the requests whose path holds `part`."""
        return [path for path in self.asked if part in path]

    async def notify(
        self, resource: str, *, status: int, readings: Sequence[tuple[int, int]], kind: str = "ReadingList"
    ) -> httpx.Response:
        """Tell the subscriber of `resource` of readings, each with start and value."""
        body = notification(resource, status=status, readings=readings, kind=kind)
        async with httpx.AsyncClient() as client:
            return await client.post(
                self.subscriptions[resource], content=body, headers={"Content-Type": "application/sep+xml"}
            )

    async def _answer(self, request: Request) -> Response:
        traps = self.traps
        path = request.url.path
        self.asked.append(path + (f"?{request.url.query}" if request.url.query else ""))
        if traps.before is not None:
            traps.before(path)
        if traps.meanwhile is not None:
            await traps.meanwhile(path)
        if traps.status is not None:
            headers = {"Retry-After": traps.retry_after} if traps.retry_after else {}
            return Response(status_code=traps.status, headers=headers | {"Location": "/elsewhere"})
        for end, status in traps.statuses.items():
            if path.endswith(end):
                return Response(status_code=status)
        if request.method == "POST":
            return self._subscribe((await request.body()).decode())
        document = self._document(path, request)
        if document is None:
            return Response(status_code=404)
        return self._sent(document.replace(NAMESPACE, traps.namespace).encode(), request)

    def _sent(self, body: bytes, request: Request) -> Response:
        headers = {}
        if self.traps.etags:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                self.not_modified += 1
                return Response(status_code=304, headers=headers)
        if self.traps.etag_is is not None:
            headers["ETag"] = self.traps.etag_is
        if self.traps.bomb:
            body = body + b" " * 3_000_000
        if self.traps.gzips or self.traps.bomb:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        return Response(body, headers=headers, media_type=self.traps.media_type)

    def _document(self, path: str, request: Request) -> str | None:
        parts = path.strip("/").split("/")[1:]
        plain: dict[str, Callable[[], str]] = {
            "dcap": self._capability,
            "clock": self._time,
            "devices": lambda: self._list(request, "EndDevice", [self._device()]),
            "fsa": lambda: self._list(request, "FunctionSetAssignments", [self._assignment()]),
            "points": lambda: self._list(request, "UsagePoint", [self._point()]),
            "point/registers": lambda: self._list(
                request, "MeterReading", [self._register(n) for n in range(len(self.registers))]
            ),
        }
        make = plain.get("/".join(parts))
        if make is not None:
            return make()
        return self._of_register(parts, request) if len(parts) >= 2 and parts[0] == "register" else None

    def _of_register(self, parts: list[str], request: Request) -> str | None:
        register = self.registers[int(parts[1])]
        what = parts[2]
        if what == "type":
            return _reading_type(register.kind)
        if what == "last" and register.last is not None:
            return _reading(*register.last, root=True)
        if what == "sets" and len(parts) == 3:
            after = self._after(request)
            sets = [item for item in enumerate(register.sets) if after is None or item[1].start > after]
            items = [self._set(parts[1], number, served) for number, served in sets]
            return self._list(request, "ReadingSet", items)
        served = register.sets[int(parts[3])]
        after = self._after(request)
        chosen = {start: value for start, value in served.values.items() if after is None or start > after}
        return self._list(request, "Reading", replace(served, values=chosen).page_items(request.url.path))

    def _after(self, request: Request) -> int | None:
        text = request.query_params.get("a")
        return None if text is None or self.traps.ignores_after else int(text)

    def _list(self, request: Request, name: str, items: list[str]) -> str:
        traps = self.traps
        start = 0 if traps.repeats_first_page else int(request.query_params.get("s", "0"))
        limit = min(int(request.query_params.get("l", "1")), traps.largest_page)
        first = max(start - traps.overlap, 0)
        page = items[first : first + limit]
        if traps.empty_pages_from is not None and start >= traps.empty_pages_from:
            page = []
        total = f' all="{len(items) + traps.all_is_off_by}"' if traps.says_all else ""
        rate = "" if traps.poll_rate is None else f' pollRate="{traps.poll_rate}"'
        subscribable = ' subscribable="1"' if traps.subscribable else ""
        return (
            f'<{name}List xmlns="{NAMESPACE}" href="{request.url.path}"{total} results="{len(page)}"'
            f"{rate}{subscribable}>{''.join(page)}</{name}List>"
        )

    def _href(self, href: str) -> str:
        return escape(self.traps.hrefs.get(href, href), {'"': "&quot;"})

    def _capability(self) -> str:
        points = f'<UsagePointListLink all="1" href="{self._href("points")}"/>'
        return (
            f'<DeviceCapability xmlns="{NAMESPACE}" href="/sep/dcap"><TimeLink href="clock"/>'
            f"{points if self.traps.meters_under == 'dcap' else ''}"
            '<EndDeviceListLink all="1" href="/sep/devices"/></DeviceCapability>'
        )

    def _time(self) -> str:
        return (
            f'<Time xmlns="{NAMESPACE}"><currentTime>{self.now + self.traps.clock_ahead}</currentTime>'
            f"<dstEndTime>0</dstEndTime><dstOffset>0</dstOffset><dstStartTime>0</dstStartTime>"
            f"<quality>{self.traps.time_quality}</quality><tzOffset>0</tzOffset></Time>"
        )

    def _device(self) -> str:
        return (
            f'<EndDevice href="/sep/device"><FunctionSetAssignmentsListLink all="1" href="/sep/fsa"/>'
            f"<lFDI>{self.traps.device_lfdi}</lFDI>"
            '<SubscriptionListLink all="0" href="/sep/subscriptions"/></EndDevice>'
        )

    def _assignment(self) -> str:
        points = '<UsagePointListLink href="/sep/points"/>' if self.traps.meters_under == "fsa" else ""
        return f'<FunctionSetAssignments href="/sep/fsa/0">{points}<mRID>0A</mRID></FunctionSetAssignments>'

    def _point(self) -> str:
        return (
            f'<UsagePoint href="/sep/point"><mRID>{self.meter_mrid}</mRID><roleFlags>0013</roleFlags>'
            f"<serviceCategoryKind>0</serviceCategoryKind><status>1</status>"
            f'<MeterReadingListLink all="{len(self.registers)}" href="{self._href("point/registers")}"/>'
            "</UsagePoint>"
        )

    def _register(self, number: int) -> str:
        sets = self._href(f"/sep/register/{number}/sets")
        last = (
            "" if self.registers[number].last is None else f'<ReadingLink href="../register/{number}/last"/>'
        )
        return (
            f'<MeterReading href="/sep/register/{number}"><mRID>{self.registers[number].mrid}</mRID>{last}'
            f'<ReadingSetListLink all="{len(self.registers[number].sets)}" href="{sets}"/>'
            f'<ReadingTypeLink href="/sep/register/{number}/type"/></MeterReading>'
        )

    def _set(self, register: str, number: int, served: ServedReadings) -> str:
        href = f"/sep/register/{register}/sets/{number}"
        mrid = f"<mRID>{served.mrid}</mRID>" if served.mrid else ""
        return (
            f'<ReadingSet href="{href}">{mrid}<timePeriod><duration>{served.duration}</duration>'
            f"<start>{served.start}</start></timePeriod>"
            f'<ReadingListLink all="{len(served.values)}" href="{self._href(href + "/readings")}"/>'
            "</ReadingSet>"
        )

    def _subscribe(self, body: str) -> Response:
        if self.traps.refuses_subscriptions:
            return Response(status_code=403)
        resource = body.partition("<subscribedResource>")[2].partition("<")[0]
        self.subscriptions[resource] = body.partition("<notificationURI>")[2].partition("<")[0]
        if self.traps.loses_answers:
            return Response(status_code=504)
        return Response(status_code=201, headers={"Location": f"/sep/subscription/{len(self.subscriptions)}"})


def notification(
    resource: str, *, status: int, readings: Sequence[tuple[int, int]], kind: str = "ReadingList"
) -> bytes:
    """Return a Notification as servers write it: readings without a word of which register they are."""
    items = "".join(_reading(start, value) for start, value in readings)
    return (
        f'<Notification xmlns="{NAMESPACE}" {XSI}><subscribedResource>{resource}</subscribedResource>'
        f'<Resource xsi:type="{kind}" all="{len(readings)}" results="{len(readings)}">{items}</Resource>'
        f"<status>{status}</status><subscriptionURI>/sep/subscription/1</subscriptionURI></Notification>"
    ).encode()


def day(values: int = 250, *, quarters: int = 96, days_later: int = 0) -> ServedReadings:
    """Return the set of a day, its first `quarters` of an hour with a value each."""
    start = START + days_later * DAY_SECONDS
    return ServedReadings(start=start, values={start + n * QUARTER: values + n for n in range(quarters)})


def serving(*sets: ServedReadings, traps: Traps | None = None) -> UtilityServer:
    """Return a server with one register that has these sets, or the day if there are none."""
    return UtilityServer(ServedRegister(sets=list(sets) or [day()]), now=EPOCH_NOW, traps=traps)


def export_register(*sets: ServedReadings) -> ServedRegister:
    """Return the meter's other register, which counts what it gives."""
    return ServedRegister(mrid=EXPORT_REGISTER, kind=replace(DELTA, flow_direction=19), sets=list(sets))


def _reading_type(kind: ReadingType) -> str:
    return (
        f'<ReadingType xmlns="{NAMESPACE}"><accumulationBehaviour>{kind.accumulation_behaviour}'
        f"</accumulationBehaviour><commodity>{kind.commodity}</commodity>"
        f"<flowDirection>{kind.flow_direction}</flowDirection><kind>{kind.kind}</kind>"
        f"<powerOfTenMultiplier>{kind.power_of_ten_multiplier}</powerOfTenMultiplier>"
        f"<uom>{kind.uom}</uom></ReadingType>"
    )


def _reading(start: int, value: int, *, root: bool = False) -> str:
    namespace = f' xmlns="{NAMESPACE}"' if root else ""
    return (
        f"<Reading{namespace}><timePeriod><duration>{QUARTER}</duration><start>{start}</start></timePeriod>"
        f"<value>{value}</value></Reading>"
    )
