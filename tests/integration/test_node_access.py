"""Who may do what at a running node's doors: peers, their rates, and API keys over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from kernel.clock import ManualClock, SystemClock
from node.api_keys import HEADER
from node.audit import Actor, list_acts
from node.guessing import TRIES
from node.peer_gate import PeerGate
from node.peer_pins import PeerPin
from node.peer_rule_store import (
    PeerRuleInvalid,
    PeerRuleNotFound,
    PeerRuleWish,
    list_peer_rules,
    make_peer_rule,
    remove_peer_rule,
)
from node.peer_rules import Effect, PeerRule, RuleField
from node.scopes import Scope
from protocol.actions import Action, Role
from storage.database import Database
from storage.tables import OutboxState
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.calling import calling
from tests.support.door import BAP_ID, BPP_ID, CONFIRM, World, seller_at_the_door
from tests.support.outgoing import NOW
from tests.support.participants import API_KEY, RunningParticipant
from tests.support.rc_examples import example
from tests.support.village import running_village
from tests.support.waiting import eventually

OPERATOR: Final = Actor(who="op@host")
ADMIN: Final = {HEADER: API_KEY}
KEYS, RULES, AUDIT = "/api/v1/api-keys", "/api/v1/peer-rules", "/api/v1/audit"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with seller_at_the_door(database, tmp_path) as world:
        yield world


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """The seller's HTTP API, to somebody who may do everything."""
    async with calling(base_url=world.bpp.url, headers=ADMIN) as client:
        yield client


def wish(effect: Effect, pattern: str, field: RuleField = RuleField.SUBSCRIBER, **more: Any) -> PeerRuleWish:
    return PeerRuleWish(effect=effect, field=field, pattern=pattern, why="a complaint", **more)


async def make(uow_factory: UnitOfWorkFactory, wanted: PeerRuleWish) -> int:
    async with uow_factory() as uow:
        return (await make_peer_rule(uow, wanted, by=OPERATOR, now=NOW)).id


async def confirm(world: World) -> httpx.Response:
    return await world.buyer.send(Action.CONFIRM, CONFIRM, to=world.bpp.address)


async def status(world: World) -> int:
    return (await confirm(world)).status_code


async def new_key(api: httpx.AsyncClient, *scopes: str, name: str = "somebody") -> dict[str, Any]:
    response = await api.post(KEYS, json={"name": name, "scopes": list(scopes)})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


# Peers


async def test_a_rule_made_elsewhere_counts_at_the_door_at_once(
    world: World, uow_factory: UnitOfWorkFactory
) -> None:
    assert await status(world) == 200
    rule = await make(uow_factory, wish(Effect.REFUSE, "*.bakery.example"))

    async def is_refused() -> tuple[int, str | None]:
        response = await confirm(world)
        return response.status_code, response.json().get("error", {}).get("code")

    await eventually(is_refused, (403, "POL_ENGAGEMENT_REFUSED"))
    async with uow_factory() as uow:
        await remove_peer_rule(uow, rule, by=OPERATOR, why="settled", now=NOW)

    async def is_taken() -> int:
        return await status(world)

    await eventually(is_taken, 200)


async def test_a_refused_peer_leaves_no_row_behind(world: World, api: httpx.AsyncClient) -> None:
    await api.post(RULES, json={"effect": "refuse", "pattern": BAP_ID, "why": "a complaint"})
    response = await confirm(world)
    world.buyer.check_signature_of(response, of=world.bpp.signer)
    assert "complaint" not in response.text
    assert (await world.rows())[0] == []


