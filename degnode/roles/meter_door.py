"""How meters come to a seller's platform: their own port with TLS, certificates, rate and time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from degnode.roles.certificate_header import from_somebody
from degnode.side_door import SideDoor
from metering.sep.identity import read_lfdi, sender_name
from metering.sep.mirror import is_mirror_path
from metering.sep.mirror_policy import NETWORK_TIME, POLL_RATE, MirrorPolicy
from metering.sep.terminator import CertificateHeader
from metering.sep.tls import TlsMaterial, server_context
from node.settings import Duration, Port, Settings, read_list

_SECOND: Final = timedelta(seconds=1)
_UNCOORDINATED: Final = 7


def _lfdis(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(read_lfdi, texts))


def _senders(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_sender, names))


def _sender(name: str) -> str:
    kind, colon, lfdi = name.partition(":")
    return sender_name(read_lfdi(lfdi)) if colon and kind.lower() == "lfdi" else name


def _whole_seconds(period: timedelta) -> timedelta:
    if period < _SECOND or period % _SECOND:
        raise ValueError("must be whole seconds, one at least")
    return period


def _zone_name(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one such as Asia/Kolkata") from None
    return name


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_list)]
Rate = Annotated[Duration, AfterValidator(_whole_seconds)]


class MeterDoorSettings(Settings):
    """The settings of a platform that devices speak IEEE 2030.5 to."""

    meters_port: Port | None = Field(
        None, description="A port for meters alone, with TLS, where each must show a certificate."
    )
    meters_host: str | None = Field(
        None, description="The address on which that port listens; DEGNODE_HOST if it is not set."
    )
    meters_certificate: Path | None = Field(
        None, validate_default=True, description="The certificate shown there, PEM, with its intermediates."
    )
    meters_key: Path | None = Field(
        None, validate_default=True, description="The key of that certificate, PEM, without a password."
    )
    meters_authorities: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(read_list)] = Field(
        (),
        validate_default=True,
        description="The roots whose devices are let in, PEM files with commas between them.",
    )
    meters_certificate_header: Annotated[str | None, AfterValidator(from_somebody)] = Field(
        None,
        validate_default=True,
        description="The header in which one of DEGNODE_TRUSTED_PROXIES passes on a device's certificate.",
    )
    meters_aggregators: Annotated[Names, AfterValidator(_lfdis)] = Field(
        (), description="LFDIs of devices that may post for other devices, with commas."
    )
    meters_legacy_senders: Annotated[Names, AfterValidator(_senders)] = Field(
        (),
        description="Senders whose documents may be in the namespace of 2013: names of API keys, or "
        "lfdi:<LFDI>, with commas.",
    )
    meters_post_rate: Rate | None = Field(
        None, description="How long meters shall wait between two posts, told to them as postRate."
    )
    meters_post_rate_held: bool = Field(
        False, description="Whether readings that come sooner than that are refused."
    )
    meters_poll_rate: Rate = Field(POLL_RATE, description="How long devices shall wait before asking again.")
    meters_time_zone: Annotated[str, AfterValidator(_zone_name)] = Field(
        "UTC", description="The time zone that /tm tells devices."
    )
    meters_time_quality: int = Field(
        NETWORK_TIME,
        ge=NETWORK_TIME,
        le=_UNCOORDINATED,
        description="How good this machine's clock is: 3 by NTP, 4 to 6 less so, 7 not set by anything.",
    )

    @field_validator("meters_certificate", "meters_key", "meters_authorities")
    @classmethod
    def _is_there_for_the_port(
        cls, value: Path | tuple[Path, ...] | None, info: ValidationInfo
    ) -> Path | tuple[Path, ...] | None:
        if info.data.get("meters_port") is not None and not value:
            raise PydanticCustomError("missing", "must be set")
        return value

    @field_validator("meters_post_rate_held")
    @classmethod
    def _has_a_rate(cls, is_held: bool, info: ValidationInfo) -> bool:
        if is_held and info.data.get("meters_post_rate") is None:
            raise ValueError("there is no rate to hold; set DEGNODE_METERS_POST_RATE")
        return is_held


def mirror_policy(settings: MeterDoorSettings) -> MirrorPolicy:
    """Return how the mirror deals with devices by these settings."""
    header = settings.meters_certificate_header
    return MirrorPolicy(
        certificate_header=None
        if header is None
        else CertificateHeader(name=header, proxies=settings.trusted_proxies),
        aggregators=frozenset(settings.meters_aggregators),
        legacy_senders=frozenset(settings.meters_legacy_senders),
        post_rate=settings.meters_post_rate,
        holds_post_rate=settings.meters_post_rate_held,
        poll_rate=settings.meters_poll_rate,
        time_zone=ZoneInfo(settings.meters_time_zone),
        time_quality=settings.meters_time_quality,
    )


def meter_doors(settings: MeterDoorSettings) -> tuple[SideDoor, ...]:
    """Return the meters' own port, if there is to be one. Raises: TlsMaterialUnusable."""
    port, certificate, key = settings.meters_port, settings.meters_certificate, settings.meters_key
    if port is None or certificate is None or key is None:
        return ()
    material = TlsMaterial(certificate=certificate, key=key, authorities=settings.meters_authorities)
    context = server_context(material)
    host = settings.meters_host or settings.host
    return (SideDoor(host=host, port=port, context=context, leads_to=is_mirror_path),)
