"""How an order is to be paid, and the code that makes it cheaper: beside the order's other fields.

v1.1 says by the `type` of its first payment when that is due; nothing else has a place in any generation, so
it rides where further keys are allowed: as tags of the order in v1.1, as `beckn:purchaseTerms` of the order's
line in 2.0 RC, as `purchaseTerms` of the commitment in LTS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from trading.fields import Field, Paths
from trading.mapping.find import Json, find_text, without_none
from trading.refusals import FieldInvalid
from trading.request import OrderRequest
from trading.terms import PaymentTiming, Terms

_PAYMENT: Final = "payment"
_CODE: Final = "promotionCode"
_LONGEST_CODE: Final = 64
"""Characters; no offer has a longer code."""


class AskedTerms(TypedDict):
    """The fields of an order that stand there."""

    payment: PaymentTiming | None
    code: str | None


def read_asked_terms(bag: Mapping[str, Any], paths: Paths) -> AskedTerms:
    """Return what a buyer asks for. Raises: FieldInvalid."""
    payment, code = bag.get(_PAYMENT), bag.get(_CODE)
    if payment is not None and not (isinstance(payment, str) and payment in _TIMINGS):
        raise FieldInvalid(
            "no such way of paying", path=paths[Field.PAYMENT], hint=f"Name one of {', '.join(_TIMINGS)}."
        )
    if code is not None and not (isinstance(code, str) and 0 < len(code) <= _LONGEST_CODE):
        raise FieldInvalid(f"a code is text of at most {_LONGEST_CODE} characters", path=paths[Field.CODE])
    return AskedTerms(payment=None if payment is None else _TIMINGS[payment], code=code)


def write_asked_terms(request: OrderRequest, sent: Mapping[str, Any]) -> Json | None:
    """Return what is asked for over what the buyer sent, None if that is nothing."""
    payment = request.payment and request.payment.name
    return (dict(sent) | without_none({_PAYMENT: payment, _CODE: request.code})) or None


def write_agreed_terms(sent: Mapping[str, Any], terms: Terms) -> Json:
    """Return what was agreed over what the buyer sent; nothing if it sent nothing and pays as usual."""
    if not sent and terms.payment is PaymentTiming.POSTPAID:
        return {}
    return dict(sent) | {_PAYMENT: terms.payment.name}


def find_payment(bag: Mapping[str, Any]) -> PaymentTiming | None:
    """Return how an order says that it is paid, None if it does not say so in a known way."""
    return _TIMINGS.get(find_text(bag, _PAYMENT) or "")


_TIMINGS: Final = {timing.name: timing for timing in PaymentTiming}
