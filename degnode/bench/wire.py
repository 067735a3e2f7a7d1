"""`degnode bench wire`: what one core spends on a confirm of each generation before it is stored.

The reference is a bare Ed25519 verification by OpenSSL (the `cryptography` package) in the same run.
The steps are measured one by one and as a whole; beside them, for scale, what is not on that path:
the reference validator for JSON Schema, and JSON-LD expansion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from time import perf_counter
from typing import Any, Final

import orjson

from degnode.bench.confirms import SignedConfirm, signed_confirm
from degnode.bench.reference import bare_engine, bare_openssl
from protocol import signing
from protocol.actions import Action
from protocol.context import read_context
from protocol.document import parse_document
from protocol.keys import new_private_key
from protocol.profile import PROFILES
from protocol.signing import Signer, parse_header
from schemas.jsonld import JsonLd
from schemas.packs import bundled_packs
from schemas.validation import schema_set

_ROUNDS: Final = 15
_SLICE: Final = 0.02  # s
_SLOW_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WireReport:
    """Microseconds of each step of one generation; `whole` is the path: parse, verify, validate."""

    profile: str
    body_bytes: int
    bare_verify: float
    engine_verify: float
    steps: dict[str, float]
    whole: float
    beside: dict[str, float]

    def ratio(self, microseconds: float) -> float:
        """Return how many bare verifications that is."""
        return microseconds / self.bare_verify


def bench_wire(*, now: datetime) -> list[WireReport]:
    """Measure every generation on one core."""
    signer = Signer(subscriber_id="bap.example.com", key_id="bench", private_key=new_private_key())
    return [
        _measure(signed_confirm(profile, signer=signer, now=now), signer, now)
        for profile in PROFILES.values()
    ]


def _measure(confirm: SignedConfirm, signer: Signer, now: datetime) -> WireReport:
    profile, body = confirm.profile, confirm.body
    schemas, name = schema_set(profile.schemas), profile.wire_names[Action.CONFIRM]
    key, labels = signer.public_key, profile.digest_labels
    header, document = parse_header(confirm.authorization), orjson.loads(body)

    def whole() -> None:
        read = parse_header(confirm.authorization)
        signing.verify(body, read, key=key, now=now, labels=labels)
        parsed = parse_document(body)
        read_context(parsed, profile)
        if not schemas.is_valid(name, parsed):
            raise RuntimeError("the benchmark's own message breaks the schema")

    fast: dict[str, Callable[[], Any]] = {
        "read the header": lambda: parse_header(confirm.authorization),
        "verify the signature": lambda: signing.verify(body, header, key=key, now=now, labels=labels),
        "parse the JSON": lambda: parse_document(body),
        "read the context": lambda: read_context(document, profile),
        "validate, packs included": lambda: schemas.is_valid(name, document),
        "whole": whole,
        "bare": bare_openssl(signer),
        "engine": bare_engine(signer),
    }
    taken = _interleaved(fast, _ROUNDS)
    beside = _interleaved(
        {
            "validate by the reference (jsonschema)": lambda: schemas.reference_violations(name, document),
            "expand its JSON-LD, nothing cached": lambda: _expand_all(JsonLd(bundled_packs()), document),
        },
        _SLOW_ROUNDS,
    )
    return WireReport(
        profile=profile.name,
        body_bytes=len(body),
        bare_verify=taken.pop("bare"),
        engine_verify=taken.pop("engine"),
        whole=taken.pop("whole"),
        steps=taken,
        beside=beside,
    )


def _interleaved(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the microseconds of each work: the median of short slices that take turns.

    Taking turns, because a shared machine is now faster and now slower, for all of them alike.
    """
    slices: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            slices[name].append(_slice(work))
    return {name: median(taken) * 1e6 for name, taken in slices.items()}


def _slice(work: Callable[[], Any]) -> float:
    count, started = 0, perf_counter()
    while (elapsed := perf_counter() - started) < _SLICE or count == 0:
        work()
        count += 1
    return elapsed / count


def _expand_all(reader: JsonLd, value: Any) -> None:  # noqa: ANN401  any JSON
    """Expand every outermost object that has a context of its own."""
    if isinstance(value, dict):
        if "@context" in value:
            reader.expand(value)
            return
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            _expand_all(reader, entry)
