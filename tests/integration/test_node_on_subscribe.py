"""`/on_subscribe` over a real database: answered for the registry that was asked, and for nobody else."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from degnode.join.doorstep import challenge_app
from kernel.clock import ManualClock
from keystore.keychain import Keychain
from keystore.making import open_key_set, seal_key_set
from keystore.store import add_key_set
from node.challenge_desk import SITE_VERIFICATION_PATH, ChallengeDesk
from node.subscription_under_way import (
    MOST_ANSWERS,
    UNDER_WAY_FOR,
    UnderWay,
    begin_subscription,
    end_subscription,
)
from protocol.keys import new_private_key, write_public_key
from protocol.profile import DIGEST_LABELS
from protocol.signing import Signer
from protocol.x25519 import (
    EncryptionPrivateKey,
    read_encryption_private_key,
    read_encryption_public_key,
    write_encryption_public_key,
)
from registry_client.challenge import ChallengeScheme, encrypt_challenge
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.key_sets import NOW, SUBSCRIBER, key_manager, sealed

PLAIN = "0123456789abcdef0123456789abcdef"


@dataclass(kw_only=True)
class Bench:
    """A participant with two key sets, the registry that it has asked, and the line between them."""

    uow_factory: UnitOfWorkFactory
    keychain: Keychain
    clock: ManualClock
    client: httpx.AsyncClient
    signer: Signer = field(
        default_factory=lambda: Signer(
            subscriber_id="registry.example", key_id="r1", private_key=new_private_key()
        )
    )
    encryption: EncryptionPrivateKey = field(default_factory=EncryptionPrivateKey.generate)

    def under_way(self, **changes: Any) -> UnderWay:
        now = self.clock.now()
        return replace(
            UnderWay(
                subscriber_id=SUBSCRIBER,
                key_id="k1",
                registry_url="https://registry.example",
                registry_keys=(self.signer.public_key,),
                registry_encryption_key=self.encryption.public_key,
                scheme=ChallengeScheme.AES_ECB,
                began_at=now,
                until=now + UNDER_WAY_FOR,
            ),
            **changes,
        )

    async def ask(self, **changes: Any) -> None:
        """Have a subscription under way."""
        async with self.uow_factory() as uow:
            await begin_subscription(uow, self.under_way(**changes))

    def riddle(
        self, key_id: str = "k1", *, plain: str = PLAIN, scheme: ChallengeScheme = ChallengeScheme.AES_ECB
    ) -> str:
        receiver = self.keychain.encryption_key(key_id).public_key
        return encrypt_challenge(plain, scheme=scheme, sender=self.encryption, receiver=receiver)

    async def challenge(
        self, challenge: str | None = None, *, signer: Signer | None = None, signed: bool = True, **more: Any
    ) -> httpx.Response:
        """Send a challenge as the registry does."""
        body = orjson.dumps({"status": "UNDER_SUBSCRIPTION", "challenge": challenge or self.riddle(), **more})
        now = self.clock.now()
        header = (signer or self.signer).sign(body, now=now, label=DIGEST_LABELS[0])
        return await self.client.post(
            "/on_subscribe", content=body, headers={"Authorization": header} if signed else {}
        )


@pytest.fixture
async def bench(uow_factory: UnitOfWorkFactory) -> AsyncIterator[Bench]:
    clock = ManualClock(NOW + timedelta(minutes=1))
    async with uow_factory() as uow:
        for key_id in ("k1", "k2"):
            await add_key_set(uow, await sealed(key_id))
    keychain = Keychain(
        subscriber_id=SUBSCRIBER, uow_factory=uow_factory, key_manager=key_manager(), clock=clock
    )
    await keychain.reload()
    app = challenge_app(ChallengeDesk(uow_factory=uow_factory, keychain=keychain, clock=clock))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://bpp.example"
    ) as client:
        yield Bench(uow_factory=uow_factory, keychain=keychain, clock=clock, client=client)


def refusal_of(answer: httpx.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    assert error["details"]["hint"] or error["details"]["path"]
    return answer.status_code, error["code"], error["message"]


async def test_the_registry_that_was_asked_gets_the_plain_text(bench: Bench) -> None:
    await bench.ask()
    answer = await bench.challenge()
    assert (answer.status_code, answer.json()) == (200, {"answer": PLAIN})


async def test_a_sealed_box_is_opened_where_that_was_agreed(bench: Bench) -> None:
    await bench.ask(scheme=ChallengeScheme.SEALED_BOX, registry_encryption_key=None)
    riddle = bench.riddle(scheme=ChallengeScheme.SEALED_BOX)
    assert (await bench.challenge(riddle)).json() == {"answer": PLAIN}


async def test_a_riddle_in_the_other_scheme_is_refused_with_what_to_do(bench: Bench) -> None:
    await bench.ask(scheme=ChallengeScheme.SEALED_BOX)
    status, code, message = refusal_of(await bench.challenge())
    assert (status, code) == (400, "AUT_SIGNATURE_INVALID")
    assert "sealed-box" in message


async def test_the_published_challenge_is_read_in_both_directions(bench: Bench, shared: Path) -> None:
    vector = orjson.loads((shared / "golden" / "signatures.json").read_bytes())["onix_challenge"]
    private = read_encryption_private_key(vector["x25519_private_b_b64"])
    (before,) = (each for each in bench.keychain.sets() if each.key_id == "k1")
    halves = replace(await open_key_set(before, key_manager=key_manager()), encryption=private)
    changed = replace(before, key_id="golden", encryption_public_key=private.public_key)
    async with bench.uow_factory() as uow:
        await add_key_set(uow, await seal_key_set(changed, halves, key_manager=key_manager()))
    await bench.keychain.reload()
    bench.encryption = read_encryption_private_key(vector["x25519_private_a_b64"])
    assert bench.riddle("golden", plain=vector["plaintext"]) == vector["ciphertext_b64"]
    registry_key = read_encryption_public_key(vector["x25519_public_a_b64"])
    await bench.ask(key_id="golden", registry_encryption_key=registry_key)
    answer = await bench.challenge(vector["ciphertext_b64"])
    assert answer.json() == {"answer": vector["plaintext"]}


async def test_the_key_that_the_registry_names_reads_its_riddle(bench: Bench) -> None:
    await bench.ask()
    await bench.ask(key_id="k2")
    for name, key_id in (("key_id", "k1"), ("unique_key_id", "k2"), ("ukId", "k1")):
        named: dict[str, Any] = {name: key_id}
        answer = await bench.challenge(bench.riddle(key_id), **named)
        assert answer.json() == {"answer": PLAIN}


async def test_a_registry_that_names_no_key_is_answered_with_the_one_that_fits(bench: Bench) -> None:
    await bench.ask()
    bench.clock.advance(timedelta(seconds=1))
    await bench.ask(key_id="k2")
    assert (await bench.challenge(bench.riddle("k1"))).json() == {"answer": PLAIN}


async def test_nothing_is_decrypted_that_nobody_here_asked_for(bench: Bench) -> None:
    assert refusal_of(await bench.challenge())[:2] == (409, "POL_GENERIC_ERROR")
    await bench.ask()
    assert refusal_of(await bench.challenge(bench.riddle("k2"), key_id="k2"))[0] == 409


async def test_nothing_is_decrypted_after_the_subscription_is_settled(bench: Bench) -> None:
    await bench.ask()
    async with bench.uow_factory() as uow:
        await end_subscription(uow, subscriber_id=SUBSCRIBER, key_id="k1")
    assert (await bench.challenge()).status_code == 409


async def test_nothing_is_decrypted_long_after_it_was_asked_for(bench: Bench) -> None:
    await bench.ask()
    bench.clock.advance(UNDER_WAY_FOR)
    assert (await bench.challenge()).status_code == 409


async def test_a_stranger_is_refused_and_uses_nothing_up(bench: Bench) -> None:
    await bench.ask()
    stranger = Signer(subscriber_id="registry.example", key_id="r1", private_key=new_private_key())
    for _ in range(MOST_ANSWERS + 1):
        answer = await bench.challenge(signer=stranger)
        assert refusal_of(answer)[:2] == (401, "AUT_SIGNATURE_INVALID")
    assert (await bench.challenge(signed=False)).json()["error"]["code"] == "AUT_SIGNATURE_MISSING"
    assert (await bench.challenge()).status_code == 200


async def test_an_old_call_of_the_registry_is_refused(bench: Bench) -> None:
    await bench.ask()
    body, now = orjson.dumps({"challenge": bench.riddle()}), bench.clock.now()
    header = bench.signer.sign(body, now=now, label=DIGEST_LABELS[0])
    bench.clock.advance(timedelta(minutes=6))
    answer = await bench.client.post("/on_subscribe", content=body, headers={"Authorization": header})
    assert refusal_of(answer)[:2] == (401, "AUT_SIGNATURE_INVALID")


async def test_a_registry_that_signs_nothing_is_answered_so_many_times_and_no_more(bench: Bench) -> None:
    await bench.ask(registry_keys=())
    for _ in range(MOST_ANSWERS):
        assert (await bench.challenge(signed=False)).status_code == 200
    assert refusal_of(await bench.challenge(signed=False))[:2] == (429, "AUT_RATE_LIMITED")
    await bench.ask(registry_keys=())  # asking anew begins anew
    assert (await bench.challenge(signed=False)).status_code == 200


async def test_riddles_that_cannot_be_read_are_counted_too(bench: Bench) -> None:
    await bench.ask(registry_keys=())
    for _ in range(MOST_ANSWERS):
        assert (await bench.challenge(b64encode(bytes(32)).decode(), signed=False)).status_code == 400
    assert (await bench.challenge(signed=False)).status_code == 429


async def test_a_request_that_used_its_answers_up_takes_none_from_another(bench: Bench) -> None:
    await bench.ask(answers_left=1)
    assert (await bench.challenge()).status_code == 200
    await bench.ask(key_id="k2")
    answer = await bench.challenge(bench.riddle("k2"))  # which names no key
    assert answer.json() == {"answer": PLAIN}
    assert (await bench.challenge(key_id="k1")).status_code == 429


async def test_a_new_key_of_the_registry_counts_beside_the_old(bench: Bench) -> None:
    newer = Signer(subscriber_id="registry.example", key_id="r2", private_key=new_private_key())
    await bench.ask(registry_keys=(bench.signer.public_key, newer.public_key))
    assert (await bench.challenge(signer=newer)).status_code == 200


async def test_nobody_is_vouched_for_whose_signing_key_is_not_ours(bench: Bench) -> None:
    await bench.ask()
    ours = write_public_key(bench.keychain.signer_of("k1").public_key)
    assert (await bench.challenge(signing_public_key=ours)).status_code == 200
    for other in (write_public_key(new_private_key().public_key), "no key"):
        answer = await bench.challenge(signing_public_key=other)
        assert refusal_of(answer)[:2] == (409, "AUT_KEY_NOT_FOUND")


async def test_nobody_is_vouched_for_who_has_another_name(bench: Bench) -> None:
    await bench.ask()
    ours = bench.keychain.subscriber_id
    assert (await bench.challenge(subscriber_id=ours)).status_code == 200
    for other in ("somebody.example", 7, ""):
        answer = await bench.challenge(subscriber_id=other)
        assert refusal_of(answer)[:2] == (409, "AUT_KEY_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SCH_INVALID_JSON"),
        (b"[]", "SCH_SCHEMA_VALIDATION_FAILED"),
        (b'{"challenge": 7}', "SCH_SCHEMA_VALIDATION_FAILED"),
        (b'{"challenge": "' + b"A" * 20_000 + b'"}', "POL_GENERIC_ERROR"),
    ],
)
async def test_a_body_that_is_no_challenge_is_refused(bench: Bench, body: bytes, code: str) -> None:
    await bench.ask()
    assert refusal_of(await bench.client.post("/on_subscribe", content=body))[1] == code


async def test_without_the_registrys_encryption_key_the_refusal_says_how_to_give_it(bench: Bench) -> None:
    await bench.ask(registry_encryption_key=None)
    answer = await bench.challenge()
    assert "--registry-encryption-key" in answer.json()["error"]["details"]["hint"]


async def test_it_says_whose_door_it_is_and_whether_a_challenge_is_waited_for(bench: Bench) -> None:
    for under_way in (False, True):
        answer = await bench.client.get("/on_subscribe")
        assert answer.json() == {"subscriber_id": SUBSCRIBER, "under_way": under_way}
        await bench.ask()


async def test_the_page_of_site_verification_signs_the_request_id_as_it_is(bench: Bench) -> None:
    assert (await bench.client.get(SITE_VERIFICATION_PATH)).status_code == 404
    await bench.ask(site_request_id="3f2c-77")
    page = (await bench.client.get(SITE_VERIFICATION_PATH)).text
    content = page.partition('content="')[2].partition('"')[0]
    key = bench.keychain.at(bench.clock.now()).public_key
    assert '<meta name="ondc-site-verification"' in page
    assert key.verifies(b64decode(content), b"3f2c-77")


async def test_an_encryption_key_in_der_reads_the_same_riddle(bench: Bench) -> None:
    der = write_encryption_public_key(bench.encryption.public_key, der=True)
    await bench.ask(registry_encryption_key=read_encryption_public_key(der))
    assert (await bench.challenge()).json() == {"answer": PLAIN}