async def test_rules_that_were_read_before_never_replace_those_read_after(
    uow_factory: UnitOfWorkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier_may_end, begun = asyncio.Event(), 0

    async def read(uow: UnitOfWork) -> list[PeerRule]:
        nonlocal begun
        begun += 1
        found = await list_peer_rules(uow)
        if begun == 1:
            await make(uow_factory, wish(Effect.REFUSE, BAP_ID))
            earlier_may_end.set()
            await asyncio.sleep(0.2)  # longer than the other takes
        return found

    monkeypatch.setattr("node.peer_gate.list_peer_rules", read)
    gate = PeerGate(uow_factory)
    earlier = asyncio.create_task(gate.reload())
    await earlier_may_end.wait()
    await asyncio.gather(earlier, gate.reload())
    assert gate.rules.find(RuleField.SUBSCRIBER, BAP_ID) is not None


@pytest.mark.parametrize(
    ("field", "pattern", "code"),
    [
        ("role", "BAP", "POL_ENGAGEMENT_REFUSED"),
        ("domain", "beckn.one:deg:*", "AUT_DOMAIN_NOT_ALLOWED"),
    ],
)
async def test_roles_and_domains_are_refused_too(
    world: World, api: httpx.AsyncClient, field: str, pattern: str, code: str
) -> None:
    form = {"effect": "refuse", "field": field, "pattern": pattern, "why": "not our trade"}
    assert (await api.post(RULES, json=form)).status_code == 201
    response = await confirm(world)
    assert (response.status_code, response.json()["error"]["code"]) == (403, code)


async def test_a_node_may_trade_with_none_but_those_that_it_allows(
    database: Database, tmp_path: Path
) -> None:
    async with running_village(database, tmp_path) as village:
        friend, other = [await village.peer(Role.BAP, name) for name in ("friend.example", "other.example")]
        await make(UnitOfWorkFactory(database), wish(Effect.ALLOW, "friend.example"))
        bpp = await village.participant(Role.BPP, BPP_ID, workers=False, peer_default="refuse")
        answers = [await peer.send(Action.CONFIRM, CONFIRM, to=bpp.address) for peer in (friend, other)]
        assert [answer.status_code for answer in answers] == [200, 403]


async def test_nothing_leaves_for_a_peer_that_is_refused(database: Database, tmp_path: Path) -> None:
    async with running_village(database, tmp_path) as village:
        peer = await village.peer(Role.BPP, BPP_ID)
        await make(UnitOfWorkFactory(database), wish(Effect.REFUSE, BPP_ID))
        bap = await village.participant(Role.BAP, BAP_ID)
        await bap.request(Action.CONFIRM, CONFIRM, to=peer.address)
        await eventually(lambda: _state(bap), (OutboxState.REFUSED, True))
        assert peer.received == []
        document = example("confirm")
        document["context"] |= {
            "bap_id": BAP_ID,
            "bap_uri": bap.url,
            "bpp_id": BPP_ID,
            "bpp_uri": peer.url,
            "timestamp": bap.participant.foundation.clock.now().isoformat(),
        }
        answer = await _post(f"{bap.url}/bap/caller/confirm", document)
        error = answer.json()["message"]["error"]
        assert (answer.status_code, error["code"]) == (403, "POL_ENGAGEMENT_REFUSED")


async def _state(bap: RunningParticipant) -> tuple[str, bool] | None:
    async with bap.uow_factory() as uow:
        given_up = await uow.outbox.list_given_up()
    return (given_up[0]["state"], "POL_ENGAGEMENT_REFUSED" in given_up[0]["last_error"]) if given_up else None


async def _post(url: str, document: dict[str, Any]) -> httpx.Response:
    async with calling(headers=ADMIN) as client:
        return await client.post(url, json=document)


async def test_a_rule_takes_the_place_of_one_on_the_same_thing_and_is_on_record(
    uow_factory: UnitOfWorkFactory,
) -> None:
    await make(uow_factory, wish(Effect.REFUSE, "a.example"))
    await make(uow_factory, wish(Effect.ALLOW, "a.example", rate=5))
    async with uow_factory() as uow:
        (rule,) = await list_peer_rules(uow)
        await remove_peer_rule(uow, rule.id, by=OPERATOR, why="settled", now=NOW)
        acts = [recorded.act for recorded in await list_acts(uow, what="peer_rule", limit=10)]
        with pytest.raises(PeerRuleNotFound):
            await remove_peer_rule(uow, rule.id, by=OPERATOR, why="settled", now=NOW)
    assert (rule.effect, rule.rate) == (Effect.ALLOW, 5)
    assert [(act.what, act.target, act.why) for act in acts] == [
        ("peer_rule.removed", "subscriber a.example", "settled"),
        ("peer_rule.made", "subscriber a.example", "a complaint"),
        ("peer_rule.made", "subscriber a.example", "a complaint"),
    ]
    assert acts[1].before is not None
    assert (acts[1].before["effect"], acts[2].before) == ("refuse", None)


@pytest.mark.parametrize(
    "wanted",
    [
        wish(Effect.ALLOW, pattern)
        for pattern in ("", "*", "a.*.example", "*example", "a b", "a:*:b", "a\x00", "a\ud800", "x" * 300)
    ]
    + [
        wish(Effect.ALLOW, "SELLER", RuleField.ROLE),
        wish(Effect.ALLOW, "a.example", rate=0),
        wish(Effect.ALLOW, "a.example", rate=float("nan")),
        wish(Effect.ALLOW, "a.example", rate=float("inf")),
        wish(Effect.REFUSE, "a.example", rate=1),
        wish(Effect.ALLOW, "BAP", RuleField.ROLE, rate=1),
    ],
    ids=repr,
)
async def test_a_rule_that_fits_nobody_is_not_made(
    uow_factory: UnitOfWorkFactory, wanted: PeerRuleWish
) -> None:
    with pytest.raises(PeerRuleInvalid) as refusal:
        await make(uow_factory, wanted)
    assert refusal.value.hint


# Rates


async def test_a_peer_that_sends_too_much_is_told_when_to_go_on(database: Database, tmp_path: Path) -> None:
    async with running_village(database, tmp_path, clock=ManualClock(SystemClock().now())) as village:
        peers = [await village.peer(Role.BAP, f"{name}.example") for name in ("slow", "fast", "ruled")]
        await make(UnitOfWorkFactory(database), wish(Effect.ALLOW, "ruled.example", rate=0.02))
        pins = {"fast.example": PeerPin(rate=0)}
        processes = [
            await village.participant(Role.BPP, BPP_ID, workers=False, peer_rate=0.01, peers=pins)
            for _ in range(2)
        ]
        answers = {
            peer.signer.subscriber_id: [
                await peer.send(Action.CONFIRM, CONFIRM, to=process.address)
                for process in processes
                for _ in range(2)
            ]
            for peer in peers
        }
    codes = {name: [answer.status_code for answer in found] for name, found in answers.items()}
    assert codes == {
        "slow.example": [200, 429, 429, 429],
        "fast.example": [200] * 4,
        "ruled.example": [200, 429, 429, 429],
    }
    waits = {
        name: int(found[-1].headers["Retry-After"])
        for name, found in answers.items()
        if name != "fast.example"
    }
    assert waits == {"slow.example": 100, "ruled.example": 50}
    refusal = answers["slow.example"][-1].json()["error"]
    assert refusal["code"] == "AUT_RATE_LIMITED"


# API keys over HTTP


async def test_every_route_states_the_scope_that_it_needs(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    routes = {
        (method, path): {
            scope for way in operation.get("security", ()) for names in way.values() for scope in names
        }
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    open_to_all = {route for route, scopes in routes.items() if not scopes}
    assert {path for _, path in open_to_all} <= {"/healthz", "/readyz", "/contexts"}
    assert all(scopes <= set(Scope) and len(scopes) == 1 for scopes in routes.values() if scopes)


async def test_a_key_made_over_http_opens_what_it_is_for_and_nothing_else(api: httpx.AsyncClient) -> None:
    made = await new_key(api, "metrics:read")
    bearer = {HEADER: "", "Authorization": f"Bearer {made['key']}"}
    assert (await api.get("/metrics", headers=bearer)).status_code == 200
    refused = await api.get("/api/v1/peers", headers={HEADER: made["key"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AUT_UNAUTHORIZED_ACTION")
    assert "network:read" in refused.json()["error"]["message"]
    posted = await api.post("/bpp/caller/on_confirm", headers={HEADER: made["key"]}, json={})
    assert posted.status_code == 403
    assert "sell" in posted.text


async def test_a_key_is_shown_once_listed_and_revoked(api: httpx.AsyncClient) -> None:
    made = await new_key(api, "metrics:read", name="prometheus")
    (listed,) = (await api.get(KEYS)).json()
    assert (listed["name"], listed["state"], listed["scopes"]) == ("prometheus", "active", ["metrics:read"])
    assert "key" not in listed
    assert listed["created_by"] == "API key configured (configured)"
    mine = {HEADER: made["key"]}
    assert (await api.get("/metrics", headers=mine)).status_code == 200
    assert (await api.delete(f"{KEYS}/{made['id']}")).status_code == 422  # without a reason
    assert (await api.delete(f"{KEYS}/{made['id']}", params={"why": "replaced"})).status_code == 204
    refused = await api.get("/metrics", headers=mine)
    assert (refused.status_code, "revoked" in refused.text) == (401, True)
    assert (await api.delete(f"{KEYS}/{made['id']}", params={"why": "replaced"})).status_code == 409
    assert (await api.delete(f"{KEYS}/0000000000", params={"why": "replaced"})).status_code == 404
    for no_id in ("%00", made["key"]):  # a path is logged
        assert (await api.delete(f"{KEYS}/{no_id}", params={"why": "replaced"})).status_code == 422
    made_act, revoked_act = sorted((await api.get(AUDIT)).json(), key=lambda act: int(act["number"]))
    assert (revoked_act["what"], revoked_act["why"]) == ("api_key.revoked", "replaced")
    assert made_act["from_address"] == "127.0.0.1"


async def test_whoever_makes_keys_hands_on_no_more_than_their_own(api: httpx.AsyncClient) -> None:
    made = await new_key(api, "keys:admin", "buy")
    mine = {HEADER: made["key"]}
    answer = await api.post(KEYS, headers=mine, json={"name": "x", "scopes": ["admin"]})
    assert answer.status_code == 403
    answer = await api.post(KEYS, headers=mine, json={"name": "x", "scopes": ["contracts:read"]})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert (await api.get(RULES, headers=mine)).status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        {"name": "x", "scopes": ["sing"]},
        {"name": "x", "scopes": []},
        {"name": "x\u0000", "scopes": ["buy"]},
        {"name": "x\u2028y", "scopes": ["buy"]},
        {"name": "x", "scopes": ["buy"], "expires_at": "2020-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["buy"], "expires_at": "2020-01-01T00:00:00"},
        {"name": "x", "scopes": ["buy"], "scope": "admin"},
        {"scopes": ["buy"]},
    ],
    ids=repr,
)
async def test_a_form_that_means_nothing_makes_no_key(api: httpx.AsyncClient, form: dict[str, Any]) -> None:
    answer = await api.post(KEYS, json=form)
    assert answer.status_code == 422, answer.text
    assert (await api.get(KEYS)).json() == []


async def test_text_that_nobody_could_write_is_refused_not_kept(api: httpx.AsyncClient) -> None:
    json = {"Content-Type": "application/json"}
    answer = await api.post(KEYS, content=rb'{"name": "x\ud800", "scopes": ["buy"]}', headers=json)
    assert answer.status_code == 422
    rule = rb'{"effect": "refuse", "pattern": "x\ud800", "why": "y"}'
    assert (await api.post(RULES, content=rule, headers=json)).status_code == 422
    assert (await api.get(AUDIT, params={"target": "x\x00"})).status_code == 422


@pytest.mark.parametrize("headers", [{HEADER: ""}, ADMIN], ids=["a stranger", "the operator"])
@pytest.mark.parametrize("path", [KEYS, RULES])
async def test_a_form_that_is_too_long_is_read_no_further_whoever_sends_it(
    api: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    json = {"Content-Type": "application/json"}
    answer = await api.post(path, content=b" " * 65_537, headers=json | headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "POL_GENERIC_ERROR")


async def test_guessing_over_http_is_answered_with_429_and_a_pause(
    world: World, api: httpx.AsyncClient
) -> None:
    assert (await api.get("/metrics")).status_code == 200
    guesses = [await api.get("/metrics", headers={HEADER: f"dgn_{number}"}) for number in range(TRIES + 1)]
    assert [guess.status_code for guess in guesses] == [401] * TRIES + [429]
    assert int(guesses[-1].headers["Retry-After"]) == 60 // TRIES
    assert guesses[-1].json()["error"]["code"] == "AUT_RATE_LIMITED"
    posted = await api.post("/bpp/caller/on_confirm", headers={HEADER: "dgn_more"}, json={})
    assert (posted.status_code, posted.headers["Retry-After"]) == (429, str(60 // TRIES))
    assert (await api.get("/metrics")).status_code == 200  # the right key is let in as before
    (act,) = (await api.get(AUDIT, params={"what": "api_key.guessed"})).json()
    assert act["from_address"] == "127.0.0.1"
    world.clock.advance(timedelta(seconds=60 // TRIES))
    assert (await api.get("/metrics", headers={HEADER: "dgn_again"})).status_code == 401


async def test_rules_are_kept_over_http(api: httpx.AsyncClient) -> None:
    form = {"effect": "allow", "pattern": "*.example.com", "rate": 2.5, "why": "partners"}
    made = (await api.post(RULES, json=form)).json()
    assert made | form == made
    assert (await api.get(RULES)).json() == [made]
    assert (await api.post(RULES, json=form | {"pattern": "a b"})).status_code == 422
    assert (await api.delete(f"{RULES}/{made['id']}", params={"why": "over"})).status_code == 204
    assert (await api.delete(f"{RULES}/{made['id']}", params={"why": "over"})).status_code == 404
    assert (await api.get(RULES)).json() == []
    reader = {HEADER: (await new_key(api, "network:read"))["key"]}
    assert (await api.get(RULES, headers=reader)).status_code == 200
    assert (await api.post(RULES, headers=reader, json=form)).status_code == 403
