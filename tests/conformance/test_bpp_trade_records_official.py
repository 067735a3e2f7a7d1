"""The ledger's answers are those that the published description of the DEG ledger API allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from storage.unit_of_work import UnitOfWorkFactory
from tests.support.trade_records import ACTUALS, BUYER, BUYER_DISCOM, KEY, PUT, STRANGER, TradeLedger


async def test_every_answer_is_of_its_published_schema(shared: Path, uow_factory: UnitOfWorkFactory) -> None:
    document = yaml.safe_load((shared / "spec" / "ledger" / "deg_contract_ledger.yaml").read_text())
    ledger = TradeLedger(uow_factory)
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("put", PUT | {"clientReference": "c-1"}, BUYER),
        ("put", PUT | {"sellerId": "another"}, BUYER),
        ("put", KEY, BUYER),
        ("put", PUT, STRANGER),
        ("record", ACTUALS, BUYER_DISCOM),
        ("record", ACTUALS | {"orderItemId": "none"}, BUYER_DISCOM),
        ("record", ACTUALS, BUYER),
        ("get", KEY, BUYER),
        ("get", {}, STRANGER),
        ("get", {"limit": 0}, BUYER),
    ]
    seen = set()
    for path, body, by in calls:
        answer = await ledger.call(path, body, by=by)
        responses = document["paths"][f"/ledger/{path}"]["post"]["responses"]
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        validator.validate(answer.json())
        seen.add(answer.status_code)
    assert seen == {200, 400, 403, 404, 409}
