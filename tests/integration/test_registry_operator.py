"""What the operator of a registry decides: letting in, turning down, putting out; and what it sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Network
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.clock import ManualClock, SystemClock
from protocol.keys import write_public_key
from protocol.x25519 import EncryptionPrivateKey, write_encryption_public_key
from registry.app import create_registry_app
from registry.policy import Approval
from registry.tokens import TokenGuard
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.calling import calling
from tests.support.registries import (
    LOOPBACK,
    FixedKeys,
    Newcomer,
    SigningRegistry,
    actions_of,
    asked_of,
    decide,
    enter,
    look_up,
    refusal_of,
    running_signing_registry,
    standing_of,
    status_of,
    step_of,
)
from tests.support.subscribers import BPP
from tests.support.waiting import eventually


@pytest.fixture
async def careful(database: Database) -> AsyncIterator[SigningRegistry]:
    async with running_signing_registry(
        database, policy=replace(LOOPBACK, approval=Approval.MANUAL)
    ) as running:
        yield running


async def test_where_the_operator_approves_a_newcomer_waits_for_that(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["approval"])
    told = await standing_of(careful, BPP)
    assert told["status"] == "UNDER_SUBSCRIPTION"
    assert "operator must approve" in told["reason"]
    answer = await decide(careful, "approve", BPP, reason="we met")
    assert (answer.status_code, answer.json()) == (200, {"status": "SUBSCRIBED"})
    assert await status_of(careful, BPP) == "SUBSCRIBED"
    assert [each[:2] for each in await actions_of(careful)][-2:] == [
        ("approved", "operator"),
        ("entered", "subscriber signed with k1"),
    ]


async def test_an_approval_ahead_of_the_proof_counts_when_that_is_there(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    bpp.hold()
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["challenge"])
    assert (await decide(careful, "approve", BPP)).json() == {"status": "UNDER_SUBSCRIPTION"}
    bpp.let_go()
    await eventually(lambda: status_of(careful, BPP), "SUBSCRIBED")


async def test_an_approval_cannot_be_swapped_for_what_the_operator_never_saw(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["approval"])
    (seen,) = await asked_of(careful, BPP)
    assert seen["revision"] == 1
    await bpp.subscribe(careful, domain="retail", type="BG", location={"city": {"code": "std:080"}})
    await eventually(lambda: step_of(careful, BPP), ["approval"])
    named = {"request_id": seen["id"], "revision": 1}
    for decision in ("approve", "reject"):
        answer = await decide(careful, decision, BPP, **named)
        assert refusal_of(answer) == (409, "POL_GENERIC_ERROR")
        told = answer.json()["error"]["message"]
        assert all(
            words in told for words in ("revision 2", '"BPP" became "BG"', 'became "retail"', "std:080")
        )
        assert "url" not in told
    assert await step_of(careful, BPP) == ["approval"]
    (now_seen,) = await asked_of(careful, BPP)
    assert (now_seen["revision"], now_seen["wanted"]["domain"]) == (2, "retail")
    assert (await decide(careful, "approve", BPP, **named | {"revision": 2})).json() == {
        "status": "SUBSCRIBED"
    }


async def test_an_approval_says_what_was_seen(careful: SigningRegistry, bpp: Newcomer) -> None:
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["approval"])
    (seen,) = await asked_of(careful, BPP)
    for form in ({"request_id": None}, {"revision": None}):
        answer = await decide(careful, "approve", BPP, **form)
        assert refusal_of(answer) == (409, "POL_GENERIC_ERROR")
        assert f"{seen['id']} (revision 1, key 'k1', approval)" in answer.json()["error"]["message"]
    unknown = {"request_id": str(UUID(int=0)), "revision": 1}
    assert (await decide(careful, "approve", BPP, **unknown)).status_code == 404
    never_there = await decide(careful, "approve", BPP, revision=7)
    assert f'in revision 1: url "{bpp.url}", type "BPP"' in never_there.json()["error"]["message"]
    await bpp.subscribe(careful, valid_from="2020-01-01T00:00:00Z")
    earlier = await decide(careful, "approve", BPP, revision=1)
    assert "its times changed" in earlier.json()["error"]["message"]


async def test_an_approval_ahead_of_the_proof_is_kept_for_the_same_and_for_nothing_else(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    place = {"circle": {"radius": 1.10}}
    bpp.hold()
    await bpp.subscribe(careful, location=place)
    await eventually(lambda: step_of(careful, BPP), ["challenge"])
    await decide(careful, "approve", BPP)
    await bpp.subscribe(careful, location=place)
    (asked,) = await asked_of(careful, BPP)
    assert (asked["revision"], asked["needs_approval"]) == (1, False)
    await bpp.subscribe(careful, domain="retail")
    (asked,) = await asked_of(careful, BPP)
    assert (asked["revision"], asked["needs_approval"]) == (2, True)
    await decide(careful, "approve", BPP)
    await bpp.subscribe(careful, domain="retail")
    bpp.let_go()
    await eventually(lambda: status_of(careful, BPP), "SUBSCRIBED")
    (found,) = await look_up(careful, subscriber_id=BPP)
    assert found["domain"] == "retail"


async def test_an_approval_of_one_lets_in_no_other_of_a_name_that_was_turned_down(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    bpp.hold()
    await bpp.subscribe(registry)
    await decide(registry, "reject", BPP)
    await bpp.subscribe(registry)
    await decide(registry, "approve", BPP)
    async with Newcomer(subscriber_id=BPP, key_id="k9") as other:
        await other.subscribe(registry)
        await eventually(lambda: _steps_by_key(registry, "k9"), "approval")
        bpp.let_go()
        await eventually(lambda: status_of(registry, BPP), "SUBSCRIBED")
    (found,) = await look_up(registry, subscriber_id=BPP)
    assert found["key_id"] == "k1"


async def _steps_by_key(registry: SigningRegistry, key_id: str) -> str | None:
    asked = (await standing_of(registry, BPP))["requests"]
    return next((str(each["step"]) for each in asked if each["key_id"] == key_id), None)


async def test_what_the_operator_has_put_out_is_not_let_in_by_an_older_approval(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    bpp.hold()
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["challenge"])
    await decide(careful, "approve", BPP)
    async with Newcomer(subscriber_id=BPP, key_id="k9") as other:
        await other.subscribe(careful)
        await eventually(lambda: _steps_by_key(careful, "k9"), "approval")
        own = next(each for each in await asked_of(careful, BPP) if each["key_id"] == "k9")
        await decide(careful, "approve", BPP, request_id=own["id"], revision=own["revision"])
    await decide(careful, "revoke", BPP)
    await bpp.subscribe(careful)
    bpp.let_go()
    await eventually(lambda: _steps_by_key(careful, "k1"), "approval")


async def test_who_was_turned_down_waits_for_the_operator_from_then_on(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    bpp.hold()
    await bpp.subscribe(registry)
    await eventually(lambda: step_of(registry, BPP), ["challenge"])
    assert (await decide(registry, "reject", BPP, reason="unknown to us")).status_code == 200
    bpp.let_go()
    told = await standing_of(registry, BPP)
    assert "unknown to us" in told["reason"]
    for _ in range(2):
        await bpp.subscribe(registry)
        await eventually(lambda: step_of(registry, BPP), ["approval"])
    assert (await decide(registry, "approve", BPP)).json() == {"status": "SUBSCRIBED"}


async def test_what_was_turned_down_can_be_approved_after_all(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["approval"])
    await decide(careful, "reject", BPP)
    assert (await decide(careful, "approve", BPP)).json() == {"status": "INITIATED"}
    await eventually(lambda: status_of(careful, BPP), "SUBSCRIBED")


async def test_where_several_ask_the_operator_says_which_one(careful: SigningRegistry, bpp: Newcomer) -> None:
    async with Newcomer(subscriber_id=BPP) as other:
        await bpp.subscribe(careful)
        await other.subscribe(careful)
        await eventually(lambda: step_of(careful, BPP), ["approval", "approval"])
        assert (await decide(careful, "approve", BPP)).status_code == 409
        asked = (await standing_of(careful, BPP))["requests"]
        own = next(
            each["id"]
            for each in asked
            if each["signing_public_key"] == write_public_key(bpp.signer.public_key)
        )
        assert (await decide(careful, "approve", BPP, request_id=own)).json() == {"status": "SUBSCRIBED"}
        assert (await decide(careful, "reject", BPP)).status_code == 200


async def test_who_is_put_out_is_out_at_once_and_comes_back_only_by_the_operator(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await enter(registry, bpp)
    assert (await decide(registry, "revoke", BPP, reason="fraud")).json() == {"status": "UNSUBSCRIBED"}
    (found,) = await look_up(registry, subscriber_id=BPP)
    assert found["status"] == "UNSUBSCRIBED"
    assert (await decide(registry, "revoke", BPP)).status_code == 404
    async with calling() as client:
        answer = await client.post(
            f"{registry.url}/subscribe",
            json=bpp.subscription(),
            headers={"Authorization": f"Bearer {registry.token}"},
        )
        assert refusal_of(answer) == (403, "AUT_UNAUTHORIZED_ACTION")
    assert (await bpp.subscribe(registry)).json() == {"status": "UNDER_SUBSCRIPTION"}
    await eventually(lambda: step_of(registry, BPP), ["approval"])
    assert (await decide(registry, "approve", BPP)).json() == {"status": "SUBSCRIBED"}


async def test_a_bar_can_be_lifted_so_that_its_subscriber_may_enter_again(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await enter(registry, bpp)
    await decide(registry, "revoke", BPP)
    assert (await decide(registry, "approve", BPP, reason="all settled")).json() == {"status": "UNSUBSCRIBED"}
    assert (await decide(registry, "approve", BPP)).status_code == 404
    assert (await decide(registry, "reject", BPP)).status_code == 404
    await enter(registry, bpp)


async def test_what_was_asked_for_falls_with_whoever_is_put_out(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await enter(registry, bpp)
    async with Newcomer(subscriber_id="moved.example.com") as elsewhere:
        elsewhere.hold()
        await bpp.patch(registry, url=elsewhere.url)
        await eventually(lambda: step_of(registry, BPP), ["challenge"])
        await decide(registry, "revoke", BPP)
        assert await step_of(registry, BPP) == ["rejected"]


async def test_the_operator_sees_who_asks_and_every_change_with_who_and_why(
    careful: SigningRegistry, bpp: Newcomer
) -> None:
    await bpp.subscribe(careful)
    await eventually(lambda: step_of(careful, BPP), ["approval"])
    headers = {"Authorization": f"Bearer {careful.token}"}
    async with calling(base_url=careful.url, headers=headers) as client:
        listed = (await client.get("/admin/subscriptions?status=UNDER_SUBSCRIPTION")).json()
        assert [each["subscriber_id"] for each in listed["requests"]] == [BPP]
        assert listed["subscriptions"] == []
        assert listed["requests"][0]["asked_from"] == "127.0.0.1"
        await decide(careful, "approve", BPP, reason="we met")
        listed = (await client.get("/admin/subscriptions")).json()
        assert ([each["key_id"] for each in listed["subscriptions"]], listed["requests"]) == (["k1"], [])
        told = (await client.get("/admin/history", params={"subscriber_id": BPP})).json()
        assert [each["action"] for each in told["history"]] == [
            *("asked", "proven", "proven", "approved", "entered")
        ]
        approved, entered = told["history"][-2:]
        assert (approved["who"], approved["why"], approved["from"]) == ("operator", "we met", "127.0.0.1")
        assert (entered["before"], entered["after"]["status"]) == (None, "SUBSCRIBED")
        later = (await client.get(f"/admin/history?after={approved['number']}")).json()
        assert [each["number"] for each in later["history"]] == [entered["number"]]
        assert (await client.get("/admin/history?after=999")).json() == {"history": [], "last": 999}


async def test_who_asks_is_found_by_status_behind_however_many_others(
    database: Database, bpp: Newcomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.admin_api._MOST", 1)
    async with (
        running_signing_registry(database, with_workers=False) as registry,
        Newcomer(subscriber_id="other.example.com") as other,
        calling(base_url=registry.url, headers={"Authorization": f"Bearer {registry.token}"}) as client,
    ):
        await bpp.subscribe(registry)
        await registry.registrar.step()
        await other.subscribe(registry)
        for status, found in (("UNDER_SUBSCRIPTION", [BPP]), ("INITIATED", ["other.example.com"])):
            listed = (await client.get("/admin/subscriptions", params={"status": status})).json()
            assert [each["subscriber_id"] for each in listed["requests"]] == found


@pytest.mark.parametrize("path", ["/admin/subscriptions", "/admin/history"])
async def test_nobody_but_the_operator_sees_who_asks_and_what_has_changed(
    database: Database, path: str
) -> None:
    clock = ManualClock(SystemClock().now())
    async with running_signing_registry(database, clock=clock) as registry, calling() as client:
        assert (await client.get(registry.url + path)).status_code == 401
        wrong = {"Authorization": "Bearer guessed"}
        statuses = [(await client.get(registry.url + path, headers=wrong)).status_code for _ in range(11)]
        assert statuses == [401] * 10 + [429]
        right = {"Authorization": f"Bearer {registry.token}"}
        refused = await client.get(registry.url + path, headers=right)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "6")


async def test_a_lapsed_name_goes_on_at_its_old_url_and_elsewhere_only_by_the_operator(
    database: Database, uow_factory: UnitOfWorkFactory
) -> None:
    clock = ManualClock(SystemClock().now())
    async with (
        running_signing_registry(database, clock=clock) as registry,
        Newcomer(subscriber_id=BPP, clock=clock) as bpp,
        Newcomer(subscriber_id=BPP, key_id="k2", clock=clock) as other,
    ):
        until = clock.now() + timedelta(minutes=10)
        await enter(registry, bpp, valid_until=until.isoformat())
        clock.advance(timedelta(minutes=10))
        assert await status_of(registry, BPP) == "EXPIRED"
        await other.subscribe(registry)
        await eventually(lambda: step_of(registry, BPP), ["approval"])
        bpp.signer = bpp.new_signer("k1")  # whoever has lost its keys makes new ones
        bpp.encryption = EncryptionPrivateKey.generate()
        await enter(registry, bpp)
        assert write_encryption_public_key(bpp.encryption.public_key) in {
            each["encr_public_key"] for each in await look_up(registry, subscriber_id=BPP)
        }
        await decide(registry, "approve", BPP)
        assert (await standing_of(registry, BPP))["requests"][0]["reason"] == (
            "another has proven this name meanwhile"
        )


async def test_who_was_turned_down_does_not_slip_in_with_another_key(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    bpp.hold()
    await bpp.subscribe(registry)
    await eventually(lambda: step_of(registry, BPP), ["challenge"])
    await decide(registry, "reject", BPP)
    bpp.let_go()
    await bpp.subscribe(registry)
    await eventually(lambda: step_of(registry, BPP), ["approval"])
    bpp.signer = bpp.new_signer("k9")
    await bpp.subscribe(registry)
    await eventually(lambda: step_of(registry, BPP), ["approval", "approval"])


async def test_a_token_does_not_bring_back_who_was_put_out_with_another_key(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await enter(registry, bpp)
    await decide(registry, "revoke", BPP)
    bpp.signer = bpp.new_signer("k2")
    headers = {"Authorization": f"Bearer {registry.token}"}
    async with calling(base_url=registry.url, headers=headers) as client:
        answer = await client.post("/subscribe", json=bpp.subscription())
        assert refusal_of(answer) == (403, "AUT_UNAUTHORIZED_ACTION")
        await decide(registry, "approve", BPP)
        assert (await client.post("/subscribe", json=bpp.subscription())).json() == {"status": "SUBSCRIBED"}


@pytest.mark.parametrize(
    ("trusted", "told", "last"),
    [
        ((IPv4Network("192.0.2.1"),), "198.51.100.{}", 401),  # a proxy of ours: each caller for itself
        ((), "198.51.100.{}", 429),  # anybody may say so
        ((IPv4Network("192.0.2.1"),), "2001:db8::{}", 429),  # one household
    ],
)
async def test_guesses_are_counted_for_who_makes_them_also_behind_a_proxy(
    uow_factory: UnitOfWorkFactory, trusted: tuple[IPv4Network, ...], told: str, last: int
) -> None:
    app = create_registry_app(
        uow_factory=uow_factory,
        clock=SystemClock(),
        keys=FixedKeys(),
        guard=TokenGuard.of("right"),
        policy=replace(LOOPBACK, trusted_proxies=trusted),
    )
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
        for number in range(11):
            headers = {"Authorization": "Bearer guessed", "X-Forwarded-For": told.format(number + 1)}
            answer = await client.get("/admin/history", headers=headers)
    assert answer.status_code == last


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_history SET changed_by = 'nobody'",
        "DELETE FROM registry_history",
        "TRUNCATE registry_history",
    ],
)
async def test_what_was_written_down_cannot_be_changed(
    registry: SigningRegistry, bpp: Newcomer, statement: str
) -> None:
    await enter(registry, bpp)
    with pytest.raises(DBAPIError, match="append-only"):
        async with registry.uow_factory() as uow:
            await uow.connection.execute(text(statement))
    assert await actions_of(registry)
