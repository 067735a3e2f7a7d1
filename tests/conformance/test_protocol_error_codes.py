"""Our table of error codes against the network's; our answers against the official documents."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from kernel.errors import NodeError
from protocol.answers import write_answer
from protocol.codes import CODES
from protocol.counter_signature import Receipt, add_counter_signature
from protocol.errors import WireError
from protocol.keys import read_private_key
from protocol.profile import AckShape
from protocol.signing import Signer
from tests.support import official

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
ERROR = WireError(code="SCH_INVALID_ENUM", message="no such status", path="$.message", hint="Send ACTIVE.")

# Codes of our own. None of them travels to a peer as it is: it would be the cause of a generic one.
OWN_CODES = {
    "TICKET_CLOSED": "told to operators who answer what is closed",
    "TRACKING_LINK_EXPIRED": "told to whoever follows a delivery that is over for long",
    "FORMAT_UNAVAILABLE": "told to operators who want a form of export whose library is not installed",
    "SIMULATION_": "told to whoever simulates meters on the command line",
    "METER_": "told to meters and operators over IEEE 2030.5 and the HTTP API",
    "STATION": "told to stations' back offices and to operators",
    "SETTLEMENT_": "told to operators over the HTTP API",
    "CURTAILMENT_": "told to operators over the HTTP API",
    "BILL_": "told to operators over the HTTP API",
    "MARKET_": "told to apps over the plain HTTP API, as a problem",
    "PDF_": "told to operators who want an invoice as a PDF",
    "PAYMENT_": "told to operators and payment rails over the HTTP API",
    "LEDGER_": "told to operators on the command line",
    "BPP_CATALOGUE_": "told to the operator who starts the node or changes its catalogue",
    "PROVIDER_": "told to the operator who starts a node with a back office that cannot be used",
    "BPP_FORECAST_": "told to the operator who forecasts what there will be",
    "BPP_NOT_FORECAST": "told to the operator who forecasts what the catalogue says",
    "BPP_NOBODY_TO_TELL": "told to the operator who publishes a catalogue",
    "AUT_SUBSCRIPTION_REFUSED": "told to the operator when a registry refuses the node",
}


def _packages() -> list[str]:
    return sorted(
        folder.name
        for folder in ROOT.iterdir()
        if (folder / "__init__.py").exists() and folder.name not in {"tests", "linters", "examples"}
    )


def _import_everything() -> None:
    for package in _packages():
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _kinds(kind: type[NodeError]) -> Iterator[type[NodeError]]:
    for derived in kind.__subclasses__():
        if not derived.__module__.startswith("tests"):
            yield derived
        yield from _kinds(derived)


def test_every_error_of_the_project_has_a_code_of_the_network_or_a_reason() -> None:
    _import_everything()
    kinds = set(_kinds(NodeError))
    assert len(kinds) > 50
    strange = {
        f"{kind.__module__}.{kind.__name__}: {kind.code}"
        for kind in kinds
        if kind.code not in CODES and not kind.code.startswith(tuple(OWN_CODES))
    }
    assert not strange


def test_the_table_has_the_codes_of_the_network_and_no_others(shared: Path) -> None:
    text = (shared / "spec" / "lts" / "error-codes.yaml").read_text(encoding="utf-8")
    published = yaml.safe_load(text)["components"]["schemas"]["ErrorCode"]["enum"]
    assert set(CODES) == set(published)


def _answer(shape: AckShape, error: WireError | None = None, *, no_callback: bool = False) -> bytes:
    body = write_answer(
        shape, transaction_id="t-1", message_id="m-1", at=NOW, error=error, no_callback=no_callback
    )
    return json.dumps(body).encode()


def _counter_signed(answer: bytes) -> bytes:
    signer = Signer(
        subscriber_id="bpp.example",
        key_id="k1",
        private_key=read_private_key("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc="),
    )
    return add_counter_signature(answer, Receipt("AAA=", "m-1"), signer=signer, now=NOW, label="BLAKE-512")


_V1 = "urn:official:v1_1#/paths/~1init/post/responses/default/content/application~1json/schema"
_LTS = "urn:official:v2_lts#/components/schemas"


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        (_V1, _answer(AckShape.V1)),
        (_V1, _answer(AckShape.V1, ERROR)),
        (f"{_LTS}/Ack", _counter_signed(_answer(AckShape.LTS))),
        (f"{_LTS}/NackBadRequest", _counter_signed(_answer(AckShape.LTS, ERROR))),
        (f"{_LTS}/NackUnauthorized", _counter_signed(_answer(AckShape.LTS, ERROR))),
        (f"{_LTS}/AckNoCallback", _counter_signed(_answer(AckShape.LTS, ERROR, no_callback=True))),
        (f"{_LTS}/ServerError", _answer(AckShape.LTS, ERROR)),
    ],
)
def test_answers_are_as_the_official_documents_want_them(reference: str, answer: bytes) -> None:
    assert official._errors(reference, json.loads(answer)) == []


@pytest.mark.parametrize("error", [None, ERROR, WireError(code="METER_UNKNOWN", message="no meter")])
def test_answers_of_the_release_candidate_are_too(error: WireError | None) -> None:
    assert official.official_answer_errors(json.loads(_answer(AckShape.RC, error))) == []


def test_an_answer_of_the_long_term_generation_must_be_counter_signed() -> None:
    unsigned = json.loads(_answer(AckShape.LTS))
    assert any("signature" in error for error in official._errors(f"{_LTS}/Ack", unsigned))
