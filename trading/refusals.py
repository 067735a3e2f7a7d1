"""Why a trade is refused: the answers that travel as `error` of a callback.

The codes are the network's (NFH-008), the words are ours. A refusal is final: the same request
would be refused again.
"""

from __future__ import annotations

from kernel.errors import NodeError


class FieldInvalid(NodeError):
    """A field of the order cannot be read."""

    code, http_status, retryable = "SCH_INVALID_FORMAT", 400, False


class FieldMissing(NodeError):
    """The order lacks something that this trade needs."""

    code, http_status, retryable = "SCH_REQUIRED_FIELD_MISSING", 400, False


class FilterUnreadable(NodeError):
    """The filter of a discover cannot be read, or asks for too much work."""

    code, http_status, retryable = "SCH_INVALID_JSONPATH", 400, False


class SearchUnsupported(NodeError):
    """The discover asks for a kind of search that this platform does not have."""

    code, http_status, retryable = "NET_NOT_IMPLEMENTED", 501, False


class ProviderNotFound(NodeError):
    """Nobody of that name sells here."""

    code, http_status, retryable = "BIZ_PROVIDER_NOT_FOUND", 404, False


class ItemNotFound(NodeError):
    """Nothing of that name is sold here."""

    code, http_status, retryable = "BIZ_ITEM_NOT_FOUND", 404, False


class OfferNotFound(NodeError):
    """The item is not sold on those terms."""

    code, http_status, retryable = "BIZ_OFFER_NOT_FOUND", 404, False


class OfferAmbiguous(NodeError):
    """The item is sold on several terms, and the order does not say on which."""

    code, http_status, retryable = "BIZ_OFFER_NOT_FOUND", 409, False


class OrderNotFound(NodeError):
    """The sender has no such order here."""

    code, http_status, retryable = "BIZ_ORDER_NOT_FOUND", 404, False


class UtilityNotAdmitted(NodeError):
    """The buyer is no customer of a utility that the seller trades with."""

    code, http_status, retryable = "POL_ELIGIBILITY_NOT_MET", 409, False


class UtilityRefused(NodeError):
    """A utility does not let the trade pass, and gives no reason of the network's."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class UtilitySilent(NodeError):
    """A utility did not answer in time, or could not be reached."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


class UtilityStillAsked(NodeError):
    """A utility is being asked about an earlier request of the order."""

    code, http_status, retryable = "BIZ_INVALID_STATE_TRANSITION", 409, False


class QuantityUnavailable(NodeError):
    """Less is left than was asked for."""

    code, http_status, retryable = "BIZ_QUANTITY_UNAVAILABLE", 409, False


class QuantityOutOfBounds(NodeError):
    """The offer is not for as little, or as much, as was asked for."""

    code, http_status, retryable = "BIZ_QUANTITY_UNAVAILABLE", 409, False


class ShareUnavailable(NodeError):
    """Less of the seller's meter is left throughout the window than the offer has."""

    code, http_status, retryable = "BIZ_QUANTITY_UNAVAILABLE", 409, False


class MeterSharedOtherwise(NodeError):
    """The seller's meter serves contracts by another rule while this one would run."""

    code, http_status, retryable = "BIZ_FULFILLMENT_UNAVAILABLE", 409, False


class WindowUnavailable(NodeError):
    """The energy is not produced, or no longer, when it was asked for."""

    code, http_status, retryable = "BIZ_FULFILLMENT_UNAVAILABLE", 409, False


class OneItemOnly(NodeError):
    """There can be one item, or one offer, here; several make several lines, or several orders."""

    code, http_status, retryable = "BIZ_GENERIC_ERROR", 409, False


class LinesUnsuitable(NodeError):
    """What the lines of an order are about cannot be sold in one order."""

    code, http_status, retryable = "BIZ_GENERIC_ERROR", 409, False


class LinesDiffer(NodeError):
    """The order has other lines than were agreed."""

    code, http_status, retryable = "BIZ_QUOTE_EXPIRED_OR_CHANGED", 409, False


class LineNotNamed(NodeError):
    """The order has several lines, and what is to be done is done to one of them."""

    code, http_status, retryable = "BIZ_UPDATE_INCONSISTENT", 409, False


class OwnMeter(NodeError):
    """Buyer and seller are behind the same meter."""

    code, http_status, retryable = "POL_ELIGIBILITY_NOT_MET", 409, False


class OtherMeter(NodeError):
    """The order names a meter, and the energy is counted by the seller's alone."""

    code, http_status, retryable = "POL_ELIGIBILITY_NOT_MET", 409, False


class QuoteExpired(NodeError):
    """What was quoted or held no longer holds."""

    code, http_status, retryable = "BIZ_QUOTE_EXPIRED_OR_CHANGED", 409, False


class QuoteChanged(NodeError):
    """The order differs from what was agreed."""

    code, http_status, retryable = "BIZ_QUOTE_EXPIRED_OR_CHANGED", 409, False


class PriceMismatch(NodeError):
    """The order names another price than the one that was quoted."""

    code, http_status, retryable = "BIZ_PRICE_MISMATCH", 409, False


class AlreadyConfirmed(NodeError):
    """The transaction has a binding contract already."""

    code, http_status, retryable = "BIZ_ALREADY_CONFIRMED", 409, False


class AlreadyCancelled(NodeError):
    """The contract was ended before."""

    code, http_status, retryable = "BIZ_ALREADY_CANCELLED", 409, False


class CancellationNotAllowed(NodeError):
    """The contract is fulfilled; there is nothing left to cancel."""

    code, http_status, retryable = "POL_CANCELLATION_NOT_ALLOWED", 409, False


class UpdateNotAllowed(NodeError):
    """It is too late to change the contract."""

    code, http_status, retryable = "POL_UPDATE_NOT_ALLOWED", 409, False


class UpdateInconsistent(NodeError):
    """The update would make another order of it."""

    code, http_status, retryable = "BIZ_UPDATE_INCONSISTENT", 409, False


class UpdateTargetInvalid(NodeError):
    """That part of the contract cannot be changed."""

    code, http_status, retryable = "BIZ_INVALID_UPDATE_TARGET", 409, False


class RatingTargetNotFound(NodeError):
    """The sender never bought what it rates."""

    code, http_status, retryable = "BIZ_RATING_TARGET_NOT_FOUND", 404, False


class RatingValueInvalid(NodeError):
    """The rating lies outside its own scale."""

    code, http_status, retryable = "BIZ_INVALID_RATING_VALUE", 400, False


class SupportUnavailable(NodeError):
    """Nobody is named whom one could ask."""

    code, http_status, retryable = "BIZ_SUPPORT_NOT_AVAILABLE", 404, False


class PaymentNotOffered(NodeError):
    """The offer is not paid in the way that was asked for."""

    code, http_status, retryable = "BIZ_PAYMENT_NOT_SUPPORTED", 409, False


class DepositInsufficient(NodeError):
    """The buyer has to pay ahead, and its deposit does not reach."""

    code, http_status, retryable = "BIZ_PAYMENT_FAILED", 409, False
