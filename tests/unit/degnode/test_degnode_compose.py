"""docker-compose.yml says what outside Docker is true as well: commands, settings, files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from degnode.roles.bpp import SellerSettings
from degnode.roles.registry import RegistrySettings
from node.settings import ServiceSettings, Settings
from settlement.statements.pdf import DEBIAN_PACKAGES

TOP: Final = Path(__file__).resolve().parents[3]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))
SETTINGS: Final[dict[str, type[ServiceSettings]]] = {
    "registry": RegistrySettings,
    "bap": Settings,
    "bpp": SellerSettings,
}
ROLES: Final = tuple(SETTINGS)


def test_the_network_is_whole() -> None:
    assert set(COMPOSE["services"]) == {"postgres", "redis", *ROLES}


@pytest.mark.parametrize("role", ROLES)
def test_a_service_runs_the_command_that_serves_its_role(role: str) -> None:
    assert COMPOSE["services"][role]["command"] == f"degnode serve {role}"


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_of_a_service_is_a_setting_of_its_role(role: str) -> None:
    settings = {f"DEGNODE_{name.upper()}" for name in SETTINGS[role].model_fields}
    assert set(COMPOSE["services"][role]["environment"]) - settings == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_setting_that_a_role_needs_is_a_variable_of_its_service(role: str) -> None:
    fields = SETTINGS[role].model_fields.items()
    needed = {f"DEGNODE_{name.upper()}" for name, field in fields if field.is_required()}
    assert needed - set(COMPOSE["services"][role]["environment"]) == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_service_waits_for_what_it_needs(role: str) -> None:
    text = " ".join(str(value) for value in COMPOSE["services"][role]["environment"].values())
    hosts = set(re.findall(r"(?:@|//)([a-z]+)(?=[:/]|$)", text)) - {role, "degnode"}
    assert set(COMPOSE["services"][role]["depends_on"]) == hosts


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_a_database_of_its_own(role: str) -> None:
    assert COMPOSE["services"][role]["environment"]["DEGNODE_DATABASE_URL"].endswith(f"@postgres/{role}")
    created = COMPOSE["services"]["postgres"]["environment"]["POSTGRES_DB"]
    assert role == created or f"CREATE DATABASE {role};" in COMPOSE["configs"]["databases"]["content"]


def test_every_file_that_is_mounted_exists() -> None:
    files = [config["file"] for config in COMPOSE["configs"].values() if "file" in config]
    assert [file for file in files if not (TOP / file).is_file()] == []


def test_no_secret_is_written_down() -> None:
    secrets = {
        name: value
        for service in COMPOSE["services"].values()
        for name, value in service.get("environment", {}).items()
        if name.endswith(("PASSWORD", "TOKEN", "KEY"))
    }
    assert len(secrets) == 3
    assert all(re.fullmatch(r"\$\{\w+(:\?[^}]*)?\}", value) for value in secrets.values())


def test_the_image_has_what_invoices_as_pdf_need() -> None:
    image = (TOP / "Dockerfile").read_text(encoding="utf-8").rpartition("FROM")[2]
    installed = re.findall(r"install -y --no-install-recommends ([^&]+)&&", image)[0].split()
    assert {*DEBIAN_PACKAGES, "fonts-dejavu-core"} <= set(installed)
    assert "weasyprint==" in (TOP / "requirements.txt").read_text(encoding="utf-8")


def test_the_image_is_built_from_what_the_wheel_needs() -> None:
    allowed = {
        line[1:] for line in (TOP / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"
    }
    wanted = re.findall(
        r'^    "(\w+)",$', (TOP / "pyproject.toml").read_text().partition("wheel]")[2], re.MULTILINE
    )
    packages = set(wanted[: wanted.index("migrations") + 1])
    assert packages | {"pyproject.toml", "README.md", "LICENSE"} <= allowed
