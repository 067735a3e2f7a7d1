"""The parties of a trade, and a ledger that they call over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import simplejson
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from bpp.api.signed_calls import SignedCalls
from bpp.api.trade_records import trade_record_router
from kernel.clock import ManualClock
from node.peer_gate import PeerGate
from node.rate_limit import PeerRates
from protocol.keys import new_private_key
from protocol.signing import Signer, digest
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.keyrings import ring_of
from tests.support.subscribers import CountingDirectory, record

BUYER, SELLER = "bap.buyer-platform.example", "bpp.seller-platform.example"
BUYER_DISCOM, SELLER_DISCOM = "discom-a.example", "discom-b.example"
STRANGER: Final = "stranger.example"
START: Final = datetime(2026, 1, 15, 10, 20, 31, tzinfo=UTC)
KEY: Final = {"transactionId": "tx-123", "orderItemId": "item-1"}
PUT: Final[dict[str, Any]] = {
    "role": "BUYER",
    **KEY,
    "platformIdBuyer": BUYER,
    "platformIdSeller": SELLER,
    "discomIdBuyer": BUYER_DISCOM,
    "discomIdSeller": SELLER_DISCOM,
    "buyerId": "CA-0000123",
    "sellerId": "DER-9981",
    "tradeTime": "2026-01-15T10:20:30Z",
    "tradeDetails": [{"tradeType": "ENERGY", "tradeQty": 12.5, "tradeUnit": "KWH"}],
}
ACTUALS: Final[dict[str, Any]] = {
    "role": "BUYER_DISCOM",
    **KEY,
    "buyerFulfillmentValidationMetrics": [
        {"validationMetricType": "ACTUAL_PULLED", "validationMetricValue": 11.9}
    ],
    "statusBuyerDiscom": "COMPLETED",
}


class TradeLedger:
    """The ledger's paths, called by whoever is asked for."""

    def __init__(self, uow_factory: UnitOfWorkFactory) -> None:
        self.clock = ManualClock(START)
        names = (BUYER, SELLER, BUYER_DISCOM, SELLER_DISCOM, STRANGER)
        self._signers = {
            name: Signer(subscriber_id=name, key_id="k1", private_key=new_private_key()) for name in names
        }
        directory = CountingDirectory(
            *(
                record(subscriber_id=name, signing_public_key=signer.private_key.public_key)
                for name, signer in self._signers.items()
            )
        )
        calls = SignedCalls(
            keyring=ring_of(directory, self.clock),
            gate=PeerGate(uow_factory),
            rates=PeerRates(0),
            clock=self.clock,
            max_body_bytes=10_000,
        )
        app = FastAPI()
        app.include_router(trade_record_router(calls, uow_factory=uow_factory, clock=self.clock))
        self._client = AsyncClient(transport=ASGITransport(app), base_url="http://ledger.example")

    async def call(
        self, path: str, body: Mapping[str, Any], *, by: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        raw = simplejson.dumps(body, use_decimal=True).encode()
        signature = self._signers[by].sign(raw, now=self.clock.now(), label="BLAKE-512")
        own = {"Authorization": signature, "Digest": f"BLAKE-512={digest(raw)}"}
        return await self._client.post(f"/ledger/{path}", content=raw, headers={**own, **(headers or {})})

    async def get(self, by: str, **filters: Any) -> list[dict[str, Any]]:
        answer = await self.call("get", filters, by=by)
        assert answer.status_code == 200, answer.text
        found = simplejson.loads(answer.text, use_decimal=True)
        assert found["count"] == len(found["records"])
        records: list[dict[str, Any]] = found["records"]
        return records
