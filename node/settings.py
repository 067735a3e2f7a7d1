"""What an operator sets: environment variables `DEGNODE_…`, read once at the start."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    PositiveInt,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from node.peer_pins import PeerPin
from node.peer_rules import Effect
from protocol.keys import read_public_key
from protocol.profile import PROFILES
from protocol.signature_header import NAME_PATTERN
from protocol.x25519 import read_encryption_public_key
from registry_client.challenge import ChallengeScheme
from registry_client.reach import Reach, usual_reach
from schemas.attributes import UnknownPacks

_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_LONGEST_NAME: Final = 255


def _read_duration(value: object) -> object:
    """Return a bare number as so many seconds; what else a duration may be, pydantic knows."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return timedelta(seconds=float(value))
    return value


def read_list(value: object) -> object:
    """Return text with commas as the names between them."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _known_wires(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in PROFILES]
    if unknown or not names:
        raise ValueError(f"there are {', '.join(PROFILES)}")
    return names


def _public_keys(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        read_public_key(text)
    return texts


def _subscriber_name(text: str) -> str:
    if len(text) > _LONGEST_NAME or not re.fullmatch(NAME_PATTERN, text):
        raise ValueError(
            f"a subscriber's name has 1 to {_LONGEST_NAME} characters of ASCII, and no space, quote or '|' "
            "among them"
        )
    return text


def _encryption_key(text: str | None) -> str | None:
    if text is not None:
        read_encryption_public_key(text)
    return text


WireName = Annotated[str, Field(pattern=f"^({'|'.join(PROFILES)})$")]


class RegistryKind(StrEnum):
    """What kind of directory the node finds its peers in."""

    BECKN = "beckn"  # POST {url}/lookup
    DEDI = "dedi"  # GET {url}/lookup/{subscriber}/{registry}/{key}
    FILE = "file"  # a list in a file


class KeyFormat(StrEnum):
    """How X25519 keys are written for a registry, in base64 both times."""

    RAW = "raw"  # the 32 bytes
    DER = "der"  # wrapped, as ONDC-style registries want it


class OfficialDocument(BaseModel):
    """An OpenAPI 3.1 document that a network publishes; `references` says where others it names lie."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path
    path_prefix: str = ""
    references: dict[str, Path] = Field(default_factory=dict)


Port = Annotated[int, Field(ge=0, le=65535)]
Duration = Annotated[timedelta, BeforeValidator(_read_duration), Field(ge=timedelta(0))]
"""Written as seconds (`45`, `0.5`) or in ISO 8601 (`PT45S`)."""


