"""The feeds of a node, from a YAML file: which utility's servers are followed, and how."""

from __future__ import annotations

import re
import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from kernel.errors import NodeError
from metering.documents import ReadingType
from metering.mrid import MridInvalid, canonical_mrid
from metering.sep.identity import read_lfdi
from metering.sep.tls import TlsMaterial, client_context

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_HINTS: Final = {
    "missing": "Add this key.",
    "extra_forbidden": "Remove this key, or correct its spelling.",
    "time_delta_parsing": "Write seconds (900) or ISO 8601 (PT15M, P3D).",
}


class FeedsInvalid(NodeError):
    """The file of feeds cannot be used; the node does not start."""

    code, http_status, retryable = "METER_FEEDS_INVALID", 500, False


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a feed's name has 1 to 40 small letters, digits and hyphens")
    return text


def _mrid(text: str) -> str:
    try:
        canonical_mrid(text)
    except MridInvalid as error:
        raise ValueError(str(error)) from None
    return text


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address((host or "").strip("[]")).is_loopback
    except ValueError:
        return False


Length = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=400))]


class NotifiedType(BaseModel):
    """What the readings of a register are, where its server does not tell: codes of 2030.5."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow_direction: Literal[1, 19]
    accumulation_behaviour: Literal[3, 4, 9] = 4
    power_of_ten_multiplier: int = Field(0, ge=-9, le=9)
    interval_length: int | None = Field(None, gt=0)
    """In seconds."""

    def to_domain(self) -> ReadingType:
        """Return the type, of energy of an electricity meter."""
        return ReadingType(commodity=1, kind=12, uom=72, **self.model_dump())


class Notified(BaseModel):
    """A register whose readings come in notifications only, for its server has no list of meters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: str
    """The href that is subscribed to."""
    meter: Annotated[str, AfterValidator(_mrid)]
    register_mrid: Annotated[str, AfterValidator(_mrid)] = Field(alias="register")
    reading_type: NotifiedType


class Feed(BaseModel):
    """One utility's server that is followed; each field is a key of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, AfterValidator(_name)]
    url: HttpUrl
    """Where its DeviceCapability is, mostly …/dcap."""
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    check_hostname: bool = True
    lfdi: Annotated[str, AfterValidator(read_lfdi)] | None = None
    """Who we are to the server, where something else shows our certificate; else it follows from that."""
    poll_every: Length | None = None
    """Goes before the pollRate that the server states."""
    overlap: Length = timedelta(hours=2)
    """How far before the newest reading every poll looks again."""
    look_back: Length = timedelta(days=3)
    """How far before the newest reading corrections are looked for, every `look_back_every`."""
    look_back_every: Length = timedelta(hours=6)
    clock_tolerance: Length = timedelta(minutes=2)
    """Nothing is read while the server's clock differs by more."""
    legacy_namespace: bool = False
    subscribe: bool = True
    renew_subscriptions: Length = timedelta(hours=24)
    notified: tuple[Notified, ...] = ()

    @model_validator(mode="after")
    def _shows_both_or_none(self) -> Self:
        given = [item is not None for item in (self.certificate, self.key, self.ca)]
        if any(given) and not all(given):
            raise ValueError("certificate, key and ca go together: give all three or none")
        return self

    @model_validator(mode="after")
    def _is_met_safely(self) -> Self:
        if not self.check_hostname and self.ca is None:
            raise ValueError("check_hostname may be false only with a ca of that network alone")
        if self.url.scheme == "https":
            return self
        if self.ca is not None:
            raise ValueError("certificate, key and ca are no use with http: write https")
        if not _is_loopback(self.url.host):
            raise ValueError("http is only for a server on this machine: write https")
        return self

    @property
    def sender(self) -> str:
        """Return the name under which its meters are kept."""
        return f"utility:{self.name}"

    def tls(self) -> ssl.SSLContext | None:
        """Return how the server is met, or None for ordinary HTTPS. Raises: TlsMaterialUnusable."""
        if self.certificate is None or self.key is None or self.ca is None:
            return None
        material = TlsMaterial(certificate=self.certificate, key=self.key, authorities=(self.ca,))
        return client_context(material, check_hostname=self.check_hostname)


class _FeedFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    feeds: tuple[Feed, ...]


def load_feeds(path: Path) -> tuple[Feed, ...]:
    """Return the feeds in the file; relative files in it lie beside it.

    Raises: FeedsInvalid, with file, key, why and what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FeedsInvalid(
            f"the file of feeds {path} cannot be read: {error}", hint="Name a YAML file that exists."
        ) from error
    return tuple(_beside(feed, path.parent) for feed in read_feeds(text, name=str(path)))


def read_feeds(text: str, *, name: str) -> tuple[Feed, ...]:
    """Return the feeds in the YAML `text` of the file `name`. Raises: FeedsInvalid."""
    try:
        feeds = _FeedFile.model_validate(yaml.safe_load(text)).feeds
    except yaml.YAMLError as error:
        raise FeedsInvalid(f"{name} is no YAML: {error}") from error
    except ValidationError as error:
        raise _explained(error, name) from error
    names = [feed.name for feed in feeds]
    for index, feed in enumerate(feeds):
        if feed.name in names[:index]:
            raise FeedsInvalid(
                f"{name}: feeds.{index}.name: there is another feed {feed.name!r}",
                path=f"feeds.{index}.name",
                hint="Give each feed a name of its own; its meters are kept under it.",
            )
    return feeds


def _beside(feed: Feed, folder: Path) -> Feed:
    files = {name: getattr(feed, name) for name in ("certificate", "key", "ca")}
    return feed.model_copy(update={name: folder / file for name, file in files.items() if file is not None})


def _explained(error: ValidationError, name: str) -> FeedsInvalid:
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"]) or "(top)"
    message = str(first["msg"]).removeprefix("Value error, ")
    return FeedsInvalid(f"{name}: {where}: {message}", path=where, hint=_HINTS.get(first["type"]))
