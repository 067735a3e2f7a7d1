"""Who may enter what: the whole table of it, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kernel.errors import NodeError
from protocol.keys import new_private_key, write_public_key
from registry.admission import Admission, KeyNameTaken, KeyRevoked, NotEntitled, admit
from registry.forms import SubscribeForm
from registry.policy import Approval
from registry.subscription import Subscription
from registry_client.subscriber import SubscriberRole, SubscriberStatus
from tests.support.subscribers import NOW, record

ENCRYPTION = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8="
OTHER_ENCRYPTION = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ="
NOTHING = Admission(needs_challenge=False, needs_approval=False)
CHALLENGE = Admission(needs_challenge=True, needs_approval=False)
BOTH = Admission(needs_challenge=True, needs_approval=True)
APPROVAL = Admission(needs_challenge=False, needs_approval=True)


def key(key_id: str = "k1", **changes: Any) -> Subscription:
    form = SubscribeForm.model_validate(record(key_id).to_wire() | {"encr_public_key": ENCRYPTION})
    return replace(form.to_subscription(earlier=None, now=NOW), **changes)


def decide(
    wanted: Subscription,
    *standing: Subscription,
    signed_by: str = "k1",
    approval: Approval = Approval.AUTOMATIC,
) -> Admission:
    return admit(wanted, standing=standing, signed_by=signed_by, approval=approval, now=NOW)


K1 = key("k1")
ENDED = replace(K1, valid_until=NOW)
GONE = replace(K1, status=SubscriberStatus.UNSUBSCRIBED)
MOVED = {"url": "https://new.bpp.example.com"}


@pytest.mark.parametrize(
    ("wanted", "standing", "automatic", "manual"),
    [
        (K1, (), CHALLENGE, BOTH),
        (K1, (K1,), NOTHING, NOTHING),
        (key("k2"), (K1,), NOTHING, NOTHING),
        (key("k2", encr_public_key=OTHER_ENCRYPTION), (K1,), CHALLENGE, CHALLENGE),
        (replace(K1, **MOVED), (K1,), CHALLENGE, CHALLENGE),  # type: ignore[arg-type]
        (replace(K1, domain="retail"), (K1,), NOTHING, APPROVAL),
        (replace(K1, type=SubscriberRole.BG), (K1,), NOTHING, APPROVAL),
        (key("k2"), (ENDED,), CHALLENGE, BOTH),
        (key("k2"), (GONE,), CHALLENGE, BOTH),
        (K1, (GONE,), CHALLENGE, BOTH),
        (key("k2", **MOVED), (ENDED,), BOTH, BOTH),
        (key("k2"), (replace(GONE, barred=True),), BOTH, BOTH),
    ],
)
def test_what_must_happen_first(
    wanted: Subscription, standing: tuple[Subscription, ...], automatic: Admission, manual: Admission
) -> None:
    assert decide(wanted, *standing) == automatic
    assert decide(wanted, *standing, approval=Approval.MANUAL) == manual
    assert automatic.is_open == (automatic == NOTHING)


@pytest.mark.parametrize(
    ("wanted", "standing", "signed_by", "refusal"),
    [
        (key("k2"), (K1,), "k2", NotEntitled),
        (key("k2"), (K1, replace(key("k3"), valid_from=NOW + timedelta(hours=1))), "k3", NotEntitled),
        (key("k2"), (K1, replace(key("k3"), valid_until=NOW)), "k3", NotEntitled),
        (key("k1"), (K1,), "k1", KeyNameTaken),
        (key("k3"), (K1, replace(key("k3"), valid_until=NOW)), "k1", KeyNameTaken),
        (replace(K1, key_id="k9"), (key("k2"), GONE), "k2", KeyRevoked),
        (K1, (key("k2"), GONE), "k2", KeyRevoked),
    ],
)
def test_who_is_refused(
    wanted: Subscription, standing: tuple[Subscription, ...], signed_by: str, refusal: type[NodeError]
) -> None:
    with pytest.raises(refusal) as error:
        decide(wanted, *standing, signed_by=signed_by)
    assert error.value.hint
    assert error.value.path


def test_a_refusal_names_the_keys_that_may_sign() -> None:
    with pytest.raises(NotEntitled, match="'k1', 'k4'"):
        decide(key("k2"), K1, key("k4"), signed_by="k2")


def test_a_key_of_another_subscriber_is_no_matter_here() -> None:
    shared = write_public_key(new_private_key().public_key)
    assert decide(key("k2", signing_public_key=shared), K1) == NOTHING
