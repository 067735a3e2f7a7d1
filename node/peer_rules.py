"""Which peers may trade with this node: rules on subscribers, roles, domains and networks.

A rule on the very subscriber decides. Where there is none, its role, domain and networks are looked
at: one of them refused is enough to refuse, else one of them allowed is enough to allow. Else the
default decides. Of several rules on one thing the most specific counts: a whole name before a
pattern, a longer pattern before a shorter one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from kernel.errors import NodeError
from protocol.context import Context
from registry_client.subscriber import SubscriberRecord

_END, _BEGINNING = "*.", ":*"
LONGEST_PATTERN: Final = 255


class Effect(StrEnum):
    """What becomes of a peer that a rule fits."""

    ALLOW = "allow"
    REFUSE = "refuse"


class RuleField(StrEnum):
    """What a rule looks at."""

    SUBSCRIBER = "subscriber"  # its id
    ROLE = "role"  # BAP, BPP or BG
    DOMAIN = "domain"
    NETWORK = "network"


CheckReceiver = Callable[[str], None]
"""Refuses to send to a subscriber. Raises: PeerRefused."""


class PeerRefused(NodeError):
    """This node does not trade with the peer."""

    code, http_status, retryable = "POL_ENGAGEMENT_REFUSED", 403, False


class DomainRefused(NodeError):
    """This node does not trade in the domain or network of the message."""

    code, http_status, retryable = "AUT_DOMAIN_NOT_ALLOWED", 403, False


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRule:
    """One rule. `pattern` is a whole name, `*.` and its end, or its beginning and `:*`.

    `rate` is how many messages a second an allowed subscriber may send, None for as many as others.
    """

    id: int
    effect: Effect
    field: RuleField
    pattern: str
    why: str
    made_by: str
    made_at: datetime
    rate: float | None = None

    def fits(self, name: str) -> bool:
        """Say whether the rule is about `name`. A refusal looks through capitals, a permission does not."""
        pattern = self.pattern
        if self.effect is Effect.REFUSE:
            pattern, name = pattern.lower(), name.lower()
        if pattern.startswith(_END):
            return name.endswith(pattern[1:]) and name != pattern[1:]
        if pattern.endswith(_BEGINNING):
            return name.startswith(pattern[:-1])
        return name == pattern

    @property
    def specificity(self) -> tuple[bool, int]:
        """Return what orders rules: the greatest counts."""
        return ("*" not in self.pattern, len(self.pattern))

    def to_record(self) -> dict[str, Any]:
        """Return what stands in the audit log of it."""
        return {"effect": self.effect, "field": self.field, "pattern": self.pattern, "rate": self.rate}


class PeerRules:
    """The rules as they are at one time; looks at nothing but what it is handed."""

    def __init__(self, rules: Iterable[PeerRule] = (), *, default: Effect = Effect.ALLOW) -> None:
        ordered = sorted(rules, key=lambda rule: rule.specificity, reverse=True)
        self._by_field = {field: [rule for rule in ordered if rule.field is field] for field in RuleField}
        self._default = default
        self._is_open = not ordered and default is Effect.ALLOW

    def find(self, field: RuleField, name: str | None) -> PeerRule | None:
        """Return the rule that counts for `name`, if any does."""
        return next((rule for rule in self._by_field[field] if name and rule.fits(name)), None)

    def rate_of(self, subscriber_id: str) -> float | None:
        """Return the peer's own bound, if a rule sets one."""
        rule = None if self._is_open else self.find(RuleField.SUBSCRIBER, subscriber_id)
        return None if rule is None else rule.rate

    def check_receiver(self, subscriber_id: str) -> None:
        """Refuse to send to a subscriber that a rule refuses by its id. Raises: PeerRefused."""
        rule = self.find(RuleField.SUBSCRIBER, subscriber_id)
        if rule is not None and rule.effect is Effect.REFUSE:
            raise PeerRefused(
                f"this node does not trade with {subscriber_id}",
                hint=f"Peer rule {rule.id} says so; `degnode peers rules` shows it.",
            )

    def check_sender(self, sender: SubscriberRecord) -> None:
        """Refuse whoever is refused by id or role, before anything is read. Raises: PeerRefused."""
        if self._is_open:
            return
        rule = self.find(RuleField.SUBSCRIBER, sender.subscriber_id) or self.find(RuleField.ROLE, sender.role)
        if rule is not None and rule.effect is Effect.REFUSE:
            raise _refused(sender)

    def check_message(self, sender: SubscriberRecord, context: Context) -> None:
        """Refuse what no rule and no default allows. Raises: PeerRefused, DomainRefused.

        To be refused, it is enough to claim a domain or network; to be allowed, the registry must
        confirm the claim, as far as it speaks of that.
        """
        if self._is_open or self.find(RuleField.SUBSCRIBER, sender.subscriber_id) is not None:
            return  # check_sender has been asked
        claimed = context.network_ids or sender.network_memberships or ()
        for field, names, path in (
            (RuleField.DOMAIN, (context.domain, sender.domain), "$.context.domain"),
            (RuleField.NETWORK, claimed, "$.context"),
        ):
            if self._is_any(Effect.REFUSE, field, names):
                raise DomainRefused(
                    f"this node does not trade in this {field}",
                    path=path,
                    hint="Ask its operator which it trades in.",
                )
        confirmed = set(claimed).intersection(sender.network_memberships or ())
        is_allowed = (
            self._default is Effect.ALLOW
            or self._is_any(Effect.ALLOW, RuleField.ROLE, (sender.role,))
            or self._is_any(Effect.ALLOW, RuleField.DOMAIN, (sender.domain or context.domain,))
            or self._is_any(Effect.ALLOW, RuleField.NETWORK, confirmed)
        )
        if not is_allowed:
            raise _refused(sender)

    def _is_any(self, effect: Effect, field: RuleField, names: Iterable[str | None]) -> bool:
        found = (self.find(field, name) for name in names)
        return any(rule is not None and rule.effect is effect for rule in found)


def send_to_anybody(_subscriber_id: str, /) -> None:
    """Refuse nobody."""


def _refused(sender: SubscriberRecord) -> PeerRefused:
    return PeerRefused(
        f"this node does not trade with {sender.subscriber_id}",
        path="header Authorization",
        hint="Ask its operator to be allowed.",
    )
