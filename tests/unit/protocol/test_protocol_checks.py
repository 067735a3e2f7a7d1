"""What a message must satisfy beyond its signature and its schema."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol.actions import Action
from protocol.checks import (
    check_action,
    check_addressee,
    check_callback_address,
    check_freshness,
    check_network,
    check_role,
    check_sender,
    check_version,
)
from protocol.context import Context
from protocol.errors import (
    ActionMismatch,
    ContextFieldInvalid,
    NetworkNotAllowed,
    NotAddressedHere,
    RoleNotEntitled,
    SenderMismatch,
    TtlExpired,
    VersionUnsupported,
)
from protocol.profile import V1_1, V2_LTS, V2_RC

NOW = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)
CONTEXT = Context(
    action="confirm",
    domain="energy",
    version="2.0.0",
    bap_id="bap.example",
    bap_uri="https://bap.example/",
    bpp_id="bpp.example",
    bpp_uri="https://bpp.example",
    transaction_id="t-1",
    message_id="m-1",
    timestamp=NOW,
    ttl=timedelta(seconds=30),
)


def test_the_action_must_be_that_of_the_path() -> None:
    check_action(CONTEXT, action=Action.CONFIRM, profile=V2_RC)
    with pytest.raises(ActionMismatch) as caught:
        check_action(CONTEXT, action=Action.SELECT, profile=V2_RC)
    assert caught.value.path == "$.context.action"


def test_another_version_is_refused_with_the_one_that_is_spoken() -> None:
    check_version(CONTEXT, profile=V2_RC)
    with pytest.raises(VersionUnsupported) as caught:
        check_version(CONTEXT._replace(version="1.1.0"), profile=V2_RC)
    assert "2.0.0" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("action", "sender", "field"),
    [(Action.CONFIRM, "bap.example", "bap_id"), (Action.ON_CONFIRM, "bpp.example", "bpp_id")],
)
def test_only_the_named_sender_may_sign(action: Action, sender: str, field: str) -> None:
    check_sender(CONTEXT, action=action, profile=V2_RC, signer=sender)
    with pytest.raises(SenderMismatch) as caught:
        check_sender(CONTEXT, action=action, profile=V2_RC, signer="mallory.example")
    assert caught.value.path == f"$.context.{field}"


@pytest.mark.parametrize(
    ("action", "addressee", "field"),
    [(Action.CONFIRM, "bpp.example", "bpp_id"), (Action.ON_CONFIRM, "bap.example", "bap_id")],
)
def test_a_message_for_somebody_else_is_refused(action: Action, addressee: str, field: str) -> None:
    check_addressee(CONTEXT, action=action, profile=V2_RC, subscriber_id=addressee)
    with pytest.raises(NotAddressedHere) as caught:
        check_addressee(CONTEXT, action=action, profile=V2_RC, subscriber_id="other.example")
    assert caught.value.path == f"$.context.{field}"


def test_a_publication_goes_by_either_of_its_names() -> None:
    for name in ("catalog/publish", "catalog_publish"):
        check_action(CONTEXT._replace(action=name), action=Action.CATALOG_PUBLISH, profile=V2_LTS)
    with pytest.raises(ActionMismatch):
        check_action(CONTEXT._replace(action="publish"), action=Action.CATALOG_PUBLISH, profile=V2_LTS)


@pytest.mark.parametrize("action", [Action.CATALOG_PUBLISH, Action.ON_CATALOG_PUBLISH])
def test_publishing_need_name_its_sender_alone(action: Action) -> None:
    alone = (
        CONTEXT._replace(bap_id="") if action is Action.ON_CATALOG_PUBLISH else CONTEXT._replace(bpp_id="")
    )
    check_addressee(alone, action=action, profile=V2_RC, subscriber_id="other.example")
    with pytest.raises(NotAddressedHere):
        check_addressee(CONTEXT, action=action, profile=V2_RC, subscriber_id="other.example")


def test_only_a_discover_may_leave_the_seller_open() -> None:
    to_all = CONTEXT._replace(bpp_id="")
    check_addressee(to_all, action=Action.DISCOVER, profile=V2_RC, subscriber_id="bpp.example")
    with pytest.raises(NotAddressedHere, match="for nobody"):
        check_addressee(to_all, action=Action.CONFIRM, profile=V2_RC, subscriber_id="bpp.example")


def test_a_discover_for_another_seller_is_refused() -> None:
    with pytest.raises(NotAddressedHere):
        check_addressee(CONTEXT, action=Action.DISCOVER, profile=V2_RC, subscriber_id="other.example")


@pytest.mark.parametrize("registered", ["https://bap.example", "https://bap.example/"])
def test_a_callback_goes_to_the_registered_address(registered: str) -> None:
    check_callback_address(CONTEXT, action=Action.CONFIRM, profile=V2_RC, registered_url=registered)


def test_a_callback_to_another_address_is_refused() -> None:
    with pytest.raises(ContextFieldInvalid) as caught:
        check_callback_address(
            CONTEXT, action=Action.CONFIRM, profile=V2_RC, registered_url="https://victim.example"
        )
    assert caught.value.path == "$.context.bap_uri"


def test_a_callback_names_its_own_registered_address_too() -> None:
    with pytest.raises(ContextFieldInvalid) as caught:
        check_callback_address(
            CONTEXT, action=Action.ON_CONFIRM, profile=V2_RC, registered_url="https://bap.example"
        )
    assert caught.value.path == "$.context.bpp_uri"


@pytest.mark.parametrize("uri", ["https://bap.example", "https://api.BAP.example:8443/beckn"])
def test_where_no_address_is_registered_the_senders_own_domain_will_do(uri: str) -> None:
    check_callback_address(
        CONTEXT._replace(bap_uri=uri), action=Action.CONFIRM, profile=V2_RC, registered_url=None
    )


@pytest.mark.parametrize(
    "uri",
    [
        "https://victim.example",
        "https://notbap.example",
        "https://bap.example.mallory.example",
        "https://bap.example@victim.example",
        "http://127.0.0.1",
        "bap.example",
        "https://[::1",
    ],
)
def test_where_no_address_is_registered_no_other_will_do(uri: str) -> None:
    with pytest.raises(ContextFieldInvalid, match="not known to be") as caught:
        check_callback_address(
            CONTEXT._replace(bap_uri=uri), action=Action.CONFIRM, profile=V2_RC, registered_url=None
        )
    assert caught.value.path == "$.context.bap_uri"
    assert caught.value.hint


TESTNET, PILOT = "beckn.one/testnet", "energy.example/pilot"


@pytest.mark.parametrize(
    ("named", "memberships", "networks"),
    [
        ((), None, ()),
        ((TESTNET,), None, ()),
        ((TESTNET,), (TESTNET, PILOT), ()),
        ((f"{TESTNET}@fabric.example",), (TESTNET,), (TESTNET,)),
        ((TESTNET,), (f"{TESTNET}@fabric.example",), (f"{TESTNET}@other.example",)),
        ((TESTNET, PILOT), (TESTNET, PILOT), (PILOT,)),
        ((), (TESTNET, PILOT), (PILOT,)),
        ((), None, (PILOT,)),  # its directory does not say: then the directory is the network
        ((PILOT,), None, (PILOT,)),
    ],
)
def test_a_message_of_a_shared_network_passes(
    named: tuple[str, ...], memberships: tuple[str, ...] | None, networks: tuple[str, ...]
) -> None:
    context = CONTEXT._replace(network_ids=named)
    check_network(context, profile=V2_RC, memberships=memberships, networks=networks)


@pytest.mark.parametrize(
    ("named", "memberships", "networks", "why"),
    [
        ((TESTNET,), (), (), "the sender is no member of beckn.one/testnet"),
        ((TESTNET,), (PILOT,), (), "the sender is no member of beckn.one/testnet"),
        ((TESTNET, PILOT), (PILOT,), (), "the sender is no member of beckn.one/testnet"),
        ((TESTNET,), (TESTNET,), (PILOT,), "messages of beckn.one/testnet are not taken here"),
        ((TESTNET,), None, (PILOT,), "messages of beckn.one/testnet are not taken here"),
        ((), (TESTNET,), (PILOT,), "messages of beckn.one/testnet are not taken here"),
        ((), (), (PILOT,), "messages of no network are not taken here"),
    ],
)
def test_a_message_of_another_network_is_refused(
    named: tuple[str, ...], memberships: tuple[str, ...] | None, networks: tuple[str, ...], why: str
) -> None:
    with pytest.raises(NetworkNotAllowed, match=why) as caught:
        check_network(
            CONTEXT._replace(network_ids=named), profile=V2_LTS, memberships=memberships, networks=networks
        )
    assert (caught.value.code, caught.value.http_status) == ("AUT_DOMAIN_NOT_ALLOWED", 403)
    assert caught.value.path == "$.context.networkId"
    assert caught.value.hint


@pytest.mark.parametrize("age", [timedelta(seconds=-5), timedelta(), timedelta(seconds=29)])
def test_a_fresh_message_passes(age: timedelta) -> None:
    check_freshness(CONTEXT, now=NOW + age)


def test_a_message_without_ttl_stays_fresh() -> None:
    check_freshness(CONTEXT._replace(ttl=None), now=NOW + timedelta(days=9))


def test_a_message_from_the_future_is_refused() -> None:
    with pytest.raises(ContextFieldInvalid, match="6 s in the future"):
        check_freshness(CONTEXT, now=NOW - timedelta(seconds=6))


@pytest.mark.parametrize("age", [30, 31, 3600])
def test_a_message_past_its_ttl_is_refused(age: int) -> None:
    with pytest.raises(TtlExpired, match=f"{age - 30} s ago"):
        check_freshness(CONTEXT, now=NOW + timedelta(seconds=age))


@pytest.mark.parametrize("version", sorted(V1_1.versions))
def test_every_version_of_a_generation_is_taken(version: str) -> None:
    check_version(CONTEXT._replace(version=version), profile=V1_1)


def test_a_field_is_named_as_its_generation_names_it() -> None:
    with pytest.raises(SenderMismatch, match="bapId") as caught:
        check_sender(CONTEXT, action=Action.CONFIRM, profile=V2_LTS, signer="mallory.example")
    assert caught.value.path == "$.context.bapId"


@pytest.mark.parametrize("registered", ["BAP", "bap", None])
def test_a_confirm_comes_from_a_bap(registered: str | None) -> None:
    check_role(registered, action=Action.CONFIRM)


def test_a_bpp_sends_no_confirm() -> None:
    with pytest.raises(RoleNotEntitled) as caught:
        check_role("BPP", action=Action.CONFIRM)
    assert caught.value.http_status == 403
