"""Identities, derived and random."""

from __future__ import annotations

from uuid import UUID

from kernel.ids import derived_id, random_id


def test_the_same_parts_have_the_same_id() -> None:
    assert derived_id("contract-1", "settle-2024-10-04-001") == derived_id(
        "contract-1", "settle-2024-10-04-001"
    )


def test_a_derived_id_is_the_same_in_every_release() -> None:
    assert derived_id("a", "bc") == UUID("6a3fb51b-88ce-5ee2-9bb8-112734cdd475")


def test_parts_that_read_alike_when_joined_have_different_ids() -> None:
    parts = [("a", "bc"), ("ab", "c"), ("abc",), ("abc", ""), ("", "abc"), ("1:a2:bc",)]
    assert len({derived_id(*one) for one in parts}) == len(parts)


def test_random_ids_differ() -> None:
    assert len({random_id() for _ in range(100)}) == 100
    assert random_id().version == 4
