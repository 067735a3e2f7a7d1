"""Wire profiles: what differs between generations of the protocol, as data.

A generation is a row here and a folder of schemas; no code asks for a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from protocol.actions import Action


class AckShape(StrEnum):
    """How the synchronous answer is written."""

    RC = "rc"  # {transaction_id, timestamp, ack_status, error?}
    V1 = "v1"  # {message: {ack: {status}}, error?}
    LTS = "lts"  # {status, error?}
    NFH = "nfh"  # {message: {status, messageId, error?}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextKeys:
    """The names that a generation gives to the fields of `context`."""

    action: str = "action"
    domain: str = "domain"
    version: str = "version"
    timestamp: str = "timestamp"
    ttl: str = "ttl"
    bap_id: str = "bap_id"
    bap_uri: str = "bap_uri"
    bpp_id: str = "bpp_id"
    bpp_uri: str = "bpp_uri"
    transaction_id: str = "transaction_id"
    message_id: str = "message_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One generation of the wire.

    `schemas` names the folder of its JSON Schemas, `digest_labels` the labels of the digest
    line (the first is sent, all are accepted).
    """

    name: str
    schemas: str
    version: str
    path_prefix: str
    keys: ContextKeys
    ack: AckShape
    digest_labels: tuple[str, ...]
    wire_names: Mapping[Action, str]

    def path_of(self, action: Action) -> str:
        """Return the path that `action` is posted to, relative to a subscriber's URL."""
        return f"{self.path_prefix}/{self.wire_names[action]}"

    def routes(self) -> Mapping[str, Action]:
        """Return every path of this profile with its action."""
        return {self.path_of(action): action for action in self.wire_names}


V2_RC: Final = Profile(
    name="v2_rc",
    schemas="v2_rc",
    version="2.0.0",
    path_prefix="/beckn",
    keys=ContextKeys(),
    ack=AckShape.RC,
    digest_labels=("BLAKE-512", "BLAKE2b-512"),
    wire_names={action: action.value for action in Action},
)

PROFILES: Final = {profile.name: profile for profile in (V2_RC,)}
