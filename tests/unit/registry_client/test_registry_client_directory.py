"""Directories that are written down, in memory and in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_client.directory import DirectoryUnreadable, StaticDirectory
from registry_client.ports import Wanted
from registry_client.subscriber import SubscriberRole
from tests.support.subscribers import BPP, DOMAIN, record


async def test_every_filter_given_must_fit() -> None:
    seller, buyer = record(), record(subscriber_id="bap.example.com", role=SubscriberRole.BAP)
    directory = StaticDirectory([seller, buyer])
    assert await directory.find(Wanted()) == [seller, buyer]
    assert await directory.find(Wanted(domain=DOMAIN, role=SubscriberRole.BAP)) == [buyer]
    assert await directory.find(Wanted(subscriber_id=BPP, key_id="k2")) == []
    assert await directory.find(Wanted(domain="retail")) == []


async def test_a_key_brings_its_subscribers_other_keys_along() -> None:
    first, second = record("k1"), record("k2")
    directory = StaticDirectory([first, second])
    assert await directory.find_key(subscriber_id=BPP, key_id="k2") == [first, second]


async def test_a_yaml_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "subscribers.yaml"
    path.write_text(
        "subscribers:\n"
        "  - subscriber_id: bpp.example.com\n"
        "    ukId: k1\n"
        "    type: BPP\n"
        "    signing_public_key: ONtluFKk9FfVIePk0FJjCZE1XlTdcXtcWWRjqzllVSw=\n"
        "    valid_from: 2026-01-01T00:00:00Z\n"
    )
    (only,) = await StaticDirectory.from_file(path).find(Wanted())
    assert only.valid_from is not None
    assert (only.subscriber_id, only.key_id, only.valid_from.year) == (BPP, "k1", 2026)


async def test_a_json_file_is_read(tmp_path: Path) -> None:
    path, written = tmp_path / "subscribers.json", record()
    path.write_text(json.dumps([written.to_wire()]))
    assert await StaticDirectory.from_file(path).find(Wanted()) == [written]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- [", "cannot be read"),
        ("subscribers: 7", "no list"),
        ("just a sentence", "no list"),
        ("- 7", "entry 1 is no record"),
        ("- subscriber_id: x\n", "entry 1: key_id is missing"),
    ],
)
def test_an_unreadable_file_says_where(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "subscribers.yaml"
    path.write_text(text)
    with pytest.raises(DirectoryUnreadable, match=why):
        StaticDirectory.from_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DirectoryUnreadable, match="nowhere"):
        StaticDirectory.from_file(tmp_path / "nowhere.yaml")
