"""The stations of a node, from a YAML file: how each is reached, and which connector is which resource."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    ValidationError,
    model_validator,
)

from kernel.errors import NodeError
from metering.mrid import MridInvalid, canonical_mrid
from metering.registration.record import MOST_WATTS
from stations.ocmf import MeterKey
from stations.password import is_password_hash

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,48}", re.ASCII)
_MOST_CONNECTORS: Final = 256
_MOST_CERTIFICATES: Final = 4
_SHA256_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
_HINTS: Final = {
    "missing": "Add this key.",
    "extra_forbidden": "Remove this key, or correct its spelling.",
    "union_tag_not_found": "Add `protocol`: ocpp, webhook or simulator.",
    "union_tag_invalid": "Write ocpp, webhook or simulator.",
}


class StationsInvalid(NodeError):
    """The file of stations cannot be used; the node does not start."""

    code, http_status, retryable = "STATIONS_INVALID", 500, False


def _station_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError("a station's id has 1 to 48 letters, digits, points, hyphens and underscores")
    return text


def _mrid(text: str) -> str:
    try:
        return canonical_mrid(text, lenient=True)
    except MridInvalid as error:
        raise ValueError(str(error)) from None


def _password_hash(text: str | None) -> str | None:
    if text is not None and not is_password_hash(text):
        raise ValueError("this is no hash of a password: `degnode station password` makes one")
    return text


def _fingerprint(told: object) -> bytes:
    digits = str(told).replace(":", "")
    if not _SHA256_HEX.fullmatch(digits):
        raise ValueError("this is no SHA-256 fingerprint of a certificate, 64 hexadecimal digits")
    return bytes.fromhex(digits)


Fingerprint = Annotated[bytes, BeforeValidator(_fingerprint)]


def _meter_key(text: str | None) -> str | None:
    if text is not None:
        MeterKey.read(text)
    return text


class Connector(BaseModel):
    """One place to plug in: what it is called by the station, in the catalogue and among the meters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: Annotated[int, Field(ge=1, le=_MOST_CONNECTORS)]
    """The connectorId of OCPP 1.6, the EVSE's id of 2.0.1."""
    resource: Annotated[str, Field(min_length=1, max_length=200)]
    """The id of the resource in the catalogue."""
    meter: Annotated[str, AfterValidator(_mrid)]
    """The mRID under which its readings are kept."""
    greatest_watts: Annotated[int, Field(ge=1, le=MOST_WATTS)]
    """The most that it can give; a register that rises faster is not believed."""
    meter_key: Annotated[str | None, AfterValidator(_meter_key)] = None
    """The public key by which its meter signs; what is signed otherwise is not believed."""

    signed_only: bool = False
    """Whether only what its meter has signed counts."""

    @model_validator(mode="after")
    def _is_signed_by_a_key(self) -> Self:
        if self.signed_only and self.meter_key is None:
            raise ValueError("`signed_only` needs the `meter_key` by which signatures are checked")
        return self

    def key(self) -> MeterKey | None:
        """Return the meter's public key, if it is known."""
        return None if self.meter_key is None else MeterKey.read(self.meter_key)


class _Station(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: str

    id: Annotated[str, AfterValidator(_station_id)]
    connectors: Annotated[tuple[Connector, ...], Field(min_length=1, max_length=_MOST_CONNECTORS)]

    @model_validator(mode="after")
    def _can_send_what_is_signed(self) -> Self:
        if self.protocol != "ocpp" and any(each.signed_only for each in self.connectors):
            raise ValueError("`signed_only` is for OCPP: nothing that is told otherwise is signed by a meter")
        return self


class OcppStation(_Station):
    """A station that connects to us by OCPP 1.6 or 2.0.1, known by a password or by a certificate."""

    protocol: Literal["ocpp"]
    password: Annotated[str | None, AfterValidator(_password_hash)] = None
    certificates: Annotated[tuple[Fingerprint, ...], Field(max_length=_MOST_CERTIFICATES)] = ()
    """SHA-256 fingerprints: of its client certificate, and of the next one while it is changed."""

    @model_validator(mode="after")
    def _is_known_by_one_thing(self) -> Self:
        if (self.password is None) == (not self.certificates):
            raise ValueError("a station has a `password` or `certificates`, and not both")
        return self


class WebhookStation(_Station):
    """A station behind somebody's back office, which is told over HTTP and posts what happens."""

    protocol: Literal["webhook"]
    url: HttpUrl
    secret_file: Path
    """Holds the secret by which both sides sign; one line."""


class SimulatedStation(_Station):
    """A station that exists in the node only, for demonstrations."""

    protocol: Literal["simulator"]
    seed: int = 0
    """Decides what its cars take."""


AnyStation = OcppStation | WebhookStation | SimulatedStation
_ByProtocol = Annotated[AnyStation, Discriminator("protocol")]


class _StationFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stations: tuple[_ByProtocol, ...]


def load_stations(path: Path) -> tuple[AnyStation, ...]:
    """Return the stations in the file; files that it names lie beside it.

    Raises: StationsInvalid, with file, key, why and what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StationsInvalid(
            f"the file of stations {path} cannot be read: {error}", hint="Name a YAML file that exists."
        ) from error
    stations = read_stations(text, name=str(path))
    return tuple(_beside(station, path.parent) for station in stations)


def read_stations(text: str, *, name: str) -> tuple[AnyStation, ...]:
    """Return the stations in the YAML `text` of the file `name`. Raises: StationsInvalid."""
    try:
        stations = _StationFile.model_validate(yaml.safe_load(text)).stations
    except yaml.YAMLError as error:
        raise StationsInvalid(f"{name} is no YAML: {error}") from error
    except ValidationError as error:
        raise _explained(error, name) from error
    for what, named in (
        ("station", [station.id for station in stations]),
        ("resource", [each.resource for station in stations for each in station.connectors]),
        ("meter", [each.meter for station in stations for each in station.connectors]),
        ("connector", [f"{station.id}/{each.number}" for station in stations for each in station.connectors]),
    ):
        twice = [one for one, count in Counter(named).items() if count > 1]
        if twice:
            raise StationsInvalid(
                f"{name}: the {what} {twice[0]} is there twice",
                path="stations",
                hint="Give each one of its own: by it, what happens there is told apart.",
            )
    return stations


def _beside(station: AnyStation, folder: Path) -> AnyStation:
    if not isinstance(station, WebhookStation):
        return station
    return station.model_copy(update={"secret_file": folder / station.secret_file})


def _explained(error: ValidationError, name: str) -> StationsInvalid:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "(top)"
    message = str(first["msg"]).removeprefix("Value error, ")
    return StationsInvalid(f"{name}: {where}: {message}", path=where, hint=_HINTS.get(first["type"]))
