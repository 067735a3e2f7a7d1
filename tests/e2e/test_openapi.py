"""The HTTP APIs of a running network against their own documents: generated calls, documented answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.core.result import Ok

from degnode.processes import Network, Service
from node.api_keys import HEADER
from tests.support.network import solar_market

SIGNED: Final = {"/on_subscribe"}
"""For whoever signs: a signature that does not hold is a 401, and no API key opens it."""

PROVEN: Final = {"/payments/notices/{rail}", "/ledger/put", "/ledger/record", "/ledger/get"}
"""For a rail and for subscribers: without a signature it is a 401, whatever API key is shown."""

PAYMENTS: Final = {
    "bpp": {
        "DEGNODE_PAYMENT_RAIL": "sandbox",
        "DEGNODE_PAYMENT_WEBHOOK_SECRET": "a secret of the rail and us",
    }
}

OPEN: Final = SIGNED | {
    "/healthz",
    "/readyz",
    "/contexts",
    "/track/{link}",
    "/ondc-site-verification.html",
}
ENDLESS: Final = {"/api/v1/events", "/api/v1/market/events"}
CHECKS: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
BOUNDED: Final = settings(
    max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """A network whose seller's platform has everything that it can have."""
    async with solar_market(tmp_path_factory.mktemp("market"), settings=PAYMENTS) as running:
        yield running


def service_of(network: Network, name: str) -> Service:
    return {"bap": network.bap, "bpp": network.bpp}[name]


def document_of(network: Network, name: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{service_of(network, name).url}/openapi.json").json()
    return document


@pytest.mark.parametrize("name", ["bap", "bpp"])
def test_whatever_is_asked_is_answered_as_the_document_says(network: Network, name: str) -> None:
    service = service_of(network, name)
    schema = schemathesis.openapi.from_dict(document_of(network, name))
    failures = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path in ENDLESS:
            continue

        @BOUNDED
        @given(case=operation.as_strategy())
        def answers_as_documented(case: Any) -> None:
            response = case.call(base_url=service.url, headers={HEADER: network.api_key}, timeout=10)
            case.validate_response(response, checks=CHECKS)

        try:
            answers_as_documented()
        except (Exception, BaseExceptionGroup) as failure:  # noqa: BLE001  all of them are told at the end
            failures.append(f"{operation.label}: {failure}")
    assert not failures, "\n\n".join(failures)
    assert [event for event in service.log_events() if event.get("level") == "error"] == []


@pytest.mark.parametrize("name", ["bap", "bpp"])
def test_a_client_generated_from_the_document_has_names_that_people_can_read(
    network: Network, name: str
) -> None:
    document = document_of(network, name)
    schemas = document["components"]["schemas"]
    assert [schema for schema in schemas if "__" in schema] == []  # two models of one name
    assert {reference.rpartition("/")[2] for reference in _references(document)} <= set(schemas)


def _references(part: object) -> set[str]:
    """Return what a part of a document refers to."""
    if isinstance(part, list):
        return set().union(*map(_references, part))
    if not isinstance(part, dict):
        return set()
    own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
    return own.union(*map(_references, part.values()))


@pytest.mark.parametrize("name", ["bap", "bpp"])
def test_every_route_needs_a_key_but_those_that_are_for_all(network: Network, name: str) -> None:
    service, document = service_of(network, name), document_of(network, name)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            bare = path.replace("{", "").replace("}", "").replace("usage_point", "1")
            answer = httpx.request(method, service.url + bare)
            assert (answer.status_code == 401) == (path not in OPEN), (method, path, answer.text)
            if path in PROVEN:
                continue
            guess = httpx.request(method, service.url + bare, headers={HEADER: "dgn_guessed"})
            refused = guess.status_code in {401, 429}  # after some wrong keys nothing is looked at
            assert refused == (path not in OPEN), (method, path, guess.text)
            assert bool(operation.get("security")) == (path not in OPEN), (method, path)
            assert ("401" in operation["responses"]) == (path not in OPEN) or path in SIGNED, (method, path)


@pytest.mark.parametrize("name", ["bap", "bpp"])
def test_the_page_of_the_api_needs_nothing_from_elsewhere(network: Network, name: str) -> None:
    page = httpx.get(f"{service_of(network, name).url}/docs")
    assert page.status_code == 200
    for path in document_of(network, name)["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert httpx.get(f"{service_of(network, name).url}/redoc").status_code == 404
