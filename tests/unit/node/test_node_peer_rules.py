"""Which peers may trade: rules on subscribers, roles, domains and networks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kernel.errors import NodeError
from node.peer_rules import DomainRefused, Effect, PeerRefused, PeerRule, PeerRules, RuleField
from protocol.context import Context
from protocol.keys import new_private_key
from registry_client.subscriber import SubscriberRecord, SubscriberRole

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
ALLOW, REFUSE = Effect.ALLOW, Effect.REFUSE
TRADING = "beckn.one:deg:p2p-trading:2.0.0"
KEY = new_private_key().public_key


def rule(effect: Effect, field: RuleField, pattern: str, *, rate: float | None = None) -> PeerRule:
    return PeerRule(
        id=7, effect=effect, field=field, pattern=pattern, rate=rate, why="because", made_by="op", made_at=NOW
    )


def sender(subscriber_id: str = "bap.example.com", **fields: Any) -> SubscriberRecord:
    values = {"role": SubscriberRole.BAP, "domain": TRADING} | fields
    return SubscriberRecord(subscriber_id=subscriber_id, key_id="k1", signing_public_key=KEY, **values)


def context(domain: str = TRADING, *networks: str) -> Context:
    return Context(
        action="confirm",
        domain=domain,
        version="2.0.0",
        bap_id="bap.example.com",
        bap_uri="https://bap.example.com",
        bpp_id="bpp.example.com",
        bpp_uri="https://bpp.example.com",
        transaction_id="t",
        message_id="m",
        timestamp=NOW,
        ttl=None,
        network_ids=networks,
    )


def verdict(rules: PeerRules, who: SubscriberRecord, said: Context) -> type[NodeError] | None:
    """Return what is raised for a message, in the order in which the way in asks."""
    try:
        rules.check_sender(who)
        rules.check_message(who, said)
    except NodeError as error:
        return type(error)
    return None


def test_without_a_rule_the_default_decides() -> None:
    assert verdict(PeerRules(), sender(), context()) is None
    closed = PeerRules(default=REFUSE)
    closed.check_sender(sender())  # what it is about is not known yet
    assert verdict(closed, sender(), context()) is PeerRefused


def test_a_refused_subscriber_is_turned_away_before_its_message_is_read() -> None:
    rules = PeerRules([rule(REFUSE, RuleField.SUBSCRIBER, "bap.example.com")])
    with pytest.raises(PeerRefused) as caught:
        rules.check_sender(sender())
    assert (caught.value.code, caught.value.http_status) == ("POL_ENGAGEMENT_REFUSED", 403)
    assert "because" not in str(caught.value)  # the reason is for the operator
    assert verdict(rules, sender("other.example.com"), context()) is None


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("bap.example.com", "bap.example.com", True),
        ("bap.example.com", "bap.example.com.evil.org", False),
        ("*.example.com", "bap.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "badexample.com", False),
        ("beckn.one:deg:*", TRADING, True),
        ("beckn.one:deg:*", "beckn.one:degree:x", False),
    ],
)
def test_a_pattern_is_a_whole_name_its_end_or_its_beginning(pattern: str, name: str, *, fits: bool) -> None:
    assert rule(ALLOW, RuleField.SUBSCRIBER, pattern).fits(name) is fits
    assert rule(REFUSE, RuleField.SUBSCRIBER, pattern).fits(name) is fits


def test_capitals_are_no_way_round_a_refusal_and_no_way_into_a_permission() -> None:
    assert rule(REFUSE, RuleField.SUBSCRIBER, "*.Example.com").fits("BAP.EXAMPLE.COM")
    assert not rule(ALLOW, RuleField.SUBSCRIBER, "bap.example.com").fits("BAP.example.com")


def test_the_most_specific_rule_counts() -> None:
    rules = PeerRules(
        [
            rule(REFUSE, RuleField.SUBSCRIBER, "*.com"),
            rule(ALLOW, RuleField.SUBSCRIBER, "*.example.com"),
            rule(REFUSE, RuleField.SUBSCRIBER, "bad.example.com"),
        ]
    )
    found = [
        verdict(rules, sender(name), context()) for name in ("x.com", "a.example.com", "bad.example.com")
    ]
    assert found == [PeerRefused, None, PeerRefused]


def test_a_rule_on_the_subscriber_stands_above_all_others() -> None:
    rules = PeerRules(
        [
            rule(ALLOW, RuleField.SUBSCRIBER, "bap.example.com"),
            rule(REFUSE, RuleField.ROLE, "BAP"),
            rule(REFUSE, RuleField.DOMAIN, TRADING),
        ],
        default=REFUSE,
    )
    assert verdict(rules, sender(), context()) is None
    assert verdict(rules, sender("other.example.com"), context()) is PeerRefused


def test_one_refusal_outweighs_every_permission_of_its_rank() -> None:
    rules = PeerRules([rule(ALLOW, RuleField.ROLE, "BAP"), rule(REFUSE, RuleField.DOMAIN, "beckn.one:deg:*")])
    assert verdict(rules, sender(), context()) is DomainRefused
    with pytest.raises(DomainRefused) as caught:
        rules.check_message(sender(), context())
    assert (caught.value.code, caught.value.path) == ("AUT_DOMAIN_NOT_ALLOWED", "$.context.domain")


def test_a_refused_domain_is_one_that_is_claimed_or_registered() -> None:
    rules = PeerRules([rule(REFUSE, RuleField.DOMAIN, "uei:charging")])
    assert verdict(rules, sender(domain="uei:charging"), context()) is DomainRefused
    assert verdict(rules, sender(), context("uei:charging")) is DomainRefused
    assert verdict(rules, sender(), context()) is None


def test_a_domain_that_is_only_claimed_lets_nobody_in() -> None:
    rules = PeerRules([rule(ALLOW, RuleField.DOMAIN, TRADING)], default=REFUSE)
    assert verdict(rules, sender(), context()) is None
    assert verdict(rules, sender(domain="uei:charging"), context()) is PeerRefused
    assert verdict(rules, sender(domain=None), context()) is None  # where the registry does not say


def test_a_network_lets_in_its_confirmed_members() -> None:
    rules = PeerRules([rule(ALLOW, RuleField.NETWORK, "net.example")], default=REFUSE)
    member, other = sender(network_memberships=("net.example", "b")), sender(network_memberships=("b",))
    assert verdict(rules, member, context(TRADING, "net.example")) is None
    assert verdict(rules, member, context()) is None
    assert verdict(rules, member, context(TRADING, "b")) is PeerRefused
    assert verdict(rules, other, context(TRADING, "net.example")) is PeerRefused
    assert verdict(rules, sender(), context(TRADING, "net.example")) is PeerRefused


def test_a_message_on_a_refused_network_is_refused() -> None:
    rules = PeerRules([rule(REFUSE, RuleField.NETWORK, "net.example")])
    member = sender(network_memberships=("net.example", "b"))
    assert verdict(rules, member, context(TRADING, "b")) is None
    assert verdict(rules, member, context(TRADING, "b", "net.example")) is DomainRefused
    assert verdict(rules, member, context()) is DomainRefused


def test_a_role_may_be_allowed_where_nobody_else_is() -> None:
    rules = PeerRules([rule(ALLOW, RuleField.ROLE, "BAP")], default=REFUSE)
    assert verdict(rules, sender(), context()) is None
    assert verdict(rules, sender(role=SubscriberRole.BG), context()) is PeerRefused
    assert verdict(rules, sender(role=None), context()) is PeerRefused


def test_nothing_is_sent_to_a_subscriber_that_is_refused() -> None:
    rules = PeerRules([rule(REFUSE, RuleField.SUBSCRIBER, "*.evil.example")], default=REFUSE)
    with pytest.raises(PeerRefused) as caught:
        rules.check_receiver("bpp.evil.example")
    assert "7" in (caught.value.hint or "")
    rules.check_receiver("bpp.example.com")  # of whom no more is known than an id


def test_a_rule_may_set_a_rate() -> None:
    rules = PeerRules([rule(ALLOW, RuleField.SUBSCRIBER, "*.example.com", rate=5)])
    assert rules.rate_of("bap.example.com") == 5
    assert rules.rate_of("bap.example.org") is None
    assert PeerRules().rate_of("bap.example.com") is None
