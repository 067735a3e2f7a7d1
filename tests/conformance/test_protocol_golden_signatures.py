"""Signatures that other implementations have published: ours must be the same, to the last character."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.keys import read_private_key, read_public_key
from protocol.profile import V2_RC
from protocol.signing import Signer, digest, parse_header, verify


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((shared / "golden" / "signatures.json").read_text(encoding="utf-8"))
    return read


def _check(vector: dict[str, Any], *, seed: str, public: str, request_signature: str | None = None) -> None:
    """Sign the body of `vector` and compare, then verify the published signature."""
    raw = vector["body"].encode()
    created = datetime.fromtimestamp(vector["created"], UTC)
    signer = Signer(
        subscriber_id="sender.example",
        key_id="k1",
        private_key=read_private_key(vector[seed]),
        validity=timedelta(seconds=vector["expires"] - vector["created"]),
    )
    header = parse_header(
        signer.sign(raw, now=created, label="BLAKE-512", request_signature=request_signature)
    )
    assert header.signature == vector["signature_b64"]
    assert (header.created, header.expires) == (vector["created"], vector["expires"])
    verify(
        raw,
        header,
        key=read_public_key(public),
        now=created,
        labels=V2_RC.digest_labels,
        request_signatures=() if request_signature is None else (request_signature,),
    )


def test_the_request_of_beckn_006_has_its_published_digest_and_signature(vectors: dict[str, Any]) -> None:
    vector = vectors["beckn_006_request"]
    assert digest(vector["body"].encode()) == vector["digest_b64"]
    _check(vector, seed="private_key_seed_and_public_b64", public=vector["public_key_b64"])


def test_a_request_signed_by_onix_is_signed_the_same_here(vectors: dict[str, Any]) -> None:
    vector = vectors["onix_request"]
    _check(vector, seed="private_key_seed_b64", public=vector["public_key_b64"])


def test_an_ack_signed_by_onix_binds_the_request_the_same_here(vectors: dict[str, Any]) -> None:
    vector = vectors["onix_ack"]
    _check(
        vector,
        seed="private_key_seed_b64",
        public=vectors["onix_request"]["public_key_b64"],
        request_signature=vector["request_signature_b64"],
    )
