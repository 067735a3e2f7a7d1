"""How one mirror deals with its devices: what an operator decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from metering.sep.terminator import CertificateHeader

POLL_RATE: Final = timedelta(seconds=900)
NETWORK_TIME: Final = 3  # 2030.5 TimeQuality: from an external source such as NTP


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorPolicy:
    """Who may speak for whom, how often, and what time it is.

    `aggregators` are LFDIs that may post for other devices; `legacy_senders` are names of senders whose
    documents may be in the namespace of 2013; `post_rate` goes before what a meter wishes for, and is
    held if `holds_post_rate`.
    """

    certificate_header: CertificateHeader | None = None
    aggregators: frozenset[str] = frozenset()
    legacy_senders: frozenset[str] = frozenset()
    post_rate: timedelta | None = None
    holds_post_rate: bool = False
    poll_rate: timedelta = POLL_RATE
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    time_quality: int = NETWORK_TIME


DEFAULT_POLICY: Final = MirrorPolicy()
