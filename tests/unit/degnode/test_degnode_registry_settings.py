"""What a registry is told, and what it takes where nothing is said."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from degnode.roles.registry import RegistrySettings
from registry.policy import Approval, UrlChecks
from registry_client.challenge import ChallengeScheme
from registry_client.reach import Reach


def settings(**values: object) -> RegistrySettings:
    return RegistrySettings.model_validate(values)


@pytest.mark.parametrize(
    ("host", "told", "checks"),
    [
        ("127.0.0.1", None, UrlChecks.LOOPBACK),
        ("192.0.2.1", None, UrlChecks.STRICT),
        ("192.0.2.1", "", UrlChecks.STRICT),
        ("192.0.2.1", "private", UrlChecks.PRIVATE),
        ("127.0.0.1", "strict", UrlChecks.STRICT),
    ],
)
def test_a_registry_that_others_can_reach_is_strict_unless_it_is_told(
    host: str, told: str | None, checks: UrlChecks
) -> None:
    assert settings(host=host, registry_checks=told).policy().checks is checks


def test_how_far_it_goes_is_what_it_takes() -> None:
    assert [checks.reach for checks in UrlChecks] == [Reach.PUBLIC, Reach.LOOPBACK, Reach.PRIVATE]


def test_the_rest_has_its_usual_values() -> None:
    policy = settings(network_id="").policy()
    assert (policy.registry_id, policy.network_id) == ("registry.local", None)
    assert (policy.approval, policy.scheme) == (Approval.AUTOMATIC, ChallengeScheme.AES_ECB)


@pytest.mark.parametrize("name", ["", "a b", "a|b", "a/b", 'a"b'])
def test_a_name_that_cannot_stand_in_a_key_id_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        settings(registry_id=name)
