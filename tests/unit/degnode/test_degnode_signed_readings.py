"""Whether a seller's platform takes signed readings: only if it was told the meters' keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from degnode.roles.bpp import SellerSettings
from degnode.roles.signed_readings import SignedReadingsSettings, signed_readings
from kernel.clock import SystemClock
from metering.ingest import IngestResult
from metering.sources.meter_keys import MeterKeysUnreadable
from storage.unit_of_work import Transaction, UnitOfWorkFactory

KEYS = Path(__file__).resolve().parents[3] / "examples" / "meters" / "keys.yaml"
NEEDED = {
    "subscriber_id": "bpp.example",
    "public_url": "https://bpp.example",
    "registry_url": "https://registry.example",
}


def paths(**values: Any) -> list[str]:
    """Return the paths that a platform with these settings has for signed readings."""

    async def hear(_uow: Transaction, _results: Sequence[IngestResult], _now: datetime) -> None: ...

    routers = signed_readings(
        SignedReadingsSettings.model_validate({**NEEDED, **values}),
        uow_factory=cast("UnitOfWorkFactory", None),
        clock=SystemClock(),
        on_recorded=hear,
    )
    app = FastAPI()
    for router in routers:
        app.include_router(router)
    return list(app.openapi()["paths"])


def test_without_keys_nobody_may_post_signed_readings() -> None:
    assert paths() == []
    assert paths(meter_keys=KEYS) == ["/api/v1/readings"]


def test_a_platform_whose_keys_cannot_be_read_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(MeterKeysUnreadable, match="cannot be read"):
        paths(meter_keys=tmp_path / "absent.yaml")


def test_a_seller_is_told_of_keys_and_age_by_its_settings() -> None:
    told = SellerSettings.model_validate(
        {**NEEDED, "catalog": "catalog.yaml", "meter_keys": str(KEYS), "meter_readings_age": "PT1H"}
    )
    assert (told.meter_keys, told.meter_readings_age) == (KEYS, timedelta(hours=1))
    with pytest.raises(ValidationError):
        SignedReadingsSettings.model_validate({**NEEDED, "meter_readings_age": "a while"})
