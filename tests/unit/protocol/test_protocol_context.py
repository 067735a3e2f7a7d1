"""The context: read with a place and a reason for everything that is wrong with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protocol.actions import Action, Role
from protocol.context import Context, name_sides, read_context, write_context
from protocol.errors import ContextFieldInvalid, ContextFieldMissing
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile


def _context(**changed: object) -> dict[str, Any]:
    fields: dict[str, object] = {
        "version": "2.0.0",
        "action": "confirm",
        "domain": "energy",
        "bap_id": "bap.example",
        "bap_uri": "https://bap.example",
        "bpp_id": "bpp.example",
        "bpp_uri": "https://bpp.example",
        "transaction_id": "t-1",
        "message_id": "m-1",
        "timestamp": "2026-01-09T15:30:00+05:30",
        "ttl": "PT30S",
    }
    return {"context": {key: value for key, value in (fields | changed).items() if value is not ...}}


def _read(**changed: object) -> Context:
    return read_context(_context(**changed), V2_RC)


def test_a_context_is_read_with_its_instants_in_utc() -> None:
    context = _read()
    assert context.timestamp == datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
    assert context.ttl == timedelta(seconds=30)
    assert context.expires_at == datetime(2026, 1, 9, 10, 0, 30, tzinfo=UTC)


def test_a_context_knows_who_is_who() -> None:
    context = _read()
    assert (context.id_of(Role.BAP), context.uri_of(Role.BAP)) == ("bap.example", "https://bap.example")
    assert (context.id_of(Role.BPP), context.uri_of(Role.BPP)) == ("bpp.example", "https://bpp.example")
    assert context.sender_id(Action.CONFIRM) == "bap.example"
    assert context.sender_id(Action.ON_CONFIRM) == "bpp.example"


def test_a_message_without_ttl_never_lapses() -> None:
    assert _read(ttl=...).expires_at is None


def test_the_seller_may_be_left_open() -> None:
    context = _read(bpp_id=..., bpp_uri=..., domain=...)
    assert (context.bpp_id, context.bpp_uri, context.domain) == ("", "", "")


def test_what_is_empty_is_not_written() -> None:
    written = write_context(_read(bpp_id=..., bpp_uri=..., ttl=...), V2_RC)
    assert not {"bpp_id", "bpp_uri", "ttl"} & set(written)


def test_a_context_is_written_as_it_was_read() -> None:
    context = _read()
    assert read_context({"context": write_context(context, V2_RC)}, V2_RC) == context


@pytest.mark.parametrize("document", [{}, {"context": None}, {"context": []}, {"context": "confirm"}])
def test_a_message_without_a_context_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ContextFieldMissing) as caught:
        read_context(document, V2_RC)
    assert caught.value.path == "$.context"


@pytest.mark.parametrize(
    "field", ["version", "action", "bap_id", "bap_uri", "transaction_id", "message_id", "timestamp"]
)
@pytest.mark.parametrize("value", [..., ""])
def test_a_missing_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ContextFieldMissing) as caught:
        _read(**{field: value})
    assert caught.value.path == f"$.context.{field}"


@pytest.mark.parametrize("field", ["action", "bpp_id", "ttl", "timestamp"])
@pytest.mark.parametrize("value", [None, 7, ["x"], {}])
def test_a_field_that_is_no_text_is_refused(field: str, value: object) -> None:
    with pytest.raises(ContextFieldInvalid, match="must be text") as caught:
        _read(**{field: value})
    assert caught.value.path == f"$.context.{field}"


@pytest.mark.parametrize("value", ["t\x00", "t\n1", "\ud800"])
def test_an_id_that_cannot_be_stored_or_logged_is_refused(value: str) -> None:
    with pytest.raises(ContextFieldInvalid, match="control character"):
        _read(transaction_id=value)


@pytest.mark.parametrize(("field", "most"), [("transaction_id", 255), ("message_id", 255), ("bap_uri", 2048)])
def test_what_is_longer_than_an_index_holds_is_refused(field: str, most: int) -> None:
    _read(**{field: "x" * most})
    with pytest.raises(ContextFieldInvalid, match=f"has {most + 1} characters") as caught:
        _read(**{field: "x" * (most + 1)})
    assert caught.value.path == f"$.context.{field}"


@pytest.mark.parametrize(
    "timestamp", ["yesterday", "2026-01-09", "2026-01-09T10:00:00", "0001-01-01T00:00:00+01:00"]
)
def test_a_timestamp_that_is_no_instant_is_refused(timestamp: str) -> None:
    with pytest.raises(ContextFieldInvalid, match="is no instant") as caught:
        _read(timestamp=timestamp)
    assert caught.value.hint is not None


@pytest.mark.parametrize("ttl", ["soon", "P9999999999D", "P9000Y"])
def test_a_ttl_that_ends_nowhere_is_refused(ttl: str) -> None:
    with pytest.raises(ContextFieldInvalid) as caught:
        _read(ttl=ttl)
    assert caught.value.path == "$.context.ttl"
    assert ttl in caught.value.message


@pytest.mark.parametrize(
    ("profile", "key", "value", "networks"),
    [
        (V2_RC, "network_id", ["beckn.one/testnet", "energy.example/pilot"], 2),
        (V2_RC, "network_id", "beckn.one/testnet", 1),
        (V2_RC, "network_id", [], 0),
        (V2_RC, "network_id", None, 0),
        (V2_RC, "network_id", "", 0),
        (V2_LTS, "networkId", "beckn.one/testnet@fabric.example", 1),
        (V2_LTS, "networkId", ["beckn.one/testnet"], 1),
    ],
)
def test_the_networks_of_a_message_are_read(profile: Profile, key: str, value: Any, networks: int) -> None:
    document = write_context(_read(), profile) | {key: value}
    found = read_context({"context": document}, profile).network_ids
    assert len(found) == networks
    assert all(name.startswith(("beckn.one/testnet", "energy.example/pilot")) for name in found)


@pytest.mark.parametrize("value", [7, [7], {"a": 1}, [""], ["x" * 256], ["a\nb"], ["n"] * 21])
def test_networks_that_are_none_are_refused_with_their_place(value: Any) -> None:
    with pytest.raises((ContextFieldInvalid, ContextFieldMissing)) as caught:
        _read(network_id=value)
    assert caught.value.path == "$.context.network_id"


@pytest.mark.parametrize(
    ("profile", "written"),
    [
        (V1_1, {}),
        (V2_RC, {"network_id": ["a/b", "c/d"]}),
        (V2_LTS, {"networkId": "a/b"}),
    ],
)
def test_networks_are_written_as_the_generation_has_them(profile: Profile, written: dict[str, Any]) -> None:
    context = _read()._replace(network_ids=("a/b", "c/d"))
    found = write_context(context, profile)
    assert {key: value for key, value in found.items() if key.startswith("network")} == written
    none = write_context(context._replace(network_ids=()), profile)
    assert not [key for key in none if key.startswith("network")]


def test_a_publication_names_its_sender_on_either_side() -> None:
    publish, answer = Action.CATALOG_PUBLISH, Action.ON_CATALOG_PUBLISH
    context = _read(action="catalog_publish")
    assert name_sides(context, action=publish, sender="bap.example") is context
    turned = name_sides(context, action=publish, sender="bpp.example")
    assert (turned.bap_id, turned.bap_uri) == ("bpp.example", "https://bpp.example")
    assert (turned.bpp_id, turned.bpp_uri) == ("", "")
    answered = name_sides(context, action=answer, sender="bap.example")
    assert (answered.bpp_id, answered.bpp_uri, answered.bap_id) == ("bap.example", "https://bap.example", "")
    for action in (publish, answer, Action.CONFIRM):
        assert name_sides(context, action=action, sender="mallory.example") is context


def test_a_discovery_service_need_not_name_whom_it_answers() -> None:
    context = _read(action="on_catalog_publish", bap_id=..., bap_uri=...)
    assert (context.bap_id, context.bpp_id) == ("", "bpp.example")
    with pytest.raises(ContextFieldMissing, match="no bap_id"):
        _read(action="catalog_publish", bap_id=...)
