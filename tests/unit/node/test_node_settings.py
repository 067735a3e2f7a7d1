"""What an operator sets, and what is said when it is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from node.settings import ServiceSettings, Settings
from protocol.keys import new_private_key, write_public_key

REQUIRED = {
    "DEGNODE_SUBSCRIBER_ID": "bpp.example.com",
    "DEGNODE_PUBLIC_URL": "https://bpp.example.com",
    "DEGNODE_REGISTRY_URL": "https://registry.example.com",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that holds the required settings and no other."""
    for name in (
        "DATABASE_URL",
        "REDIS_URL",
        *(f"DEGNODE_{field.upper()}" for field in Settings.model_fields),
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("environment")
def test_three_settings_are_enough() -> None:
    settings = Settings()
    assert (settings.subscriber_id, settings.host, settings.port) == ("bpp.example.com", "127.0.0.1", 8080)
    assert settings.data_dir == Path(".degnode")
    assert settings.database_url is settings.redis_url is settings.api_key is None
    assert settings.workers


@pytest.mark.parametrize("missing", REQUIRED)
def test_what_is_missing_is_named(environment: pytest.MonkeyPatch, missing: str) -> None:
    environment.delenv(missing)
    with pytest.raises(ValidationError, match=missing.removeprefix("DEGNODE_").lower()):
        Settings()


def test_every_field_is_read_from_its_variable(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "9000",
        "WORKERS": "false",
        "LEASE": "45",
        "POLL_INTERVAL": "0.5",
        "CALLBACK_TTL": "PT1H",
        "MAX_BODY_BYTES": "1000",
        "API_KEY": "secret",
        "KEY_FILE": "/run/key",
    }.items():
        environment.setenv(f"DEGNODE_{name}", value)
    settings = Settings()
    assert (settings.port, settings.workers, settings.max_body_bytes) == (9000, False, 1000)
    assert (settings.lease, settings.callback_ttl) == (timedelta(seconds=45), timedelta(hours=1))
    assert settings.poll_interval == timedelta(milliseconds=500)
    assert settings.key_file == Path("/run/key")


@pytest.mark.parametrize("name", ["DEGNODE_DATABASE_URL", "DATABASE_URL"])
def test_the_database_has_two_names(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "postgresql://db/x")
    url = ServiceSettings().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://db/x"


def test_the_projects_own_name_goes_before_the_general_one(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_URL", "redis://general")
    environment.setenv("DEGNODE_REDIS_URL", "redis://own")
    url = Settings().redis_url
    assert url is not None
    assert url.get_secret_value() == "redis://own"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "http"),
        ("subscriber_id", ""),
        ("subscriber_id", "bpp .example.com"),
        ("subscriber_id", "bpp.example.com|k1"),
        ("subscriber_id", "b" * 256),
        ("public_url", "bpp.example.com"),
        ("registry_url", "ftp://registry"),
        ("registry_kind", "phonebook"),
        ("registry_key", "AAAA"),
        ("key_grace", "-1"),
        ("log_level", "LOUD"),
        ("log_format", "xml"),
        ("max_body_bytes", "0"),
        ("lease", "soon"),
        ("lease", "-1"),
        ("workers", "perhaps"),
        ("wires", "v9"),
        ("wires", ""),
        ("wire", "v9"),
        ("peers", '{"bpp.example": {"wire": "v9"}}'),
        ("peers", '{"bpp.example": {"rate": Infinity}}'),
        ("peer_rate", "inf"),
        ("official", '{"lts": {"file": "beckn.yaml"}}'),
    ],
)
def test_a_bad_value_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(f"DEGNODE_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_secrets_do_not_show(environment: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "REGISTRY_TOKEN", "DATABASE_URL"):
        environment.setenv(f"DEGNODE_{name}", "hush")
    assert "hush" not in repr(Settings())


def test_wires_are_names_between_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEGNODE_WIRES", "v2_lts, v2_rc")
    assert Settings().wires == ("v2_lts", "v2_rc")


@pytest.mark.parametrize(
    ("name", "value"), [("WIRE", "v2_rc"), ("PEERS", '{"bpp.example": {"wire": "v1_1"}}')]
)
def test_nothing_is_written_on_a_wire_that_is_not_taken_in(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv("DEGNODE_WIRES", "v2_lts")
    environment.setenv("DEGNODE_WIRE", "v2_lts")
    environment.setenv(f"DEGNODE_{name}", value)
    with pytest.raises(ValidationError, match="DEGNODE_WIRES"):
        Settings()


def test_a_pin_may_leave_the_wire_open(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEGNODE_PEERS", '{"bpp.example": {"binding": "header"}}')
    assert Settings().peers["bpp.example"].wire is None


def test_a_directory_in_a_file_needs_the_file_and_no_registry(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DEGNODE_REGISTRY_KIND", "file")
    environment.delenv("DEGNODE_REGISTRY_URL")
    with pytest.raises(ValidationError, match="subscribers") as caught:
        Settings()
    assert [error["type"] for error in caught.value.errors()] == ["missing"]
    environment.setenv("DEGNODE_SUBSCRIBERS", "subscribers.yaml")
    assert Settings().registry_url is None


@pytest.mark.parametrize("kind", ["beckn", "dedi"])
def test_a_registry_needs_its_url(environment: pytest.MonkeyPatch, kind: str) -> None:
    environment.setenv("DEGNODE_REGISTRY_KIND", kind)
    environment.delenv("DEGNODE_REGISTRY_URL")
    with pytest.raises(ValidationError, match="registry_url") as caught:
        Settings()
    assert [error["type"] for error in caught.value.errors()] == ["missing"]


def test_several_keys_of_the_registry_stand_between_commas(environment: pytest.MonkeyPatch) -> None:
    keys = tuple(write_public_key(new_private_key().public_key) for _ in range(2))
    environment.setenv("DEGNODE_REGISTRY_KEY", ", ".join(keys))
    assert Settings().registry_key == keys


@pytest.mark.parametrize("name", ["bpp.example", "urn:deg:bpp/7", "!", "~" * 255])
def test_a_subscribers_name_is_what_a_signature_can_hold(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("DEGNODE_SUBSCRIBER_ID", name)
    assert Settings().subscriber_id == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a|b", 'a"b', "a\n", "a\x07b", "büro.example", "中国", "a" * 256], ids=repr
)
def test_a_name_that_no_signature_can_hold_is_refused(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("DEGNODE_SUBSCRIBER_ID", name)
    with pytest.raises(ValidationError, match="subscriber"):
        Settings()
