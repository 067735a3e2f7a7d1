"""THE TABLE of error codes: what each means, which layer finds it, and whether to try again.

Sources: NFH-008 "Handling Exceptions and Errors" for the codes of v2, BECKN-005 for the numbers of v1.
The codes are the network's, the words are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Layer(StrEnum):
    """Who finds an error, in the order in which they look: what the first finds, the next never sees.

    CTX, NET, AUT and SCH speak in the answer; POL and BIZ after an ACK, in the callback. Of AUT the
    signature comes first of all here, for nothing is read of bytes that nobody answers for.
    """

    CTX = "CTX"  # the envelope: who speaks to whom, about what, until when
    NET = "NET"  # the network, or the node that answers, is at fault
    AUT = "AUT"  # who signed, and what they may do
    SCH = "SCH"  # the form of the message
    POL = "POL"  # the rules of the network, the law or the operator
    BIZ = "BIZ"  # the trade itself


@dataclass(frozen=True, slots=True)
class Code:
    """One error of the network; `http_status` is what usually goes with it in an answer."""

    name: str
    http_status: int
    meaning: str
    retryable: bool = False

    @property
    def layer(self) -> Layer:
        return Layer(self.name.partition("_")[0])


_TABLE: Final = (
    Code("CTX_MISSING_FIELD", 400, "The context lacks a field that must be there."),
    Code("CTX_INVALID_FIELD", 400, "A field of the context holds what it must not hold."),
    Code("CTX_ACTION_MISMATCH", 400, "The context names another action than the path."),
    Code("CTX_VERSION_UNSUPPORTED", 400, "The receiver does not speak this version."),
    Code("CTX_TTL_EXPIRED", 400, "The message came after its time to live."),
    Code("CTX_MESSAGE_ID_DUPLICATE", 409, "The message id was used before, for something else."),
    Code("CTX_TRANSACTION_ID_UNKNOWN", 400, "The receiver has no such transaction."),
    Code("CTX_CALLBACK_URL_MISSING", 400, "There is no address to send the callback to."),
    Code("CTX_INVALID_BPP_URI", 400, "The seller's address is none."),
    Code("NET_TIMEOUT", 504, "Something took too long.", retryable=True),
    Code("NET_DOWNSTREAM_UNAVAILABLE", 503, "Somebody whom the receiver needs is away.", retryable=True),
    Code("NET_CALLBACK_FAILED", 502, "The callback could not be delivered.", retryable=True),
    Code("NET_ACK_TIMEOUT", 504, "No answer came in time.", retryable=True),
    Code("NET_OVERLOADED", 503, "The receiver has too much to do at present.", retryable=True),
    Code("NET_INTERNAL_ERROR", 500, "The receiver broke.", retryable=True),
    Code("NET_NOT_IMPLEMENTED", 501, "The receiver does not do this."),
    Code("NET_CATALOG_SOURCE_UNAVAILABLE", 503, "Nobody can be asked for the catalogue.", retryable=True),
    Code("NET_CATALOG_STALE", 503, "The catalogue is older than it may be.", retryable=True),
    Code("AUT_SIGNATURE_MISSING", 401, "The message is not signed."),
    Code("AUT_SIGNATURE_INVALID", 401, "The signature cannot be read, has lapsed, or does not fit."),
    Code("AUT_SUBSCRIBER_NOT_FOUND", 401, "The registry does not know the signer."),
    Code("AUT_KEY_NOT_FOUND", 401, "The registry knows the signer, but not this key."),
    Code("AUT_KEY_EXPIRED_OR_REVOKED", 401, "The key was not valid when it signed."),
    Code("AUT_UNAUTHORIZED_ACTION", 403, "The signer may not do this."),
    Code("AUT_DOMAIN_NOT_ALLOWED", 403, "The signer is not admitted to this domain or network."),
    Code("AUT_REPLAY_DETECTED", 401, "Somebody sent a message again that was not theirs to send."),
    Code("AUT_RATE_LIMITED", 429, "The signer sends more than it may.", retryable=True),
    Code("SCH_INVALID_JSON", 400, "The body is no JSON object."),
    Code("SCH_SCHEMA_VALIDATION_FAILED", 400, "The message breaks the schema of its action."),
    Code("SCH_REQUIRED_FIELD_MISSING", 400, "A field is missing."),
    Code("SCH_FIELD_NOT_ALLOWED", 400, "A field is there that must not be."),
    Code("SCH_INVALID_ENUM", 400, "A value is none of those to choose from."),
    Code("SCH_INVALID_FORMAT", 400, "A value is not written as it must be."),
    Code("SCH_INVALID_JSONPATH", 400, "A JSONPath expression cannot be read."),
    Code("SCH_INVALID_JSONLD_CONTEXT", 400, "A JSON-LD context is wrong, or cannot be had."),
    Code("SCH_TYPE_NOT_SUPPORTED", 400, "The receiver does not know this type."),
    Code("SCH_ATTRIBUTE_PACK_INVALID", 400, "A bag of attributes breaks the rules of its pack."),
    Code("SCH_INVALID_ENTITY_TYPE", 400, "The search asks for a kind of thing that there is not."),
    Code("SCH_SCHEMA_ADAPTATION_FAILED", 400, "The catalogue could not be brought into the wanted form."),
    Code("POL_CANCELLATION_NOT_ALLOWED", 409, "The terms do not let this be cancelled."),
    Code("POL_UPDATE_NOT_ALLOWED", 409, "The terms do not let this be changed."),
    Code("POL_GEO_RESTRICTED", 403, "This is not to be had there."),
    Code("POL_ELIGIBILITY_NOT_MET", 409, "The party does not qualify."),
    Code("POL_KYC_REQUIRED", 403, "The party must first show who it is."),
    Code("POL_CONSENT_REQUIRED", 403, "Somebody must first consent."),
    Code("POL_SANCTIONED_PARTY", 403, "Nobody may trade with this party."),
    Code("POL_CALLER_TRUST_INSUFFICIENT", 403, "The receiver does not trust the signer enough."),
    Code("POL_NP_CAPACITY_EXCEEDED", 429, "The receiver takes no more for now.", retryable=True),
    Code("POL_NP_DORMANT", 503, "The receiver is closed at this hour.", retryable=True),
    Code("POL_ENGAGEMENT_REFUSED", 403, "The receiver does not wish to trade, and does not say why."),
    Code("POL_GENERIC_ERROR", 400, "Some other rule stands against it."),
    Code("BIZ_PROVIDER_NOT_FOUND", 404, "There is no such provider."),
    Code("BIZ_LOCATION_NOT_FOUND", 404, "The provider has no such place."),
    Code("BIZ_CATEGORY_NOT_FOUND", 404, "There is no such category."),
    Code("BIZ_ITEM_NOT_FOUND", 404, "There is no such item."),
    Code("BIZ_OFFER_NOT_FOUND", 404, "There is no such offer, or it has ended."),
    Code("BIZ_ADDON_NOT_FOUND", 404, "There is no such add-on."),
    Code("BIZ_ORDER_NOT_FOUND", 404, "There is no such order."),
    Code("BIZ_QUANTITY_UNAVAILABLE", 409, "There is not that much left."),
    Code("BIZ_FULFILLMENT_UNAVAILABLE", 409, "It cannot be delivered in that way or at that time."),
    Code("BIZ_QUOTE_EXPIRED_OR_CHANGED", 409, "The quote no longer stands."),
    Code("BIZ_PRICE_MISMATCH", 409, "The prices of the two sides differ."),
    Code("BIZ_PAYMENT_NOT_SUPPORTED", 409, "It cannot be paid in that way."),
    Code("BIZ_PAYMENT_FAILED", 409, "The payment did not go through."),
    Code("BIZ_TRACKING_NOT_SUPPORTED", 409, "The delivery cannot be followed."),
    Code("BIZ_SUPPORT_NOT_AVAILABLE", 404, "Nobody can be asked for help."),
    Code("BIZ_NO_RESULTS_FOUND", 404, "Nothing matches the search."),
    Code("BIZ_INVALID_STATE_TRANSITION", 409, "The order is not in a state for this."),
    Code("BIZ_ALREADY_CANCELLED", 409, "The order was cancelled before."),
    Code("BIZ_ALREADY_CONFIRMED", 409, "The order was confirmed before."),
    Code("BIZ_UPDATE_INCONSISTENT", 409, "The parts of the update do not go together."),
    Code("BIZ_INVALID_UPDATE_TARGET", 400, "The update names nothing that can be changed."),
    Code("BIZ_INVALID_CANCELLATION_REASON", 400, "The reason is none of those to choose from."),
    Code("BIZ_RATING_TARGET_NOT_FOUND", 404, "There is nothing of that name to rate."),
    Code("BIZ_INVALID_RATING_VALUE", 400, "The rating is outside its scale."),
    Code("BIZ_GENERIC_ERROR", 409, "The trade failed for some other reason."),
)

CODES: Final = {code.name: code for code in _TABLE}
GENERIC: Final = "BIZ_GENERIC_ERROR"
"""What stands above an error that the network has no code for; that one is told as its cause."""

V1_CODES: Final = {
    "30000": "SCH_SCHEMA_VALIDATION_FAILED",
    "30001": "BIZ_PROVIDER_NOT_FOUND",
    "30002": "BIZ_LOCATION_NOT_FOUND",
    "30004": "BIZ_ITEM_NOT_FOUND",
    "30005": "BIZ_CATEGORY_NOT_FOUND",
    "30003": "BIZ_CATEGORY_NOT_FOUND",
    "30006": "BIZ_OFFER_NOT_FOUND",
    "30007": "BIZ_ADDON_NOT_FOUND",
    "30008": "BIZ_FULFILLMENT_UNAVAILABLE",
    "30009": "BIZ_FULFILLMENT_UNAVAILABLE",
    "30010": "BIZ_ORDER_NOT_FOUND",
    "30011": "BIZ_INVALID_CANCELLATION_REASON",
    "30012": "BIZ_INVALID_UPDATE_TARGET",
    "30013": "BIZ_UPDATE_INCONSISTENT",
    "30014": "BIZ_RATING_TARGET_NOT_FOUND",
    "30015": "BIZ_INVALID_RATING_VALUE",
    "40000": "BIZ_GENERIC_ERROR",
    "40001": "NET_NOT_IMPLEMENTED",
    "40002": "BIZ_QUANTITY_UNAVAILABLE",
    "40003": "BIZ_QUOTE_EXPIRED_OR_CHANGED",
    "40004": "BIZ_PAYMENT_NOT_SUPPORTED",
    "40005": "BIZ_TRACKING_NOT_SUPPORTED",
    "40006": "BIZ_FULFILLMENT_UNAVAILABLE",
    "50000": "POL_GENERIC_ERROR",
    "50001": "POL_CANCELLATION_NOT_ALLOWED",
    "50002": "POL_UPDATE_NOT_ALLOWED",
    "50003": "BIZ_RATING_TARGET_NOT_FOUND",
    "50004": "BIZ_SUPPORT_NOT_AVAILABLE",
}
"""The numbers of v1 and what they are called since; where two mean the same, the first is sent."""

_NUMBER_OF: Final = {name: number for number, name in reversed(V1_CODES.items())}
_NUMBER_OF_LAYER: Final = {
    Layer.CTX: "30000",
    Layer.NET: "40000",
    Layer.AUT: "30000",
    Layer.SCH: "30000",
    Layer.POL: "50000",
    Layer.BIZ: "40000",
}


def number_of(name: str) -> str:
    """Return the number that v1 has for a code of the table, or the one for all of its layer."""
    return _NUMBER_OF.get(name) or _NUMBER_OF_LAYER[CODES[name].layer]


def is_retryable(name: str) -> bool:
    """Say whether what failed with this code may be sent again as it was; an unknown one may not."""
    code = CODES.get(name)
    return code is not None and code.retryable
