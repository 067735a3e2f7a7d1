"""Subscribers change what stands of them: keys with overlap, revocation, another URL, leaving."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.responses import JSONResponse

from kernel.clock import ManualClock, SystemClock, format_instant
from protocol.keys import write_public_key
from protocol.signing import Signer
from protocol.x25519 import EncryptionPrivateKey, write_encryption_public_key
from registry.policy import Approval
from registry.tables import history
from storage.database import Database
from tests.support.calling import calling
from tests.support.registries import (
    LOOPBACK,
    Newcomer,
    SigningRegistry,
    enter,
    look_up,
    running_signing_registry,
    standing_of,
    status_of,
)
from tests.support.subscribers import BPP
from tests.support.waiting import eventually


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
async def bpp(registry: SigningRegistry, clock: ManualClock) -> AsyncIterator[Newcomer]:
    """A BPP that is subscribed."""
    async with Newcomer(subscriber_id=BPP, clock=clock) as newcomer:
        await enter(registry, newcomer, location={"city": {"code": "std:080"}})
        yield newcomer


def keys_of(signer: Signer, encryption: EncryptionPrivateKey) -> dict[str, Any]:
    return {
        "key_id": signer.key_id,
        "signing_public_key": write_public_key(signer.public_key),
        "encr_public_key": write_encryption_public_key(encryption.public_key),
    }


async def statuses(registry: SigningRegistry) -> dict[str, str]:
    return {each["key_id"]: each["status"] for each in await look_up(registry, subscriber_id=BPP)}


async def add_key(registry: SigningRegistry, bpp: Newcomer, key_id: str = "k2") -> Signer:
    """Have one more key with a new encryption key of its own."""
    second, encryption = bpp.new_signer(key_id), EncryptionPrivateKey.generate()
    answer = await bpp.patch(registry, proof=second, **keys_of(second, encryption))
    assert answer.json() == {"status": "UNDER_SUBSCRIPTION"}, answer.text
    bpp.encryption = encryption
    seen = await statuses(registry)
    await eventually(lambda: statuses(registry), seen | {key_id: "SUBSCRIBED"})
    return second


async def test_a_second_key_is_added_by_the_first_and_both_count_until_the_first_ends(
    registry: SigningRegistry, bpp: Newcomer, clock: ManualClock
) -> None:
    second = await add_key(registry, bpp)
    assert [each["key_id"] for each in bpp.challenges] == ["k1", "k2"]
    found = {each["key_id"]: each for each in await look_up(registry, subscriber_id=BPP)}
    assert found["k2"]["url"] == bpp.url
    assert found["k2"]["location"] == {"city": {"code": "std:080"}}
    end = clock.now() + timedelta(hours=24)
    answer = await bpp.patch(registry, signer=second, key_id="k1", valid_until=format_instant(end))
    assert answer.json() == {"status": "SUBSCRIBED"}
    assert await statuses(registry) == {"k1": "SUBSCRIBED", "k2": "SUBSCRIBED"}
    clock.advance(timedelta(hours=25))
    assert await statuses(registry) == {"k1": "EXPIRED", "k2": "SUBSCRIBED"}
    refused = await bpp.patch(registry, key_id="k1", valid_until="2099-01-01T00:00:00Z")
    assert refused.json()["error"]["code"] == "AUT_KEY_EXPIRED_OR_REVOKED"


async def test_a_key_that_starts_later_is_announced_ahead_and_does_not_sign_before(
    registry: SigningRegistry, bpp: Newcomer, clock: ManualClock
) -> None:
    second = bpp.new_signer("k2")
    start = clock.now() + timedelta(hours=1)
    answer = await bpp.patch(
        registry, proof=second, valid_from=format_instant(start), **keys_of(second, bpp.encryption)
    )
    assert answer.json() == {"status": "SUBSCRIBED"}  # the encryption key was proven before
    refused = await bpp.patch(registry, signer=second, key_id="k1", status="UNSUBSCRIBED")
    assert refused.status_code == 401
    clock.set(start)
    answer = await bpp.patch(registry, signer=second, key_id="k1", status="UNSUBSCRIBED")
    assert answer.json() == {"status": "UNSUBSCRIBED"}


async def test_a_new_key_signs_what_another_asks_for_it(registry: SigningRegistry, bpp: Newcomer) -> None:
    second = bpp.new_signer("k2")
    wanted = keys_of(second, bpp.encryption)
    for proof, code in (
        (None, "AUT_SIGNATURE_MISSING"),
        (bpp.new_signer("k2"), "AUT_SIGNATURE_INVALID"),
        (bpp.signer, "AUT_UNAUTHORIZED_ACTION"),
    ):
        answer = await bpp.patch(registry, proof=proof, **wanted)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
        assert answer.json()["error"]["details"]["path"] == "header X-Key-Proof"
    assert await statuses(registry) == {"k1": "SUBSCRIBED"}


async def test_the_same_can_be_asked_by_subscribing_again(registry: SigningRegistry, bpp: Newcomer) -> None:
    second = bpp.new_signer("k2")
    answer = await bpp.subscribe(registry, signer=bpp.signer, proof=second, **keys_of(second, bpp.encryption))
    assert answer.json() == {"status": "SUBSCRIBED"}
    assert await statuses(registry) == {"k1": "SUBSCRIBED", "k2": "SUBSCRIBED"}


async def test_a_revoked_key_is_out_at_once_and_never_comes_back(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    second = await add_key(registry, bpp)
    answer = await bpp.patch(
        registry, signer=second, key_id="k1", status="UNSUBSCRIBED", reason="the laptop was stolen"
    )
    assert answer.json() == {"status": "UNSUBSCRIBED"}
    assert await statuses(registry) == {"k1": "UNSUBSCRIBED", "k2": "SUBSCRIBED"}
    async with registry.uow_factory() as uow:
        rows = (await uow.connection.execute(select(history).order_by(history.c.id))).all()
    assert (rows[-1].action, rows[-1].changed_by, rows[-1].why) == (
        "revoked",
        "subscriber signed with k2",
        "the laptop was stolen",
    )
    assert (rows[-1].before["status"], rows[-1].content["status"]) == ("SUBSCRIBED", "UNSUBSCRIBED")
    assert (await bpp.patch(registry, key_id="k2", status="UNSUBSCRIBED")).status_code == 401
    old = keys_of(bpp.signer, bpp.encryption)
    for name in ("k1", "k3"):
        again = replace(bpp.signer, key_id=name)
        answer = await bpp.patch(registry, signer=second, proof=again, **old | {"key_id": name})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "AUT_KEY_EXPIRED_OR_REVOKED")


async def test_a_name_of_a_key_is_not_given_to_another_key(registry: SigningRegistry, bpp: Newcomer) -> None:
    other = bpp.new_signer("k1")
    answer = await bpp.patch(registry, proof=other, **keys_of(other, bpp.encryption))
    assert answer.status_code == 409
    assert "another key of the name 'k1'" in answer.json()["error"]["message"]


async def test_a_new_url_where_somebody_else_answers_is_not_taken_and_the_old_one_stands(
    registry: SigningRegistry, bpp: Newcomer, clock: ManualClock
) -> None:
    async with Newcomer(subscriber_id=BPP, clock=clock) as somebody_else:
        somebody_else.answer = lambda _: JSONResponse({"answer": "guessed"})
        somebody_else.hold()
        answer = await bpp.patch(registry, url=somebody_else.url)
        assert answer.json() == {"status": "UNDER_SUBSCRIPTION"}
        assert await status_of(registry, BPP) == "SUBSCRIBED"
        somebody_else.let_go()

        async def steps() -> list[str]:
            return [each["step"] for each in (await standing_of(registry, BPP))["requests"]]

        await eventually(steps, ["failed"])
        (found,) = await look_up(registry, subscriber_id=BPP)
        assert (found["url"], found["status"]) == (bpp.url, "SUBSCRIBED")


async def test_all_keys_move_to_a_new_url_when_it_is_proven(
    registry: SigningRegistry, bpp: Newcomer, clock: ManualClock
) -> None:
    second = bpp.new_signer("k2")
    await bpp.patch(registry, proof=second, **keys_of(second, bpp.encryption))
    async with Newcomer(subscriber_id=BPP, clock=clock) as new_home:
        new_home.encryption, new_home.registry = bpp.encryption, registry.keys
        new_home.hold()
        await bpp.patch(registry, url=new_home.url, location={"city": {"code": "std:011"}})
        end = format_instant(clock.advance(timedelta(seconds=1)) + timedelta(days=1))
        await bpp.patch(registry, signer=second, key_id="k1", valid_until=end)
        new_home.let_go()

        async def urls() -> list[str]:
            return [each["url"] for each in await look_up(registry, subscriber_id=BPP)]

        await eventually(urls, [new_home.url] * 2)
        first, _ = await look_up(registry, subscriber_id=BPP, location={"city": {"code": "std:011"}})
        assert first["valid_until"] == end  # what was said meanwhile still holds


async def test_what_a_key_asked_for_falls_when_it_is_revoked(
    registry: SigningRegistry, bpp: Newcomer, clock: ManualClock
) -> None:
    second = await add_key(registry, bpp)
    async with Newcomer(subscriber_id=BPP, clock=clock) as new_home:
        new_home.encryption, new_home.registry = bpp.encryption, registry.keys
        third, encryption = bpp.new_signer("k3"), EncryptionPrivateKey.generate()
        bpp.hold()
        await bpp.patch(registry, proof=third, **keys_of(third, encryption))
        bpp.encryption = encryption

        async def challenged() -> str:
            return str(bpp.challenges[-1]["key_id"])

        await eventually(challenged, "k3")
        await bpp.patch(registry, signer=second, key_id="k1", status="UNSUBSCRIBED")
        bpp.let_go()

        async def reasons() -> list[str]:
            return [str(each.get("reason")) for each in (await standing_of(registry, BPP))["requests"]]

        await eventually(reasons, ["the key 'k1' that asked for it has ended meanwhile"])
        assert await statuses(registry) == {"k1": "UNSUBSCRIBED", "k2": "SUBSCRIBED"}


async def test_a_domain_or_place_changes_at_once_as_the_url_stays(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    answer = await bpp.patch(registry, domain="retail", location={"country": {"code": "IND"}})
    assert answer.json() == {"status": "SUBSCRIBED"}
    (found,) = await look_up(registry, domain="retail", country="IND")
    assert found["location"] == {"country": {"code": "IND"}}
    assert len(bpp.challenges) == 1


async def test_where_the_operator_approves_it_is_asked_about_another_domain_but_not_about_a_key(
    database: Database,
) -> None:
    async with (
        running_signing_registry(database) as registry,
        Newcomer(subscriber_id=BPP) as bpp,
    ):
        await enter(registry, bpp)
    async with running_signing_registry(
        database, policy=replace(LOOPBACK, approval=Approval.MANUAL)
    ) as careful:
        second = bpp.new_signer("k2")
        answer = await bpp.patch(careful, proof=second, **keys_of(second, bpp.encryption))
        assert answer.json() == {"status": "SUBSCRIBED"}
        answer = await bpp.patch(careful, domain="retail")
        assert answer.json() == {"status": "UNDER_SUBSCRIPTION"}
        (asked,) = (await standing_of(careful, BPP))["requests"]
        assert asked["step"] == "approval"


async def test_who_leaves_is_out_with_every_key_and_can_come_again(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await add_key(registry, bpp)
    answer = await bpp.patch(registry, status="UNSUBSCRIBED")
    assert answer.json() == {"status": "UNSUBSCRIBED"}
    assert await statuses(registry) == {"k1": "UNSUBSCRIBED", "k2": "UNSUBSCRIBED"}
    assert await status_of(registry, BPP) == "UNSUBSCRIBED"
    assert (await bpp.patch(registry, status="UNSUBSCRIBED")).status_code == 401
    await enter(registry, bpp)
    assert await statuses(registry) == {"k1": "SUBSCRIBED", "k2": "UNSUBSCRIBED"}


@pytest.mark.parametrize(
    ("change", "path", "why"),
    [
        ({}, "body", "nothing to change"),
        ({"valid_until": "2099-01-01T00:00:00Z"}, "key_id", "one by one"),
        ({"key_id": "k9", "valid_until": "2099-01-01T00:00:00Z"}, "key_id", "has no key 'k9'"),
        ({"key_id": "k9", "status": "UNSUBSCRIBED"}, "key_id", "has no key 'k9'"),
        ({"key_id": "k1", "valid_until": "2001-01-01T00:00:00Z"}, "valid_until", "not after"),
        ({"key_id": "k1", "status": "SUBSCRIBED"}, "status", "status"),
        (
            {"key_id": "k2", "signing_public_key": "ONtluFKk9FfVIePk0FJjCZE1XlTdcXtcWWRjqzllVSw="},
            "encr_public_key",
            "is missing",
        ),
        ({"nonce": None}, "nonce", "is missing"),
    ],
)
async def test_what_cannot_be_changed_is_refused_with_a_reason(
    registry: SigningRegistry, bpp: Newcomer, change: dict[str, Any], path: str, why: str
) -> None:
    answer = await bpp.patch(registry, **change)
    error = answer.json()["error"]
    assert answer.status_code in (400, 401)
    assert error["details"]["path"] == path
    assert why in error["message"]
    assert error["details"]["hint"]


async def test_strangers_change_nothing(registry: SigningRegistry, bpp: Newcomer, clock: ManualClock) -> None:
    stranger = Newcomer(subscriber_id="other.example.com", clock=clock)
    answer = await stranger.patch(registry, domain="retail")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUT_SUBSCRIBER_NOT_FOUND")
    answer = await stranger.patch(registry, subscriber_id=BPP, status="UNSUBSCRIBED")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUT_UNAUTHORIZED_ACTION")
    assert await statuses(registry) == {"k1": "SUBSCRIBED"}


async def test_a_change_is_signed_and_not_asked_with_the_token(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    async with calling() as client:
        answer = await client.patch(
            f"{registry.url}/subscribe",
            json=bpp.change(status="UNSUBSCRIBED"),
            headers={"Authorization": f"Bearer {registry.token}"},
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUT_SIGNATURE_INVALID")
