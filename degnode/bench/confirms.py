"""Signed confirms of about five kilobytes, one for each generation: what the wire is measured with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import simplejson

from degnode.demo.scenario import SOURCE_METER, TARGET_METER
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from protocol.actions import Action
from protocol.context import Context, write_context
from protocol.profile import Profile
from protocol.signing import Signer
from trading.contract import Contract
from trading.delivery import ContractView, Delivery, DeliveryStatus, Row, flow_between
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.offer import DeliveryMode, EnergySource, SourceType
from trading.terms import Price, PricingModel, SettlementType, Terms, Wheeling

_USD: Final = Currency("USD")
_QUANTITY: Final = Energy(10_000)
_BYTES: Final = 5_000
_BAP_URL: Final = "https://bap.example.com"
_TRANSACTION_ID: Final = "0c2a7f4e-9a51-4e0f-8a10-5b1d0c1f7a11"
_STEP: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedConfirm:
    """A confirm as it comes in: its bytes and the header that signs them."""

    profile: Profile
    body: bytes
    authorization: str


def signed_confirm(profile: Profile, *, signer: Signer, now: datetime) -> SignedConfirm:
    """Return a confirm of that generation: an order with as many readings as make five kilobytes."""
    rows = 1
    while len(body := _body(profile, signer, now, rows=rows)) < _BYTES:
        rows += 1
    authorization = signer.sign(body, now=now, label=profile.digest_labels[0])
    return SignedConfirm(profile=profile, body=body, authorization=authorization)


def _body(profile: Profile, signer: Signer, now: datetime, *, rows: int) -> bytes:
    wire = wire_of(profile.name)
    context = Context(
        action=profile.wire_names[Action.CONFIRM],
        domain="beckn.one:deg:p2p-trading:2.0.0",
        version=profile.version,
        bap_id=signer.subscriber_id,
        bap_uri=_BAP_URL,
        bpp_id="bpp.example.com",
        bpp_uri="https://bpp.example.com",
        transaction_id=_TRANSACTION_ID,
        message_id="5f1a2e9c-3a77-4d2b-9f5c-7c1d2b3a4e55",
        timestamp=now,
        ttl=timedelta(hours=1),
    )
    order = wire.write_contract_order(_view(profile, signer, now, rows=rows))
    document = {"context": write_context(context, profile), "message": {wire.ORDER_KEY: order}}
    return simplejson.dumps(document, use_decimal=True, separators=(",", ":")).encode()


def _view(profile: Profile, signer: Signer, now: datetime, *, rows: int) -> ContractView:
    start = now.replace(microsecond=0)
    window = Interval(start, start + timedelta(hours=12))
    counted: list[Row] = [
        (start + number * _STEP, Energy(100 * number), Energy(100 * number)) for number in range(rows)
    ]
    contract = Contract(
        id="b8f6d3a2-5c1e-4f7a-9d2b-1e3c5a7b9d11",
        transaction_id=_TRANSACTION_ID,
        bap_id=signer.subscriber_id,
        bap_url=_BAP_URL,
        buyer_id="mill-lane-bakery",
        provider_id="mill-lane-rooftop",
        resource_id="mill-lane-noon",
        offer_id="noon-by-the-kwh",
        offer_name="Noon sun, by the kilowatt-hour",
        profile=profile.name,
        source=EnergySource(
            source_type=SourceType.SOLAR, delivery_mode=DeliveryMode.GRID_INJECTION, meter_id=SOURCE_METER
        ),
        target_meter=TARGET_METER,
        quantity=_QUANTITY,
        window=window,
        terms=Terms(
            price=Price(per_kwh=Money(15, _USD).amount, currency=_USD),
            pricing_model=PricingModel.PER_KWH,
            settlement_type=SettlementType.DAILY,
            wheeling=Wheeling(utility_name="Valley Grid", amount=Money(250, _USD)),
        ),
        zone="America/Denver",
        status=ContractStatus.PENDING,
        created_at=start,
        updated_at=start,
        hold_until=start + timedelta(minutes=15),
    )
    delivery = Delivery(
        status=DeliveryStatus.PENDING,
        delivered=Energy(0),
        window=window,
        ended=False,
        readings=flow_between(counted, most=_QUANTITY),
    )
    return ContractView(contract=contract, delivery=delivery)
