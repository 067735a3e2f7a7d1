"""Entering a registry by proof: signed `/subscribe`, the challenge, and whoever tries to get round it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select, update
from starlette.responses import JSONResponse, PlainTextResponse

from kernel.clock import ManualClock, SystemClock
from protocol.keys import write_public_key
from registry.policy import UrlChecks
from registry.request_store import claim_due, find_requests, put_request
from registry.store import find_standing
from registry.tables import requests
from registry_client.challenge import ChallengeScheme, decrypt_challenge
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.calling import calling
from tests.support.names import Names
from tests.support.overtaking import Look, overtake
from tests.support.registries import (
    LOOPBACK,
    Newcomer,
    SigningRegistry,
    actions_of,
    enter,
    look_up,
    refusal_of,
    running_signing_registry,
    standing_of,
    status_of,
    step_of,
)
from tests.support.subscribers import BPP, NOW
from tests.support.waiting import eventually


async def reason_of(registry: SigningRegistry, subscriber_id: str = BPP) -> str | None:
    reason: str | None = (await standing_of(registry, subscriber_id)).get("reason")
    return reason


async def test_a_newcomer_proves_itself_and_is_found(registry: SigningRegistry, bpp: Newcomer) -> None:
    bpp.hold()
    answer = await bpp.subscribe(registry)
    assert (answer.status_code, answer.json()) == (200, {"status": "UNDER_SUBSCRIPTION"})
    await eventually(lambda: status_of(registry, BPP), "UNDER_SUBSCRIPTION")
    assert await look_up(registry, subscriber_id=BPP) == []
    (asked,) = await look_up(registry, status="UNDER_SUBSCRIPTION", domain=bpp.domain, type="BPP")
    assert (asked["subscriber_id"], asked["status"]) == (BPP, "UNDER_SUBSCRIPTION")
    bpp.let_go()
    await eventually(lambda: status_of(registry, BPP), "SUBSCRIBED")
    (found,) = await look_up(registry, subscriber_id=BPP)
    assert found["signing_public_key"] == write_public_key(bpp.signer.public_key)
    assert (found["status"], found["url"]) == ("SUBSCRIBED", bpp.url)
    assert await actions_of(registry) == [
        ("asked", "subscriber signed with k1", False),
        ("proven", "registry", False),
        ("entered", "subscriber signed with k1", True),
    ]
    (challenge,) = bpp.challenges
    assert (challenge["subscriber_id"], challenge["key_id"]) == (BPP, "k1")
    assert challenge["signing_public_key"] == write_public_key(bpp.signer.public_key)
    assert (await standing_of(registry, BPP))["requests"] == []


@pytest.mark.parametrize("der", [False, True])
@pytest.mark.parametrize("scheme", ChallengeScheme)
async def test_the_challenge_comes_in_the_registrys_scheme_for_raw_and_der_keys(
    database: Database, scheme: ChallengeScheme, der: bool
) -> None:
    async with (
        running_signing_registry(database, policy=replace(LOOPBACK, scheme=scheme)) as registry,
        Newcomer(subscriber_id=BPP, scheme=scheme, der=der) as bpp,
    ):
        await enter(registry, bpp)
        (found,) = await look_up(registry, subscriber_id=BPP)
        assert len(found["encr_public_key"]) == (60 if der else 44)


@pytest.mark.parametrize("look", [find_requests, find_standing], ids=lambda look: str(look.__name__))
async def test_who_is_let_in_again_while_it_asks_is_not_told_that_it_is_out(
    registry: SigningRegistry,
    bpp: Newcomer,
    monkeypatch: pytest.MonkeyPatch,
    look: Look,
) -> None:
    async def let_in() -> None:
        bpp.let_go()
        await eventually(lambda: status_of(registry, BPP), "SUBSCRIBED")

    await enter(registry, bpp)
    await bpp.patch(registry, status="UNSUBSCRIBED")
    bpp.hold()
    await bpp.subscribe(registry)
    overtake(monkeypatch, look, used_in="registry.subscribe_api", by=let_in)
    told = await standing_of(registry, BPP)
    assert told["requests"] or told["status"] == "SUBSCRIBED"


async def test_asking_again_is_harmless(registry: SigningRegistry, bpp: Newcomer) -> None:
    await enter(registry, bpp)
    before = await actions_of(registry)
    answer = await bpp.subscribe(registry)
    assert answer.json() == {"status": "SUBSCRIBED"}
    assert (await actions_of(registry), len(bpp.challenges)) == (before, 1)


async def test_what_is_open_is_told_however_much_was_fulfilled_since(
    database: Database, bpp: Newcomer
) -> None:
    async with running_signing_registry(database, with_workers=False) as registry:
        await bpp.subscribe(registry)
        async with registry.uow_factory() as uow:
            (asked,) = await find_requests(uow, subscriber_id=BPP)
            for number in range(20):
                later = asked.updated_at + timedelta(seconds=number + 1)
                await put_request(uow, replace(asked.enter(now=later), id=UUID(int=number)))
        assert await step_of(registry, BPP) == ["check"]


async def test_a_wrong_answer_lets_nobody_in_and_the_reason_can_be_read(
    database: Database, bpp: Newcomer
) -> None:
    bpp.answer = lambda _: JSONResponse({"answer": "guessed"})
    async with running_signing_registry(database, policy=replace(LOOPBACK, max_attempts=3)) as registry:
        await bpp.subscribe(registry)

        async def step() -> list[str]:
            return [each["step"] for each in (await standing_of(registry, BPP))["requests"]]

        await eventually(step, ["failed"])
        told = await standing_of(registry, BPP)
        assert (told["status"], told["reason"]) == (
            "UNDER_SUBSCRIPTION",
            "the answer to the challenge is wrong",
        )
        assert "aes-ecb" in told["hint"]
        assert "Then ask again" in told["hint"]
        assert len(bpp.challenges) == 3
        assert await look_up(registry, subscriber_id=BPP) == []
        bpp.answer = None
        await enter(registry, bpp)
        assert [each for each, _, _ in await actions_of(registry)] == [
            *("asked", "proven", "failed", "asked", "proven", "entered"),
        ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (PlainTextResponse("no", 500), "HTTP 500"),
        (PlainTextResponse("", 302, headers={"Location": "http://127.0.0.1:1/"}), "HTTP 302"),
        (PlainTextResponse("no json"), "gave no answer"),
        (JSONResponse(["answer"]), "gave no answer"),
        (JSONResponse({"answer": 7}), "gave no answer"),
        (PlainTextResponse("x" * 20_000), "said more than is listened to"),
    ],
)
async def test_whatever_answers_there_is_told_in_our_own_words(
    database: Database, bpp: Newcomer, answer: Any, reason: str
) -> None:
    bpp.answer = lambda _: answer
    async with running_signing_registry(database, policy=replace(LOOPBACK, max_attempts=1)) as registry:
        await bpp.subscribe(registry)

        async def is_told() -> bool:
            return reason in (await reason_of(registry) or "")

        await eventually(is_told, True)


async def test_an_answer_in_an_envelope_counts_too(registry: SigningRegistry, bpp: Newcomer) -> None:
    def wrapped(content: dict[str, Any]) -> JSONResponse:
        plain = decrypt_challenge(
            content["challenge"],
            scheme=ChallengeScheme.AES_ECB,
            sender=registry.keys.encryption.public_key,
            receiver=bpp.encryption,
        )
        return JSONResponse({"context": {}, "message": {"answer": plain}})

    bpp.answer = wrapped
    await enter(registry, bpp)


async def test_an_address_where_nobody_answers_is_told_and_tried_again_until_somebody_does(
    registry: SigningRegistry,
) -> None:
    bpp = Newcomer(subscriber_id=BPP)
    await bpp.server.start()
    url = bpp.url
    await bpp.server.stop()
    answer = await bpp.subscribe(registry, url=url)
    assert answer.json() == {"status": "UNDER_SUBSCRIPTION"}

    async def has_failed() -> bool:
        return "cannot be reached" in (await reason_of(registry) or "")

    await eventually(has_failed, True)
    (asked,) = (await standing_of(registry, BPP))["requests"]
    assert asked["step"] in ("check", "failed")
    async with bpp:
        await enter(registry, bpp)


async def test_a_request_outlives_the_process_that_took_it(database: Database, bpp: Newcomer) -> None:
    async with running_signing_registry(database, with_workers=False) as first:
        await bpp.subscribe(first)
        keys = first.keys
    async with running_signing_registry(database) as second:
        bpp.registry = second.keys
        assert second.keys is not keys
        await eventually(lambda: status_of(second, BPP), "SUBSCRIBED")


async def test_a_try_whose_process_died_is_made_again_when_its_lease_is_over(
    database: Database, bpp: Newcomer
) -> None:
    clock = ManualClock(NOW)
    bpp.clock = clock
    async with running_signing_registry(database, with_workers=False, clock=clock) as registry:
        await bpp.subscribe(registry)
        async with registry.uow_factory() as uow:
            assert await claim_due(uow, now=clock.now())  # and here the process dies
        assert not await registry.registrar.step()
        clock.advance(timedelta(minutes=1))
        assert await registry.registrar.step()
        assert await registry.registrar.step()
        assert await status_of(registry, BPP) == "SUBSCRIBED"


# --- whoever tries to get round it


async def test_a_name_that_is_taken_cannot_be_taken_over(registry: SigningRegistry, bpp: Newcomer) -> None:
    await enter(registry, bpp)
    async with Newcomer(subscriber_id=BPP, key_id="k1") as thief:
        assert refusal_of(await thief.subscribe(registry)) == (401, "AUT_SIGNATURE_INVALID")
    async with Newcomer(subscriber_id=BPP, key_id="k2") as thief:
        answer = await thief.subscribe(registry)
        assert refusal_of(answer) == (403, "AUT_UNAUTHORIZED_ACTION")
        assert "'k1'" in answer.json()["error"]["details"]["hint"]
        assert refusal_of(await thief.patch(registry, status="UNSUBSCRIBED")) == (401, "AUT_KEY_NOT_FOUND")
        assert thief.challenges == []
    (found,) = await look_up(registry, subscriber_id=BPP)
    assert found["signing_public_key"] == write_public_key(bpp.signer.public_key)


async def test_of_two_who_ask_for_a_name_the_one_who_answers_gets_it(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    async with Newcomer(subscriber_id=BPP, key_id="k1") as squatter:
        squatter.answer = lambda _: JSONResponse({"answer": "guessed"})
        await squatter.subscribe(registry)
        await enter(registry, bpp)
        squatter.answer = None
        assert refusal_of(await squatter.subscribe(registry)) == (401, "AUT_SIGNATURE_INVALID")
        (found,) = await look_up(registry, subscriber_id=BPP)
        assert found["signing_public_key"] == write_public_key(bpp.signer.public_key)


async def test_whoever_proves_a_name_second_does_not_get_it(database: Database, bpp: Newcomer) -> None:
    async with (
        running_signing_registry(database, with_workers=False) as registry,
        Newcomer(subscriber_id=BPP, key_id="k9") as second,
    ):
        await bpp.subscribe(registry)
        await second.subscribe(registry)
        while await registry.registrar.step():
            pass
        (found,) = await look_up(registry, subscriber_id=BPP)
        (failed,) = (await standing_of(registry, BPP))["requests"]
        assert failed["key_id"] != found["key_id"]
        assert failed["reason"] == "another has proven this name meanwhile"


async def test_a_signature_that_does_not_fit_the_body_is_refused(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    other = bpp.new_signer("k1")
    answer = await bpp.subscribe(registry, signer=other)
    assert refusal_of(answer) == (401, "AUT_SIGNATURE_INVALID")
    assert answer.headers["WWW-Authenticate"].startswith('Signature realm="registry.local"')


async def test_a_signature_of_another_subscriber_is_refused(registry: SigningRegistry, bpp: Newcomer) -> None:
    async with Newcomer(subscriber_id="other.example.com") as other:
        answer = await bpp.subscribe(registry, signer=other.signer)
    assert refusal_of(answer) == (401, "AUT_UNAUTHORIZED_ACTION")


async def test_a_newcomer_signs_with_the_key_that_it_brings(registry: SigningRegistry, bpp: Newcomer) -> None:
    answer = await bpp.subscribe(registry, signer=bpp.new_signer("k7"))
    assert refusal_of(answer) == (401, "AUT_KEY_NOT_FOUND")


async def test_a_nonce_counts_once(registry: SigningRegistry, bpp: Newcomer) -> None:
    await bpp.subscribe(registry, nonce="the-same-nonce")
    answer = await bpp.subscribe(registry, nonce="the-same-nonce")
    assert refusal_of(answer) == (401, "AUT_REPLAY_DETECTED")
    async with Newcomer(subscriber_id="other.example.com") as other:
        assert (await other.subscribe(registry, nonce="the-same-nonce")).status_code == 200


async def test_a_request_that_was_read_on_the_way_cannot_be_sent_again(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    raw = orjson.dumps(bpp.subscription())
    headers = {
        "Authorization": bpp.signer.sign(raw, now=SystemClock().now(), label="BLAKE-512"),
        "Content-Type": "application/json",
    }
    bpp.registry = registry.keys
    async with calling() as client:
        answers = [
            await client.post(f"{registry.url}/subscribe", content=raw, headers=headers) for _ in range(2)
        ]
    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize("field", ["nonce", "encr_public_key"])
async def test_what_only_a_signed_request_needs_is_asked_for(
    registry: SigningRegistry, bpp: Newcomer, field: str
) -> None:
    answer = await bpp.subscribe(registry, **{field: None})
    assert answer.json()["error"]["details"]["path"] == field
    assert answer.status_code == 400


async def test_the_signing_key_cannot_be_the_encryption_key_too(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    answer = await bpp.subscribe(registry, encr_public_key=write_public_key(bpp.signer.public_key))
    assert "a key of its own" in answer.json()["error"]["message"]


async def test_an_encryption_key_of_small_order_is_refused_for_good(
    registry: SigningRegistry, bpp: Newcomer
) -> None:
    await bpp.subscribe(registry, encr_public_key="A" * 43 + "=")

    async def is_told() -> bool:
        return "small order" in (await reason_of(registry) or "")

    await eventually(is_told, True)
    (asked,) = (await standing_of(registry, BPP))["requests"]
    assert (asked["step"], asked["attempts"]) == ("failed", 1)


@pytest.mark.parametrize(
    ("checks", "url", "why"),
    [
        (UrlChecks.STRICT, "http://bpp.example.com", "is not https"),
        (UrlChecks.STRICT, "https://127.0.0.1:8080", "this machine itself"),
        (UrlChecks.STRICT, "https://elsewhere.example.org", "does not belong to bpp.example.com"),
        (UrlChecks.STRICT, "https://notbpp.example.com", "does not belong to bpp.example.com"),
        (UrlChecks.LOOPBACK, "https://elsewhere.example.org", "does not belong to bpp.example.com"),
        (UrlChecks.LOOPBACK, "http://169.254.169.254/latest", "this registry takes no such URL"),
        (UrlChecks.LOOPBACK, "https://10.0.0.1", "private network"),
        (UrlChecks.PRIVATE, "http://169.254.169.254/latest", "this registry takes no such URL"),
    ],
)
async def test_a_url_that_is_not_the_subscribers_own_or_leads_astray_is_refused(
    database: Database, checks: UrlChecks, url: str, why: str
) -> None:
    async with running_signing_registry(database, policy=replace(LOOPBACK, checks=checks)) as registry:
        answer = await Newcomer(subscriber_id=BPP).subscribe(registry, url=url)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["details"]["path"]) == (
            400,
            "CTX_INVALID_FIELD",
            "url",
        )
        assert why in error["message"]
        async with registry.uow_factory() as uow:
            assert (await uow.connection.execute(select(requests))).all() == []


async def test_a_name_that_stands_for_a_private_address_is_found_out_when_it_is_connected_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch).mean(BPP, ["10.0.0.1"])
    policy = replace(LOOPBACK, checks=UrlChecks.STRICT)
    async with running_signing_registry(database, policy=policy) as registry:
        await Newcomer(subscriber_id=BPP).subscribe(registry, url=f"https://{BPP}")

        async def is_told() -> bool:
            return "does not connect to" in (await reason_of(registry) or "")

        await eventually(is_told, True)
        assert await step_of(registry, BPP) == ["failed"]
        assert "10.0.0.1" not in str(await standing_of(registry, BPP))


async def test_who_asks_for_much_that_is_slow_waits_for_itself(
    database: Database, uow_factory: UnitOfWorkFactory, bpp: Newcomer
) -> None:
    clock = ManualClock(SystemClock().now())
    names = [f"n{number}.example.com" for number in range(3)]
    async with running_signing_registry(database, clock=clock, with_workers=False) as registry:
        for name in names:
            await Newcomer(subscriber_id=name, clock=clock).subscribe(registry, url=bpp.url)
            clock.advance(timedelta(seconds=1))
        async with uow_factory() as uow:
            elsewhere = requests.c.subscriber_id.in_(names[1:])
            await uow.connection.execute(update(requests).where(elsewhere).values(asked_from="192.0.2.1"))
            again = requests.c.subscriber_id == names[1]
            await uow.connection.execute(update(requests).where(again).values(attempts=1))
        claimed = []
        for _ in names:
            async with uow_factory() as uow:
                request = await claim_due(uow, now=clock.now(), busy_with=["127.0.0.1"])
            claimed.append(request and request.wanted.subscriber_id)
    assert claimed == [names[2], names[1], names[0]]


async def test_an_address_is_served_while_its_request_is_tried(database: Database, bpp: Newcomer) -> None:
    async with running_signing_registry(database, with_workers=False) as registry:
        bpp.hold()
        await bpp.subscribe(registry)
        assert await registry.registrar.step()
        trying = asyncio.create_task(registry.registrar.step())

        async def is_asked() -> int:
            return len(bpp.challenges)

        await eventually(is_asked, 1)
        assert registry.registrar._busy_with == ["127.0.0.1"]
        bpp.let_go()
        assert await trying
        assert registry.registrar._busy_with == []


async def test_one_address_may_not_ask_without_end(database: Database, bpp: Newcomer) -> None:
    policy = replace(LOOPBACK, signed_per_minute=2)
    async with running_signing_registry(database, policy=policy) as registry:
        answers = [await bpp.subscribe(registry) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
