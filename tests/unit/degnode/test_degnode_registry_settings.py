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


@pytest.mark.parametrize("proxies", ["127.0.0.1", "192.0.2.1,10.0.0.0/8"])
def test_a_registry_behind_a_proxy_is_strict_though_it_listens_on_this_machine(proxies: str) -> None:
    assert settings(trusted_proxies=proxies).policy().checks is UrlChecks.STRICT
    told = settings(trusted_proxies=proxies, registry_checks="loopback")
    assert told.policy().checks is UrlChecks.LOOPBACK


@pytest.mark.parametrize(
    ("checks", "told", "approval"),
    [
        ("private", None, Approval.MANUAL),
        ("private", "", Approval.MANUAL),
        ("private", "automatic", Approval.AUTOMATIC),
        ("strict", None, Approval.AUTOMATIC),
        ("strict", "manual", Approval.MANUAL),
        (None, None, Approval.AUTOMATIC),
    ],
)
def test_where_a_url_proves_no_name_the_operator_lets_in_unless_it_is_told(
    checks: str | None, told: str | None, approval: Approval
) -> None:
    assert settings(registry_checks=checks, registry_approval=told).policy().approval is approval


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
