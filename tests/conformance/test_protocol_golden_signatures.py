"""Signatures that other implementations have published or taken, against ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel.errors import NodeError
from protocol.errors import SignatureInvalid
from protocol.keys import read_private_key, read_public_key
from protocol.profile import PROFILES, V1_1, Binding
from protocol.request_binding import fourth_line, possible_fourth_lines
from protocol.signature_header import FOUR_LINES
from protocol.signing import Signer, digest, parse_header, verify
from protocol.tolerance import STRICT, Tolerance
from protocol.verification import Expectation, explain


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((shared / "golden" / "signatures.json").read_text(encoding="utf-8"))
    return read


def _signer(seed: str, *, validity: int) -> Signer:
    return Signer(
        subscriber_id="sender.example",
        key_id="k1",
        private_key=read_private_key(seed),
        validity=timedelta(seconds=validity),
    )


def _check(vector: dict[str, Any], *, seed: str, public: str, request_signature: str | None = None) -> None:
    """Sign the body of `vector` and compare, then verify and explain the published signature."""
    raw = vector["body"].encode()
    created = datetime.fromtimestamp(vector["created"], UTC)
    signer = _signer(vector[seed], validity=vector["expires"] - vector["created"])
    value = signer.sign(raw, now=created, label="BLAKE-512", request_signature=request_signature)
    header = parse_header(value)
    assert header.signature == vector["signature_b64"]
    assert (header.created, header.expires) == (vector["created"], vector["expires"])
    bound = () if request_signature is None else (request_signature,)
    key = read_public_key(public)
    for profile in PROFILES.values():
        verify(raw, header, key=key, now=created, labels=profile.digest_labels, request_signatures=bound)
        with pytest.raises(SignatureInvalid):
            verify(
                raw + b"\n",
                header,
                key=key,
                now=created,
                labels=profile.digest_labels,
                request_signatures=bound,
            )
    assert explain(raw, value, key=key, now=created, expected=Expectation(request_signatures=bound)).holds


def test_the_request_of_beckn_006_has_its_published_digest_and_signature(vectors: dict[str, Any]) -> None:
    vector = vectors["beckn_006_request"]
    assert digest(vector["body"].encode()) == vector["digest_b64"]
    _check(vector, seed="private_key_seed_and_public_b64", public=vector["public_key_b64"])


def test_a_line_feed_at_the_end_of_the_signing_string_is_not_what_was_published(
    vectors: dict[str, Any],
) -> None:
    vector = vectors["beckn_006_request"]
    created = datetime.fromtimestamp(vector["created"], UTC)
    signer = _signer(vector["private_key_seed_and_public_b64"], validity=3600)
    value = signer.seal(
        f"(created): {vector['created']}\n(expires): {vector['expires']}\n"
        f"digest: BLAKE-512={vector['digest_b64']}\n".encode(),
        created=vector["created"],
        expires=vector["expires"],
        headers="(created) (expires) digest",
    )
    report = explain(vector["body"].encode(), value, key=signer.public_key, now=created)
    assert "the signing string ends with a line feed" in report.findings[-1].text


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


SIGNER = _signer("ZGVnbm9kZSB0ZXN0IHNlZWQsIDMyIGJ5dGVzIGxvbmc=", validity=300)
BODY = b'{"context":{"action":"confirm"},"message":{}}'
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("binding", [Binding.SIGNATURE, Binding.HEADER])
def test_a_callback_is_bound_either_way_and_taken_either_way(binding: Binding) -> None:
    authorization = SIGNER.sign(BODY, now=CREATED, label="BLAKE-512")
    callback = b'{"context":{"action":"on_confirm"}}'
    header = parse_header(
        SIGNER.sign(
            callback,
            now=CREATED,
            label="BLAKE-512",
            request_signature=fourth_line(authorization, binding),
        )
    )
    assert header.headers == FOUR_LINES
    verify(
        callback,
        header,
        key=SIGNER.public_key,
        now=CREATED,
        labels=V1_1.digest_labels,
        request_signatures=possible_fourth_lines(authorization),
    )


def _header(*, created: int = 0, seconds: int = 300, label: str = "BLAKE-512") -> str:
    """Return a genuine header that is made `created` seconds late."""
    signer = replace(SIGNER, validity=timedelta(seconds=seconds))
    return signer.sign(BODY, now=CREATED + timedelta(seconds=created), label=label)


def _accepts(value: str, tolerance: Tolerance) -> bool:
    try:
        verify(
            BODY,
            parse_header(value, tolerance),
            key=SIGNER.public_key,
            now=CREATED,
            labels=V1_1.digest_labels,
        )
    except NodeError:
        return False
    return True


def _unquoted() -> str:
    return (
        _header()
        .replace('created="1767225600"', "created=1767225600")
        .replace('expires="1767225900"', "expires=1767225900")
    )


def _record_key() -> str:
    return _header().replace("sender.example|k1|", "example.org/subscribers/sender.example|")


TOLERANT = Tolerance(bare=True, record_keys=True)

# What the common adapter's validator was seen to do with each header, and what we do.
ACCEPTANCE: list[tuple[str, Callable[[], str], bool, bool, bool]] = [
    # the header, onix, strict, tolerant
    ("unquoted numbers", _unquoted, True, True, True),
    ("no scheme", lambda: _header().removeprefix("Signature "), True, False, True),
    ("a list of headers that lies", lambda: _header().replace("(created) ", ""), True, False, False),
    ("made in four seconds", lambda: _header(created=4), True, True, True),
    ("made in seven seconds", lambda: _header(created=7), False, False, False),
    ("lapses now", lambda: _header(created=-300), True, False, False),
    ("lapsed a second ago", lambda: _header(created=-301), False, False, False),
    ("valid for ten years", lambda: _header(seconds=315_360_000), True, False, False),
    ("a second signature", lambda: 'Signature signature="c2ln",' + _header()[10:], True, False, False),
    ("separated by spaces", lambda: _header().replace(",", " "), False, False, False),
    ("algorithm hs2019", lambda: _header().replace('"ed25519"', '"hs2019"'), False, False, False),
    ("label BLAKE2b-512", lambda: _header(label="BLAKE2b-512"), False, True, True),
    ("a key named by its record", _record_key, False, False, True),
]


@pytest.mark.parametrize(
    ("make", "strict", "tolerant"),
    [(row[1], row[3], row[4]) for row in ACCEPTANCE],
    ids=[row[0].replace(" ", "_") for row in ACCEPTANCE],
)
def test_headers_are_taken_and_refused_as_documented(
    make: Callable[[], str], strict: bool, tolerant: bool
) -> None:
    assert _accepts(make(), STRICT) is strict
    assert _accepts(make(), TOLERANT) is tolerant
    assert tolerant or not strict, "tolerance only ever takes more"


def test_the_documented_table_is_the_one_that_is_tried() -> None:
    text = (Path(__file__).parents[2] / "docs" / "signatures.md").read_text(encoding="utf-8")
    words = {True: "taken", False: "refused"}
    for name, _, onix, strict, tolerant in ACCEPTANCE:
        assert f"| {name} | {words[onix]} | {words[strict]} | {words[tolerant]} |" in text
