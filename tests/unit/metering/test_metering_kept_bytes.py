"""A document's bytes are kept so that they come back as they were."""

from __future__ import annotations

from hashlib import sha256

import pytest

from metering.kept_bytes import KeptBytes, unpacked


@pytest.mark.parametrize("raw", [b"", b"x\x01", b"<MirrorUsagePoint/>" * 500])
def test_what_is_kept_comes_back_byte_by_byte(raw: bytes) -> None:
    kept = KeptBytes.of(raw)
    assert unpacked(kept.packed, is_zlib=True) == raw
    assert kept.sha256 == sha256(raw).digest()


def test_what_was_kept_in_earlier_days_is_as_it_is() -> None:
    assert unpacked(b"<MirrorUsagePoint/>", is_zlib=False) == b"<MirrorUsagePoint/>"
