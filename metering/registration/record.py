"""What is registered of a meter, and the rules that a registration keeps. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kernel.clock import format_instant
from kernel.errors import NodeError
from kernel.local_days import ZoneUnknown, find_zone
from metering.energy import MAX_WATT_HOURS
from metering.mrid import MridInvalid, canonical_mrid, is_provisional
from metering.timeliness import LONGEST_INTERVAL_SECONDS

MOST_EXTERNAL_IDS: Final = 16
LONGEST_TEXT: Final = 200
MOST_WATTS: Final = 10**12
_LFDI: Final = re.compile(r"[0-9A-F]{40}")


class MeterRegistrationInvalid(NodeError):
    """A registration says something that cannot be."""

    code, http_status, retryable = "METER_REGISTRATION_INVALID", 422, False


class ExternalIdTaken(NodeError):
    """Another meter goes by that id."""

    code, http_status, retryable = "METER_EXTERNAL_ID_TAKEN", 409, False


class MeterAmbiguous(NodeError):
    """An mRID is used by several devices, and it was not said which one is meant."""

    code, http_status, retryable = "METER_AMBIGUOUS", 409, False


class MeterRole(StrEnum):
    """On which side of a trade a meter may stand."""

    SOURCE = "source"
    TARGET = "target"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterIdentity:
    """A meter: its canonical mRID, and the LFDI of its device; None: of whichever device uses that."""

    mrid: str
    device_lfdi: str | None = None

    @classmethod
    def of(cls, *, mrid: str, device_lfdi: str | None) -> MeterIdentity:
        """Return the meter with an mRID in any spelling. Raises: MridInvalid, MeterRegistrationInvalid."""
        lfdi = (device_lfdi or "").strip().upper()
        if lfdi and not _LFDI.fullmatch(lfdi):
            raise MeterRegistrationInvalid(
                f"{device_lfdi!r} is no LFDI", path="device_lfdi", hint="Write its 40 hexadecimal digits."
            )
        try:
            return cls(mrid=canonical_mrid(mrid, lenient=True), device_lfdi=lfdi or None)
        except MridInvalid as error:
            raise MridInvalid(error.message, path="mrid", hint=error.hint) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterTerms:
    """What is said of a meter; all of it is said anew with every version.

    `external_ids` are how others call it, verbatim; `zone` is the IANA time zone of its days; the moduli
    are where its registers of each direction start again. Units: W, Wh, s.
    """

    role: MeterRole = MeterRole.BOTH
    external_ids: tuple[str, ...] = ()
    owner: str | None = None
    zone: str | None = None
    sanctioned_watts: int | None = None
    import_modulus: int | None = None
    export_modulus: int | None = None
    interval_seconds: int | None = None
    inverter_id: str | None = None

    def to_record(self) -> dict[str, Any]:
        """Return what stands in the audit log of it."""
        return {
            "role": self.role.value,
            "external_ids": list(self.external_ids),
            "owner": self.owner,
            "zone": self.zone,
            "sanctioned_watts": self.sanctioned_watts,
            "import_modulus": self.import_modulus,
            "export_modulus": self.export_modulus,
            "interval_seconds": self.interval_seconds,
            "inverter_id": self.inverter_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRegistration:
    """A version of what is said of a meter: it holds from `valid_from` to the next one's."""

    meter: MeterIdentity
    version: int
    terms: MeterTerms
    valid_from: datetime
    recorded_at: datetime
    holder: str | None
    made_by: str
    why: str

    def to_record(self) -> dict[str, Any]:
        """Return what stands in the audit log of it."""
        return {
            "version": self.version,
            "valid_from": format_instant(self.valid_from),
        } | self.terms.to_record()


def in_force(versions: Iterable[MeterRegistration], at: datetime) -> MeterRegistration | None:
    """Return the version that holds at an instant, of those of one mRID.

    The one with the latest beginning counts, of several with one beginning the latest said: what is
    said later of an earlier time does not change what was said of a later one. What is said of a device
    goes before what is said of whichever device uses the mRID.
    """
    begun = (item for item in versions if item.valid_from <= at)
    return max(begun, key=_precedence, default=None)


def _precedence(item: MeterRegistration) -> tuple[bool, datetime, int]:
    return item.meter.device_lfdi is not None, item.valid_from, item.version


def check_terms(meter: MeterIdentity, terms: MeterTerms) -> None:
    """Refuse what cannot be said of a meter. Raises: MeterRegistrationInvalid."""
    if is_provisional(meter.mrid):
        raise MeterRegistrationInvalid("the mRID is that of an object still being created", path="mrid")
    _check_external_ids(terms.external_ids)
    for name, text in (("owner", terms.owner), ("inverter_id", terms.inverter_id)):
        if text is not None:
            _check_line(text, path=name)
    _check_zone(terms.zone)
    for name, number, most in (
        ("sanctioned_watts", terms.sanctioned_watts, MOST_WATTS),
        ("import_modulus", terms.import_modulus, MAX_WATT_HOURS),
        ("export_modulus", terms.export_modulus, MAX_WATT_HOURS),
        ("interval_seconds", terms.interval_seconds, LONGEST_INTERVAL_SECONDS),
    ):
        if number is not None and not 0 < number <= most:
            raise MeterRegistrationInvalid(f"{number} is not from 1 to {most}", path=name)
    if terms.sanctioned_watts is None and (terms.import_modulus or terms.export_modulus):
        raise MeterRegistrationInvalid(
            "a modulus is of use only with the sanctioned power",
            path="sanctioned_watts",
            hint="How much can have flowed tells a rollover from a reset: say how many W are sanctioned.",
        )


def _check_external_ids(names: tuple[str, ...]) -> None:
    if len(set(names)) != len(names) or len(names) > MOST_EXTERNAL_IDS:
        raise MeterRegistrationInvalid(
            f"an id is there twice, or there are more than {MOST_EXTERNAL_IDS}", path="external_ids"
        )
    for name in names:
        _check_line(name, path="external_ids")


def is_line(text: str) -> bool:
    """Say whether `text` may be an id or a name here."""
    return text.isprintable() and text == text.strip() and 0 < len(text) <= LONGEST_TEXT


def _check_line(text: str, *, path: str) -> None:
    if not is_line(text):
        raise MeterRegistrationInvalid(
            f"{text[:40]!r} is not one line of 1 to {LONGEST_TEXT} characters without blanks around it",
            path=path,
        )


def _check_zone(zone: str | None) -> None:
    if zone is None:
        return
    try:
        find_zone(zone)
    except ZoneUnknown as error:
        raise MeterRegistrationInvalid(
            f"{zone[:40]!r} is no time zone", path="zone", hint="Write one like Asia/Kolkata."
        ) from error
