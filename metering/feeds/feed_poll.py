"""One poll of a utility's server: from its DeviceCapability along its links to every register.

Source: IEEE 2030.5: UsagePointListLink stands in DeviceCapability, and in every FunctionSetAssignments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from kernel.errors import NodeError
from metering.feeds.notified import make_known
from metering.feeds.positions import RegisterName
from metering.feeds.register_walk import RegisterWalk
from metering.feeds.source import Source
from metering.mrid import is_provisional
from metering.sep.resources import (
    TIME_UNCOORDINATED,
    Resource,
    ServedDevice,
    ServedMeter,
    device_of,
    links_of,
    meter_of,
    read_resource,
    read_time,
    register_of,
)
from metering.sep.utility_client import UtilityUnavailable

log = structlog.get_logger(__name__)

_MAX_TROUBLES: Final = 5


class ClockDiffers(NodeError):
    """The server's clock differs so much from ours that its instants cannot be trusted."""

    code, http_status, retryable = "METER_CLOCK_DIFFERS", 502, True


@dataclass(slots=True, kw_only=True)
class PollOutcome:
    """What became of a poll."""

    clock_difference: int | None = None
    """Seconds that the server's clock is ahead of ours, where it says what time it is."""
    meter_lists: list[str] = field(default_factory=list)
    """The addresses of the lists of meters."""
    devices: list[tuple[ServedDevice, str]] = field(default_factory=list)
    """The EndDevices that were met, each with the address that it came from."""
    troubles: list[str] = field(default_factory=list)

    @property
    def trouble(self) -> str | None:
        """Return the first few troubles in one line, or None."""
        shown = self.troubles[:_MAX_TROUBLES]
        more = len(self.troubles) - len(shown)
        return "; ".join(shown + ([f"and {more} more"] if more else [])) or None


class FeedPoll:
    """Polls a feed once, all of it or `only` some registers."""

    def __init__(
        self, source: Source, *, only: AbstractSet[RegisterName] | None = None, with_devices: bool = False
    ) -> None:
        self._source = source
        self._only = only
        self._with_devices = with_devices
        self._legacy = source.feed.legacy_namespace
        self._outcome = PollOutcome()
        self._sets_met: set[str] = set()

    async def run(self) -> PollOutcome:
        """Read what is new; a resource that is refused is told of, and does not keep others from being read.

        Raises: NodeError in one of its kinds, if the server cannot be followed.
        """
        root = self._source.client.root
        answer = await self._source.get(root, base=root)
        capability = read_resource(answer.body, "DeviceCapability", legacy=self._legacy)
        if capability.poll_rate is not None:
            self._source.poll_rates.append(capability.poll_rate)
        if (href := capability.links.get("TimeLink")) is not None:
            with self._noting():
                await self._check_time(href, base=answer.url)
        self._outcome.troubles += await make_known(self._source)
        for href, base in await self._meter_lists(capability, base=answer.url):
            with self._noting():
                await self._read_meters(href, base=base)
        return self._outcome

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Tell of a resource that cannot be used, and go on; not of a server that cannot be followed."""
        try:
            yield
        except (UtilityUnavailable, ClockDiffers):
            raise
        except NodeError as error:
            self._outcome.troubles.append(str(error))

    async def _check_time(self, href: str, *, base: str) -> None:
        """Refuse to read while the clocks differ. Source: CPUC, VEE standards: time check before reading."""
        answer = await self._source.get(href, base=base)
        time = read_time(answer.body, legacy=self._legacy)
        difference = time.current - int(self._source.clock.now().timestamp())
        self._outcome.clock_difference = max(min(difference, 2**31 - 1), -(2**31))
        if abs(difference) > self._source.feed.clock_tolerance.total_seconds():
            raise ClockDiffers(
                f"the server's clock says {_instant(time.current)}, which is {difference} s from ours",
                hint="Have both clocks set; nothing is lost, it is read once they agree.",
            )
        if time.quality == TIME_UNCOORDINATED:
            log.warning("meter_feed.clock_uncoordinated", feed=self._source.feed.name)

    async def _meter_lists(self, capability: Resource, *, base: str) -> list[tuple[str, str]]:
        """Return the link to every list of meters, each with the address that it came from."""
        direct = capability.links.get("UsagePointListLink")
        if self._with_devices or direct is None:
            with self._noting():
                await self._find_devices(capability, base=base)
        if direct is not None:
            return [(direct, base)]
        found: list[tuple[str, str]] = []
        for device, url in self._outcome.devices:
            assignments = device.links.get("FunctionSetAssignmentsListLink")
            if assignments is None:
                continue
            with self._noting():
                listed = await self._source.whole_list(assignments, "FunctionSetAssignments", base=url)
                links = [(links_of(element).get("UsagePointListLink"), where) for where, element in listed]
                found += [(href, where) for href, where in links if href is not None]
        return found

    async def _find_devices(self, capability: Resource, *, base: str) -> None:
        href = capability.links.get("EndDeviceListLink")
        if href is not None:
            listed = await self._source.whole_list(href, "EndDevice", base=base)
            self._outcome.devices += [(device_of(element), url) for url, element in listed]

    async def _read_meters(self, href: str, *, base: str) -> None:
        url = self._source.client.resolve(href, base=base)
        if url in self._outcome.meter_lists:
            return
        self._outcome.meter_lists.append(url)
        for where, element in await self._source.whole_list(href, "UsagePoint", base=base):
            with self._noting():
                await self._read_meter(meter_of(element), base=where)

    async def _read_meter(self, meter: ServedMeter, *, base: str) -> None:
        if meter.registers is None or is_provisional(meter.point.mrid):
            return
        walks: list[RegisterWalk] = []
        for url, element in await self._source.whole_list(meter.registers, "MeterReading", base=base):
            with self._noting():
                register = register_of(element)
                if not is_provisional(register.mrid):
                    walks.append(RegisterWalk(self._source, meter, register, base=url))
        shared = self._shared_lists(walks)
        for walk in walks:
            if self._only is not None and walk.name not in self._only:
                continue
            if walk.sets_url in shared:
                self._outcome.troubles.append(
                    f"{walk.name}: another register leads to the same readings, {walk.sets_url}; "
                    "nobody can say whose they are"
                )
                continue
            trouble = await walk.run()
            if trouble is not None:
                self._outcome.troubles.append(f"{walk.name}: {trouble}")

    def _shared_lists(self, walks: list[RegisterWalk]) -> set[str]:
        """Return the lists of sets that one of these registers leads to and another one too."""
        urls = Counter(url for walk in walks if (url := walk.sets_url) is not None)
        shared = {url for url, count in urls.items() if count > 1 or url in self._sets_met}
        self._sets_met |= urls.keys()
        return shared


def _instant(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s after 1970"