class ServiceSettings(BaseSettings):
    """What every process of the project is told; each field is `DEGNODE_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="DEGNODE_", populate_by_name=True, extra="ignore")

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: Port = Field(8080, description="The port to listen on.")
    request_timeout: Duration = Field(
        timedelta(seconds=30), description="How long a caller may take to send a request."
    )
    max_head_bytes: PositiveInt = Field(65_536, description="Longer heads of requests are refused.")
    data_dir: Path = Field(Path(".degnode"), description="Keys and the embedded database.")
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DEGNODE_DATABASE_URL", "DATABASE_URL", "database_url"),
        description="A PostgreSQL to use instead of the embedded one (also read from DATABASE_URL).",
    )
    key_encryption_key: SecretStr | None = Field(
        None, description="What private keys are sealed with: base64 of 32 bytes, the newest first."
    )
    key_encryption_file: Path | None = Field(
        None, description="A file that holds it; if neither is set, `<data_dir>/key-encryption.key`."
    )
    vault_url: HttpUrl | None = Field(
        None, description="A HashiCorp Vault whose transit engine seals private keys instead."
    )
    vault_token: SecretStr | None = Field(None, description="What the node shows to that Vault.")
    vault_token_file: Path | None = Field(
        None, description="A file that holds the token; read anew each time."
    )
    vault_key: str = Field("transit/degnode", description="The engine's mount, and its key.")
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(read_list)
    ] = Field(
        (), description="Proxies whose X-Forwarded-For is believed: addresses or networks, with commas."
    )
    log_format: str = Field("json", pattern="^(json|console)$", description="json or console.")
    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR."
    )


class Settings(ServiceSettings):
    """The settings of a participant, whichever role it plays."""

    subscriber_id: Annotated[str, AfterValidator(_subscriber_name)] = Field(
        description="The name that the registry knows this participant by."
    )
    public_url: HttpUrl = Field(description="Where peers reach it; the registry holds the same URL.")
    domain: str = Field("beckn.one:deg:p2p-trading:2.0.0", description="`context.domain` of requests.")
    redis_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DEGNODE_REDIS_URL", "REDIS_URL", "redis_url"),
        description="A Redis through which processes share looked-up keys and count rates; none is needed.",
    )

    registry_kind: RegistryKind = Field(
        RegistryKind.BECKN,
        description="How peers' keys are looked up: beckn (POST /lookup), dedi (GET /lookup/…) or file.",
    )
    registry_url: HttpUrl | None = Field(
        None, validate_default=True, description="The network's registry; with dedi, what /lookup lies below."
    )
    registry_key: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(read_list), AfterValidator(_public_keys)
    ] = Field(
        (),
        description="The registry's own signing key, base64; then its answers must be signed. "
        "Several, while it changes, separated by commas.",
    )
    registry_timeout: Duration = Field(
        timedelta(seconds=5), description="How long the registry may take to answer."
    )
    subscribers: Path | None = Field(
        None, validate_default=True, description="With file: the list of subscribers, YAML or JSON."
    )
    dedi_registry: str = Field("subscribers.beckn.one", description="With dedi: the list that keys stand in.")
    dedi_namespaces: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_list)] = Field(
        (),
        description="With dedi: namespaces whose records are believed though they name others as "
        "subscribers, separated by commas.",
    )
    networks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_list)] = Field(
        (), description="The networks whose messages are taken, separated by commas; all if none is named."
    )
    registry_token: SecretStr | None = Field(
        None, description="Lets the node enter itself in the registry when it starts."
    )
    joined: bool = Field(
        False,
        description="Whether this node is in the registry without a token, as `degnode join` arranges it; "
        "then it tells the registry of its new keys by itself.",
    )
    registry_encryption_key: Annotated[str | None, AfterValidator(_encryption_key)] = Field(
        None, description="The registry's X25519 key, base64: its challenges are read with it."
    )
    challenge_scheme: ChallengeScheme = Field(
        ChallengeScheme.AES_ECB, description="How the registry encrypts its challenge: aes-ecb or sealed-box."
    )
    key_format: KeyFormat = Field(
        KeyFormat.RAW, description="How the registry wants encryption keys written: raw or der."
    )
    key_id: str = Field("k1", description="The name of the first key set; `keys rotate` names the next.")
    key_file: Path | None = Field(
        None, description="A signing key, base64, that the first key set takes over; else one is made."
    )
    api_key: SecretStr | None = Field(
        None,
        description="A key that may do everything on the HTTP API; if it is not set, one is made at the "
        "first start and shown once.",
    )

    wires: Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_list), AfterValidator(_known_wires)] = (
        Field(tuple(PROFILES), description="The wire generations that are taken in, separated by commas.")
    )
    wire: WireName = Field(
        "v2_rc",
        validate_default=True,
        description="What is spoken with a peer that was never heard; one of those that are taken in.",
    )
    peers: dict[str, PeerPin] = Field(
        default_factory=dict,
        description='Peers with ways of their own, as JSON: {"bpp.example.com": {"wire": "v2_lts"}}.',
    )

    @field_validator("registry_url", "subscribers")
    @classmethod
    def _is_there(cls, value: HttpUrl | Path | None, info: ValidationInfo) -> HttpUrl | Path | None:
        """Refuse to start without the directory that is to be asked."""
        is_file = info.data.get("registry_kind") is RegistryKind.FILE
        if value is None and is_file is (info.field_name == "subscribers"):
            raise PydanticCustomError("missing", "must be set")
        return value

    @field_validator("wire")
    @classmethod
    def _is_taken_in(cls, wire: str, info: ValidationInfo) -> str:
        """Refuse to write on a wire whose answers would not be understood."""
        taken = info.data.get("wires", (wire,))
        if wire not in taken:
            raise ValueError(f"{wire} is not among DEGNODE_WIRES, which are {', '.join(taken)}")
        return wire

    @field_validator("peers")
    @classmethod
    def _are_taken_in(cls, peers: dict[str, PeerPin], info: ValidationInfo) -> dict[str, PeerPin]:
        for name, pin in peers.items():
            if pin.wire is not None:
                try:
                    cls._is_taken_in(pin.wire, info)
                except ValueError as error:
                    raise ValueError(f"of {name}: {error}") from None
        return peers

    reach: Reach | None = Field(
        None,
        description="Where messages may go: public (https, public addresses), loopback (this machine too) "
        "or private (closed networks and http too). Follows from the public URL if it is not set.",
    )

    @property
    def reaching(self) -> Reach:
        """How far this node goes for addresses that others name."""
        return self.reach or usual_reach(str(self.public_url))

    bare_signatures: bool = Field(
        False,
        description="Whether signature headers without `Signature ` in front are taken, as adapters do.",
    )
    peer_rate: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="Messages a second that one peer may send; 0 sets no bound.",
    )
    peer_default: Effect = Field(
        Effect.ALLOW, description="Whether peers that no peer rule is about may trade: allow or refuse."
    )
    packs: Path | None = Field(
        None, description="A folder of attribute packs to know beside those that come along."
    )
    unknown_packs: UnknownPacks = Field(
        UnknownPacks.WARN, description="What becomes of attributes that no pack knows: warn or refuse."
    )
    official: dict[WireName, OfficialDocument] = Field(
        default_factory=dict,
        description="The network's own OpenAPI documents, as JSON: "
        '{"v2_lts": {"file": "beckn.yaml"}}; messages must fit them too.',
    )
    open_callers: bool = Field(
        False,
        description="Whether /bap/caller and /bpp/caller need no API key, as with the common adapter; "
        "only where nobody else reaches them.",
    )
    max_body_bytes: PositiveInt = Field(1_048_576, description="Larger messages are refused.")
    request_ttl: Duration = Field(timedelta(seconds=30), description="How long a request lives.")
    callback_ttl: Duration = Field(
        timedelta(hours=24), description="How long a callback is tried before it is a dead letter."
    )
    signature_validity: Duration = Field(timedelta(minutes=5), description="`expires − created`.")
    key_cache: Duration = Field(timedelta(minutes=10), description="How long a looked-up key is kept.")
    key_watch: bool = Field(
        True, description="Whether the registry's changes are followed, so that a revoked key stops at once."
    )
    key_grace: Duration = Field(
        timedelta(hours=1), description="How much longer, while the registry does not answer."
    )

    workers: bool = Field(True, description="Whether this process also handles and delivers messages.")
    poll_interval: Duration = Field(
        timedelta(seconds=1), description="How often work is looked for without being told."
    )
    lease: Duration = Field(timedelta(seconds=30), description="How long a worker may take for a message.")
    handler_attempts: PositiveInt = Field(5, description="Tries to handle a message before it is given up.")
    concurrency: PositiveInt = Field(16, description="Messages handled, and delivered, at a time.")
    per_peer: PositiveInt | None = Field(
        None, description="Of these, to one peer; half of them if it is not set."
    )
    delivery_timeout: Duration = Field(timedelta(seconds=10), description="How long a peer may take.")
    backoff_first: Duration = Field(timedelta(milliseconds=500), description="Wait after one failure.")
    backoff_longest: Duration = Field(timedelta(minutes=5), description="Wait after many failures.")
