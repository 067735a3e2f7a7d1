"""Whether a seller's platform has its bills paid: only through a rail that it was told of."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from degnode.roles.bpp import SellerSettings
from degnode.roles.payments import PaymentParts, PaymentSettings, payment_parts
from kernel.clock import SystemClock
from storage.unit_of_work import UnitOfWorkFactory

NEEDED = {
    "subscriber_id": "bpp.example",
    "public_url": "https://bpp.example",
    "registry_url": "https://registry.example",
}
SECRET = "0123456789abcdef"


def parts(**values: Any) -> PaymentParts:
    settings = PaymentSettings.model_validate({**NEEDED, **values})
    return payment_parts(settings, uow_factory=cast("UnitOfWorkFactory", None), clock=SystemClock())


def paths(**values: Any) -> set[str]:
    app = FastAPI()
    for router in parts(**values).routers:
        app.include_router(router)
    return set(app.openapi()["paths"])


def test_without_a_rail_there_are_no_payments() -> None:
    assert parts(payment_webhook_secret=SECRET) == PaymentParts()


def test_the_sandbox_brings_its_routes_and_jobs_and_a_secret_the_webhook() -> None:
    usual = paths(payment_rail="sandbox")
    assert usual == {
        "/api/v1/contracts/{contract_id}/bills/{bill_id}/payments",
        "/api/v1/payments",
        "/api/v1/payments/{payment_id}",
        "/api/v1/payments/{payment_id}/sandbox",
        "/api/v1/payments/sandbox/behaviours",
    }
    told = paths(payment_rail="sandbox", payment_webhook_secret=SECRET)
    assert told - usual == {"/payments/notices/{rail}"}
    jobs = [job.name for job in parts(payment_rail="sandbox").jobs]
    assert jobs == ["payments.ask", "payments.sandbox_says"]


@pytest.mark.parametrize("wrong", [{"payment_rail": "gold"}, {"payment_webhook_secret": "short"}])
def test_a_rail_that_there_is_not_or_a_short_secret_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        parts(**wrong)


def test_a_sellers_settings_keep_the_secret_to_themselves() -> None:
    told = SellerSettings.model_validate(
        {**NEEDED, "catalog": "catalog.yaml", "payment_rail": "sandbox", "payment_webhook_secret": SECRET}
    )
    assert SECRET not in repr(told)
