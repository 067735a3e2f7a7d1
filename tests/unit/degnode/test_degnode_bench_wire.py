"""The measured path is the real one: its message is good, signed, and about five kilobytes long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from degnode.bench import wire
from degnode.bench.confirms import signed_confirm
from protocol.keys import new_private_key
from protocol.profile import PROFILES, Profile
from protocol.signing import Signer, parse_header, verify
from protocol.verdict import judge

NOW: Final = datetime(2026, 1, 9, 10, tzinfo=UTC)
SIGNER: Final = Signer(subscriber_id="bap.example.com", key_id="bench", private_key=new_private_key())


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_the_confirm_is_good_and_signed(profile: Profile) -> None:
    confirm = signed_confirm(profile, signer=SIGNER, now=NOW)
    assert 5_000 <= len(confirm.body) < 6_000
    assert judge(confirm.body, profile=profile).faults == ()
    verify(
        confirm.body,
        parse_header(confirm.authorization),
        key=SIGNER.public_key,
        now=NOW,
        labels=profile.digest_labels,
    )


def test_every_generation_is_measured_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_ROUNDS", 1)
    monkeypatch.setattr(wire, "_SLOW_ROUNDS", 1)
    monkeypatch.setattr(wire, "_SLICE", 0.0)
    reports = wire.bench_wire(now=NOW)
    assert [report.profile for report in reports] == list(PROFILES)
    for report in reports:
        assert min(report.whole, report.bare_verify, report.engine_verify, *report.steps.values()) > 0
        assert report.ratio(report.bare_verify) == 1
        assert len(report.beside) == 2


def test_a_bad_message_is_never_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "parse_document", lambda _body: {"context": {}})
    monkeypatch.setattr(wire, "read_context", lambda _document, _profile: None)
    with pytest.raises(RuntimeError, match="breaks the schema"):
        wire.bench_wire(now=NOW)
