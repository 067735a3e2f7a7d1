"""A request goes from step to step, fails after so many tries, and is written and read alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.admission import Admission
from registry.author import Author
from registry.forms import SubscribeForm
from registry.policy import RegistryPolicy
from registry.request import Step, SubscriptionRequest, Trouble
from registry.verdict import Verdict
from registry_client.subscriber import SubscriberStatus
from storage.backoff import Backoff
from tests.support.subscribers import NOW, record

LATER = NOW + timedelta(minutes=1)
POLICY = RegistryPolicy(max_attempts=3, backoff=Backoff(first=timedelta(seconds=2)))
AWAY = Trouble(reason="nobody there", hint="Start it.")


def request(*, challenge: bool = True, approval: bool = False) -> SubscriptionRequest:
    form = SubscribeForm.model_validate(record().to_wire() | {"location": {"circle": {"radius": "1.1"}}})
    return SubscriptionRequest.of(
        form.to_subscription(earlier=None, now=NOW),
        admission=Admission(needs_challenge=challenge, needs_approval=approval),
        spread=("url",),
        authorised_by=None,
        author=Author.signed("k1", address="192.0.2.1"),
        now=NOW,
    )


def test_all_goes_well() -> None:
    asked = request()
    assert (asked.step, asked.status, asked.next_try_at) == (Step.CHECK, SubscriberStatus.INITIATED, NOW)
    checked = asked.succeed(now=LATER)
    assert (checked.step, checked.status) == (Step.CHALLENGE, SubscriberStatus.UNDER_SUBSCRIPTION)
    assert (checked.since, checked.next_try_at) == (LATER, LATER)
    proven = checked.succeed(now=LATER)
    assert (proven.step, proven.next_try_at) == (Step.ENTER, None)
    done = proven.enter(now=LATER)
    assert (done.step, done.status) == (Step.DONE, SubscriberStatus.SUBSCRIBED)


def test_the_operator_is_asked_when_all_is_proven() -> None:
    waits = request(approval=True).succeed(now=NOW).succeed(now=LATER)
    assert (waits.step, waits.next_try_at) == (Step.APPROVAL, None)
    assert waits.reason
    assert waits.approve(now=LATER).step is Step.ENTER
    assert request(challenge=False, approval=True).step is Step.APPROVAL


def test_an_approval_ahead_spares_the_step() -> None:
    asked = request(approval=True).approve(now=NOW)
    assert asked.step is Step.CHECK
    assert asked.succeed(now=NOW).succeed(now=NOW).step is Step.ENTER


def test_an_approval_of_what_had_come_to_an_end_begins_the_proof_again() -> None:
    rejected = request(approval=True).claim(until=NOW).reject("unknown to us", now=NOW)
    again = rejected.approve(now=LATER)
    assert (again.step, again.status) == (Step.CHECK, SubscriberStatus.INITIATED)
    assert (again.since, again.next_try_at) == (LATER, LATER)
    assert (again.attempts, again.reason, again.hint, again.needs_approval) == (0, None, None, False)


def test_it_is_tried_again_later_each_time_and_then_given_up() -> None:
    asked, waits = request(), []
    while asked.step is Step.CHECK:
        asked = asked.claim(until=LATER).fail(AWAY, policy=POLICY, now=NOW)
        waits.append(asked.next_try_at and asked.next_try_at - NOW)
    assert waits == [timedelta(seconds=2), timedelta(seconds=4), None]
    assert (asked.step, asked.reason, asked.attempts) == (Step.FAILED, "nobody there", 3)
    assert asked.hint == "Start it. Then ask again."


def test_a_new_step_has_its_tries_for_itself() -> None:
    checked = request().claim(until=LATER).fail(AWAY, policy=POLICY, now=NOW).succeed(now=NOW)
    assert (checked.attempts, checked.reason, checked.hint) == (0, None, None)


def test_what_is_hopeless_is_not_tried_again_and_trouble_may_have_a_status() -> None:
    failed = request().fail(
        replace(AWAY, is_final=True, status=SubscriberStatus.INVALID_SSL), policy=POLICY, now=LATER
    )
    assert (failed.step, failed.status, failed.since) == (Step.FAILED, SubscriberStatus.INVALID_SSL, LATER)


def test_who_is_turned_down_reads_why() -> None:
    rejected = request().reject("unknown to us", now=LATER)
    assert (rejected.step, rejected.next_try_at) == (Step.REJECTED, None)
    assert "unknown to us" in str(rejected.reason)


@pytest.mark.parametrize("asked", [request(), request().succeed(now=LATER), request().enter(now=LATER)])
def test_what_is_written_is_read_alike(asked: SubscriptionRequest) -> None:
    assert SubscriptionRequest.from_row(asked.to_row()) == asked


def test_the_same_key_asks_under_the_same_name_and_another_under_another() -> None:
    asked = request()
    again = SubscriptionRequest.of(
        asked.wanted,
        admission=Admission(needs_challenge=True, needs_approval=False),
        spread=(),
        authorised_by=None,
        author=asked.author,
        now=LATER,
    )
    assert again.id == asked.id
    assert request().id != asked.id


def test_the_same_again_is_the_same_revision_and_something_else_the_next() -> None:
    asked = request(approval=True)
    later = replace(asked, wanted=replace(asked.wanted, valid_from=LATER))
    assert later.following(asked).revision == 1
    other_wishes: list[dict[str, Any]] = [
        *({"domain": "retail"}, {"valid_from": NOW - timedelta(days=1)}, {"valid_until": LATER})
    ]
    for changes in other_wishes:
        other = replace(asked, wanted=replace(asked.wanted, **changes))
        assert other.following(asked).revision == 2, changes
    assert replace(asked, authorised_by="k2").following(asked).revision == 2
    assert asked.following(asked.enter(now=LATER)).revision == 2


def test_what_the_operator_was_to_decide_stays_so() -> None:
    asked = request()
    assert asked.following(request(approval=True)).needs_approval
    assert not asked.following(request(approval=True).enter(now=LATER)).needs_approval


def test_a_yes_counts_for_the_revision_that_was_seen_and_a_no_for_all() -> None:
    asked = request(approval=True)
    yes = Verdict(is_yes=True, request_id=asked.id, revision=1)
    assert asked.under(None).needs_approval
    assert not asked.under(yes).needs_approval
    for other in (replace(asked, revision=2), replace(asked, id=UUID(int=0))):
        assert replace(other, needs_approval=False).under(yes).needs_approval
    assert request().under(replace(yes, is_yes=False)).needs_approval


def test_nothing_secret_is_told() -> None:
    assert set(request().to_json()) == {
        *("id", "key_id", "signing_public_key", "status", "step", "since", "attempts", "next_try_at")
    }
