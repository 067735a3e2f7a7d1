"""Wire profiles: what differs between generations of the protocol, as data.

A generation is a row of `PROFILES`, a folder of schemas and a folder of mappings; no code asks for
a version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from protocol.actions import PUBLISHING, Action, Role


class AckShape(StrEnum):
    """How the synchronous answer is written."""

    RC = "rc"  # {transaction_id, timestamp, ack_status, error?}
    V1 = "v1"  # {message: {ack: {status}}, error?}
    LTS = "lts"  # {status, error?}
    NFH = "nfh"  # {message: {status, messageId, error?}}


class ErrorShape(StrEnum):
    """How an error is written, in answers and in callbacks."""

    V1 = "v1"  # {code, paths, message}; codes are numbers
    RC = "rc"  # {code, message, details}
    LTS = "lts"  # {errorCode, errorMessage}
    NFH = "nfh"  # {code, message, details}


class Binding(StrEnum):
    """What the fourth line of a solicited callback's signature repeats of the request."""

    NONE = "none"  # there is no fourth line
    SIGNATURE = "signature"  # the base64 of the request's signature
    HEADER = "header"  # the request's whole Authorization header


class NetworkIds(StrEnum):
    """How the networks stand in `context` that a message belongs to."""

    NONE = "none"  # they do not
    LIST = "list"
    ONE = "one"  # as text


class AckSignature(StrEnum):
    """How a synchronous answer is signed."""

    NONE = "none"
    HEADER = "header"  # HTTP header Signature, over the answer's body and the request's signature
    COUNTER = "counter"  # in the body, as a CounterSignature


_ADAPTER_ACKS: Final = {
    AckShape.V1: AckShape.V1,
    AckShape.RC: AckShape.NFH,
    AckShape.LTS: AckShape.NFH,
    AckShape.NFH: AckShape.NFH,
}
"""What the common adapter answers with instead: it knows two shapes only."""


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
    network_id: str = "network_id"

    def id_of(self, role: Role) -> str:
        return self.bap_id if role is Role.BAP else self.bpp_id

    def uri_of(self, role: Role) -> str:
        return self.bap_uri if role is Role.BAP else self.bpp_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One generation of the wire.

    `schemas` names the folder of its JSON Schemas; `version` is what its messages say, `versions`
    what is taken beside it; of `digest_labels` the first is sent, all are accepted.
    `wire_names` has the actions that it knows; their paths are called like them, save those in `paths`,
    and messages may say `other_names` too.
    `through_gateways` says that a gateway may sign beside the sender. `context_keys` and
    `message_keys` are keys of `context` and `message` that only this generation has; `key_marks` are
    beginnings of keys anywhere near the top of `message`.
    """

    name: str
    schemas: str
    version: str
    versions: frozenset[str]
    path_prefix: str
    keys: ContextKeys
    ack: AckShape
    error: ErrorShape
    digest_labels: tuple[str, ...]
    binding: Binding
    ack_signature: AckSignature
    through_gateways: bool
    network_ids: NetworkIds
    wire_names: Mapping[Action, str]
    paths: Mapping[Action, str]
    other_names: Mapping[Action, frozenset[str]]
    context_keys: frozenset[str]
    message_keys: frozenset[str]
    key_marks: tuple[str, ...]

    def speaks(self, action: Action) -> bool:
        """Say whether this generation has `action`."""
        return action in self.wire_names

    def path_of(self, action: Action) -> str:
        """Return the path that `action` is posted to, relative to a subscriber's URL."""
        return f"{self.path_prefix}/{self.name_in_path(action)}"

    def name_in_path(self, action: Action) -> str:
        """Return the path of `action` without what all paths begin with."""
        return self.paths.get(action, self.wire_names[action])

    def schema_of(self, action: Action) -> str:
        """Return the name of the schema of `action`: its path, as file names write it."""
        return self.name_in_path(action).replace("/", "_")

    def behind_adapter(self) -> Profile:
        """Return this profile as the common adapter speaks it: its own paths and answers."""
        return replace(self, path_prefix="", ack=_ADAPTER_ACKS[self.ack])

    def url_of(self, action: Action, base: str) -> str:
        """Return where `action` is posted to at a subscriber of URL `base`.

        An adapter's own paths stand in for the generation's prefix, and a base may end with it.
        """
        base = base.rstrip("/")
        prefix = "" if base.endswith(ADAPTER_PATHS) else self.path_prefix
        return f"{base.removesuffix(prefix)}{prefix}/{self.name_in_path(action)}"

    def names_action(self, name: object) -> bool:
        """Say whether this generation has an action of that name."""
        names = self.other_names.values()
        return isinstance(name, str) and (
            name in self.wire_names.values() or any(name in others for others in names)
        )

    def names_of(self, action: Action) -> frozenset[str]:
        """Return what the context may call `action`; nothing if this generation does not have it."""
        if action not in self.wire_names:
            return frozenset()
        return self.other_names.get(action, frozenset()) | {self.wire_names[action]}

    def has_version(self, version: object) -> bool:
        """Say whether messages of this generation may say that version."""
        return isinstance(version, str) and version in self.versions

    def action_called(self, name: str) -> Action | None:
        """Return the action that this generation calls `name`."""
        return next(
            (
                action
                for action in self.wire_names
                if name in self.names_of(action) or name == self.name_in_path(action)
            ),
            None,
        )

    def routes(self) -> Mapping[str, Action]:
        """Return every path of this profile with its action."""
        return {self.path_of(action): action for action in self.wire_names}


