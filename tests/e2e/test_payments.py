"""A deposit is paid through the sandbox rail of a running platform, which then tells by its webhook."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import httpx

from bpp.payments.notice_signature import SIGNATURE_HEADER, sign_notice
from kernel.clock import SystemClock, format_instant
from node.api_keys import HEADER
from tests.support.network import solar_market
from tests.support.processes import eventually

SECRET = "a secret of the rail and us"
SETTINGS = {"bpp": {"DEGNODE_PAYMENT_RAIL": "sandbox", "DEGNODE_PAYMENT_WEBHOOK_SECRET": SECRET}}


async def test_a_deposit_is_captured_by_a_job_and_settled_by_a_signed_notice(tmp_path: Path) -> None:
    async with (
        solar_market(tmp_path, settings=SETTINGS) as network,
        httpx.AsyncClient(base_url=network.bpp.url, headers={HEADER: network.api_key}) as operator,
    ):
        payment = str(uuid4())
        form = {"id": payment, "payer": "bap.example", "amount_minor": 5_000, "currency": "USD"}
        assert (await operator.post("/api/v1/payments", json=form)).status_code == 201

        async def is_captured() -> bool:
            found = await operator.get(f"/api/v1/payments/{payment}")
            return bool(found.json()["status"] == "CAPTURED")

        await eventually(is_captured, what="the rail is asked")
        now = SystemClock().now()
        notice = {"event_id": "e-1", "payment": payment, "status": "SETTLED", "at": format_instant(now)}
        body = json.dumps(notice).encode()
        signed = {SIGNATURE_HEADER: sign_notice(body, secret=SECRET, at=now)}
        async with httpx.AsyncClient(base_url=network.bpp.url) as rail:
            unsigned = await rail.post("/payments/notices/sandbox", content=body)
            assert unsigned.status_code == 401
            taken = await rail.post("/payments/notices/sandbox", content=body, headers=signed)
            assert (taken.status_code, taken.json()["verdict"]) == (200, "APPLIED")
        assert (await operator.get(f"/api/v1/payments/{payment}")).json()["status"] == "SETTLED"
