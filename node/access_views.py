"""API keys, rules on peers and administrative acts as they are shown: over HTTP and on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from kernel.clock import format_instant
from node.api_key_store import ApiKey
from node.audit import RecordedAct
from node.peer_rules import Effect, PeerRule, RuleField


class ApiKeyView(BaseModel):
    """An API key, without its secret."""

    id: str
    name: str = Field(description="Its holder's; what belongs to a holder goes by it.")
    scopes: list[str]
    state: str = Field(description="active, expired or revoked.")
    created_at: str
    created_by: str
    expires_at: str | None
    last_used_at: str | None = Field(description="To the minute or so.")
    revoked_at: str | None
    revoked_why: str | None


class NewApiKeyView(ApiKeyView):
    """A new API key; its text is shown only now."""

    key: str


class PeerRuleView(BaseModel):
    """A rule on peers."""

    id: int
    effect: Effect
    field: RuleField
    pattern: str
    rate: float | None
    why: str
    made_by: str
    made_at: str


class ActView(BaseModel):
    """An administrative act on record."""

    number: int
    at: str
    who: str
    from_address: str | None
    what: str
    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    why: str | None


def view_act(recorded: RecordedAct) -> ActView:
    """Return an act as it is shown."""
    act = recorded.act
    return ActView(
        number=recorded.number,
        at=format_instant(recorded.at),
        who=act.who,
        from_address=act.from_address,
        what=act.what,
        target=act.target,
        before=None if act.before is None else dict(act.before),
        after=None if act.after is None else dict(act.after),
        why=act.why,
    )


def view_key(key: ApiKey, now: datetime) -> ApiKeyView:
    """Return an API key as it is shown, without its secret."""
    return ApiKeyView(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        state=key.state_at(now),
        created_at=format_instant(key.created_at),
        created_by=key.created_by,
        expires_at=_written(key.expires_at),
        last_used_at=_written(key.last_used_at),
        revoked_at=_written(key.revoked_at),
        revoked_why=key.revoked_why,
    )


def view_rule(rule: PeerRule) -> PeerRuleView:
    """Return a rule on peers as it is shown."""
    return PeerRuleView(
        id=rule.id,
        effect=rule.effect,
        field=rule.field,
        pattern=rule.pattern,
        rate=rule.rate,
        why=rule.why,
        made_by=rule.made_by,
        made_at=format_instant(rule.made_at),
    )


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