ADAPTER_PATHS: Final = ("/bap/receiver", "/bpp/receiver")
"""What the URLs of subscribers behind the common adapter end with; actions follow at once."""

_NAMES: Final = {action: action.value for action in Action}
_TRADE_NAMES: Final = {
    action: name for action, name in _NAMES.items() if action not in (PUBLISHING.request, PUBLISHING.callback)
}
_CATALOG_PATHS: Final = {
    PUBLISHING.request: "catalog/publish",
    PUBLISHING.callback: "catalog/on_publish",
}
DIGEST_LABELS: Final = ("BLAKE-512", "BLAKE2b-512")
"""What the digest line of a signature may start with; the first is sent."""

V1_1: Final = Profile(
    name="v1_1",
    schemas="v1_1",
    version="1.1.0",
    versions=frozenset({"1.0.0", "1.1.0", "1.1.1"}),
    path_prefix="",
    keys=ContextKeys(),
    ack=AckShape.V1,
    error=ErrorShape.V1,
    digest_labels=DIGEST_LABELS,
    binding=Binding.NONE,
    ack_signature=AckSignature.NONE,
    through_gateways=True,
    network_ids=NetworkIds.NONE,
    wire_names=_TRADE_NAMES | {Action.DISCOVER: "search", Action.ON_DISCOVER: "on_search"},
    paths={},
    other_names={},
    context_keys=frozenset({"country", "city", "core_version"}),
    message_keys=frozenset(
        {"catalog", "order_id", "update_target", "cancellation_reason_id", "feedback_form"}
    ),
    key_marks=(
        *("rating_category", "ref_id", "callback_", "cancellation", "created_at"),
        *("billing", "fulfillment", "item", "payment", "quote"),
    ),
)

V2_RC: Final = Profile(
    name="v2_rc",
    schemas="v2_rc",
    version="2.0.0",
    versions=frozenset({"2.0.0"}),
    path_prefix="/beckn",
    keys=ContextKeys(),
    ack=AckShape.RC,
    error=ErrorShape.RC,
    digest_labels=DIGEST_LABELS,
    binding=Binding.SIGNATURE,
    ack_signature=AckSignature.HEADER,
    through_gateways=False,
    network_ids=NetworkIds.LIST,
    wire_names=_NAMES,
    paths=_CATALOG_PATHS,
    other_names={},
    context_keys=frozenset({"schema_context", "network_id"}),
    message_keys=frozenset(
        {"text_search", "filters", "spatial", "media_search", "refType", "aggregate", "feedbackForm"}
    ),
    key_marks=("beckn:", "@", "ratingValue", "catalog_id", "item_count", "callbackUrl", "mode_hint"),
)

V2_LTS: Final = Profile(
    name="v2_lts",
    schemas="v2_lts",
    version="2.0.0",
    versions=frozenset({"2.0.0"}),
    path_prefix="",
    keys=ContextKeys(
        bap_id="bapId",
        bap_uri="bapUri",
        bpp_id="bppId",
        bpp_uri="bppUri",
        transaction_id="transactionId",
        message_id="messageId",
        network_id="networkId",
    ),
    ack=AckShape.NFH,
    error=ErrorShape.NFH,
    digest_labels=DIGEST_LABELS,
    binding=Binding.SIGNATURE,
    ack_signature=AckSignature.HEADER,
    through_gateways=False,
    network_ids=NetworkIds.ONE,
    wire_names=_NAMES | _CATALOG_PATHS | {Action.RATING: "rate", Action.ON_RATING: "on_rate"},
    paths=_CATALOG_PATHS,
    other_names={action: frozenset({action.value}) for action in _CATALOG_PATHS},
    context_keys=frozenset({"schemaContext", "networkId", "requestDigest"}),
    message_keys=frozenset({"contract", "ratingInputs"}),
    key_marks=(
        *("contractAttributes", "commitments", "consideration", "performance", "settlements"),
        *("resource", "textSearch", "mediaSearch", "trackingAttributes", "isActive", "orderId"),
        *("range", "feedbackFormSubmission"),
    ),
)

PROFILES: Final = {profile.name: profile for profile in (V1_1, V2_RC, V2_LTS)}
