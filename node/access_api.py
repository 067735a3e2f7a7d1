"""Who may do what, over HTTP: API keys, rules on peers, and the record of acts."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from kernel.clock import Clock
from node.access_views import ActView, ApiKeyView, NewApiKeyView, PeerRuleView, view_act, view_key, view_rule
from node.api_key_store import ApiKeyWish, issue_api_key, list_api_keys, revoke_api_key
from node.api_keys import ApiKeys
from node.audit import GREATEST_PAGE, list_acts
from node.callers import KeysAdmin, MayReadAudit, MayReadNetwork, NetworkAdmin
from node.documentation import refusals
from node.peer_gate import PeerGate
from node.peer_rule_store import PeerRuleWish, list_peer_rules, make_peer_rule, remove_peer_rule
from node.peer_rules import LONGEST_PATTERN, Effect, RuleField
from node.request_body import FormRoute
from node.scopes import read_scopes
from storage.unit_of_work import UnitOfWorkFactory

_NEVER_KEPT: Final = {"Cache-Control": "no-store"}

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""What a person writes in one line."""
KeyId = Annotated[str, Path(alias="id", pattern="^[0-9a-f]{1,64}$")]  # not the key, for paths are logged
Why = Annotated[Line, Query(description="The reason, for the record.")]


class ApiKeyForm(BaseModel):
    """The API key that is wanted."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    scopes: list[str] = Field(description="What it may do; none of it may be more than you may.")
    expires_at: AwareDatetime | None = Field(None, description="Not valid from then on; it stays if empty.")
    same_holder: bool = Field(False, description="Whether whoever has a key of this name gets one more.")


class PeerRuleForm(BaseModel):
    """The rule that is wanted; it takes the place of one on the same thing."""

    model_config = ConfigDict(extra="forbid")

    effect: Effect
    field: RuleField = RuleField.SUBSCRIBER
    pattern: str = Field(
        max_length=LONGEST_PATTERN,
        description="A whole name, its end like *.example.com, or its beginning like beckn.one:deg:*",
    )
    rate: float | None = Field(None, description="Messages a second that an allowed subscriber may send.")
    why: Line


def access_router(
    *, uow_factory: UnitOfWorkFactory, clock: Clock, api_keys: ApiKeys, gate: PeerGate
) -> APIRouter:
    """Return the routes; each says which scope it needs. They stand before the actions of a role."""
    router = APIRouter(prefix="/api/v1", tags=["administration"], route_class=FormRoute)
    _add_api_keys(router, uow_factory, clock, api_keys)
    _add_peer_rules(router, uow_factory, clock, gate)
    _add_audit(router, uow_factory)
    return router


def _add_api_keys(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock, api_keys: ApiKeys) -> None:
    @router.get("/api-keys", summary="Every API key that was made", responses=refusals(401, 503))
    async def list_(_caller: KeysAdmin) -> list[ApiKeyView]:
        now = clock.now()
        async with uow_factory() as uow:
            return [view_key(key, now) for key in await list_api_keys(uow)]

    @router.post(
        "/api-keys",
        summary="Make an API key; it is shown only in this answer",
        status_code=201,
        responses=refusals(401, 409, 413, 422, 503),
    )
    async def make(caller: KeysAdmin, form: ApiKeyForm, response: Response) -> NewApiKeyView:
        wish = ApiKeyWish(
            name=form.name,
            scopes=read_scopes(form.scopes),
            expires_at=form.expires_at,
            same_holder=form.same_holder,
        )
        now = clock.now()
        async with uow_factory() as uow:
            issued = await issue_api_key(uow, wish, by=caller.actor, now=now, limits=caller.key.scopes)
        response.headers.update(_NEVER_KEPT)
        return NewApiKeyView(**view_key(issued.key, now).model_dump(), key=issued.text)

    @router.delete(
        "/api-keys/{id}",
        summary="Revoke an API key, at once and on every process",
        status_code=204,
        responses=refusals(401, 404, 409, 422, 503),
    )
    async def revoke(caller: KeysAdmin, key_id: KeyId, why: Why) -> None:
        async with uow_factory() as uow:
            await revoke_api_key(
                uow, key_id, by=caller.actor, why=why, now=clock.now(), limits=caller.key.scopes
            )
        api_keys.forget()  # here before the answer; elsewhere as soon as it is announced


def _add_peer_rules(router: APIRouter, uow_factory: UnitOfWorkFactory, clock: Clock, gate: PeerGate) -> None:
    @router.get("/peer-rules", summary="Which peers are allowed or refused", responses=refusals(401, 503))
    async def list_(_caller: MayReadNetwork) -> list[PeerRuleView]:
        async with uow_factory() as uow:
            return [view_rule(rule) for rule in await list_peer_rules(uow)]

    @router.post(
        "/peer-rules",
        summary="Allow or refuse peers, at once and on every process",
        status_code=201,
        responses=refusals(401, 413, 422, 503),
    )
    async def make(caller: NetworkAdmin, form: PeerRuleForm) -> PeerRuleView:
        wish = PeerRuleWish(**form.model_dump())
        async with uow_factory() as uow:
            rule = await make_peer_rule(uow, wish, by=caller.actor, now=clock.now())
        await gate.reload()
        return view_rule(rule)

    @router.delete(
        "/peer-rules/{id}",
        summary="Forget a rule on peers, at once and on every process",
        status_code=204,
        responses=refusals(401, 404, 422, 503),
    )
    async def remove(
        caller: NetworkAdmin,
        rule_id: Annotated[int, Path(alias="id", ge=1, lt=2**63)],
        why: Why,
    ) -> None:
        async with uow_factory() as uow:
            await remove_peer_rule(uow, rule_id, by=caller.actor, why=why, now=clock.now())
        await gate.reload()


def _add_audit(router: APIRouter, uow_factory: UnitOfWorkFactory) -> None:
    @router.get("/audit", summary="Administrative acts, the newest first", responses=refusals(401, 422, 503))
    async def acts(
        _caller: MayReadAudit,
        what: Annotated[Line | None, Query(description="Like api_key.revoked, or api_key for all.")] = None,
        target: Annotated[Line | None, Query(description="What was acted on.")] = None,
        before: Annotated[int | None, Query(ge=1, lt=2**63, description="Go on below this number.")] = None,
        limit: Annotated[int, Query(ge=1, le=GREATEST_PAGE)] = 100,
    ) -> list[ActView]:
        async with uow_factory() as uow:
            found = await list_acts(uow, what=what, target=target, before=before, limit=limit)
        return [view_act(recorded) for recorded in found]
