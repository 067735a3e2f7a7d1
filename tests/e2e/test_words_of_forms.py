"""Every form of every HTTP API, filled in wrongly: what is wrong is told in words for people."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from degnode.processes import Network
from node.api_keys import HEADER
from tests.support.form_mistakes import Mistake, mistakes_in
from tests.support.network import solar_market, token_of

SETTINGS: Final = {
    "bpp": {"DEGNODE_PAYMENT_RAIL": "sandbox", "DEGNODE_PAYMENT_WEBHOOK_SECRET": "a secret of theirs and us"}
}
OF_THE_VALIDATOR: Final = re.compile(
    r"Input should|Field required|Extra inputs|Value error|Assertion failed|should (have|match|be)|"
    r"after validation|valid (decimal|integer|number|string|list|dict|boolean|datetime|URL)|validator|"
    r"breaks the rule|_type\b|_parsing\b|JSON decode|Expecting|function-|list\[|constrained",
    re.IGNORECASE,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    async with solar_market(tmp_path_factory.mktemp("market"), settings=SETTINGS) as running:
        yield running


@pytest.mark.parametrize("name", ["bap", "bpp", "registry"])
def test_what_is_wrong_with_a_form_is_told_in_words_for_people(network: Network, name: str) -> None:
    url = getattr(network, name).url
    key = {HEADER: network.api_key, "Authorization": f"Bearer {token_of(network)}"}
    found: dict[str, str] = {}
    refused = 0
    with httpx.Client(base_url=url, timeout=30) as api:
        for mistake in mistakes_in(api.get("/openapi.json").json()):
            answer = api.request(
                mistake.method,
                mistake.path,
                params=dict(mistake.query),
                content=mistake.body,
                headers=key | dict(mistake.headers),
            )
            if answer.status_code in {400, 422}:
                refused += 1
            complaint = _complaint(answer, mistake)
            if complaint is not None:
                found.setdefault(complaint, str(mistake))
    assert refused > 30
    assert not found, "\n".join(f"{mistake}\n    {complaint}" for complaint, mistake in found.items())


def _complaint(answer: httpx.Response, mistake: Mistake) -> str | None:
    """Return what is wrong with how a mistake was told."""
    if answer.status_code >= 500 and answer.status_code != 501:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.status_code not in {400, 422} or "json" not in answer.headers["Content-Type"]:
        return None
    said = _parts(answer.json())
    if OF_THE_VALIDATOR.search(said["message"] + said["hint"]):
        return f"the validator's words: {said}"
    if "/caller/" in mistake.path:  # a NACK, as the wire has it
        return None
    if not said["hint"] or not said["place"]:
        return f"no place, or nothing to do: {said}"
    return None


def _parts(told: dict[str, Any]) -> dict[str, str]:
    if "error" not in told:  # problem details
        faults = [told, *told.get("errors", ())]
        return {
            "place": told.get("where", ""),
            "message": "; ".join(fault["detail"] for fault in faults),
            "hint": " ".join(fault.get("what_to_do", "") for fault in faults),
        }
    error = told["error"]
    details = error.get("details") or {}
    return {
        "place": details.get("path", "") or details.get("field", ""),
        "message": error["message"],
        "hint": details.get("hint", ""),
    }
