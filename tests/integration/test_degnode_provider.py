"""Who has the last word on what a node sells is named by its settings: nobody, a webhook, or a plug-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from pydantic import ValidationError
from sqlalchemy import select
from structlog.testing import capture_logs

from bpp.platform import Bpp
from bpp.provider.webhook import WebhookProvider
from degnode.roles.bpp import SellerSettings
from degnode.roles.configuration import SettingsInvalid, load_settings
from degnode.roles.own_keys import open_own_keys
from degnode.roles.provider import (
    ProviderParts,
    ProviderSettings,
    ProviderUnusable,
    load_provider,
    offices_of,
    provider_parts,
)
from kernel.clock import SystemClock
from node.runtime import Foundation, lay_foundation
from protocol.actions import Action, Role
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import catalogue
from trading.tables import news_followers

SECRET = "a-secret-of-both-which-is-long-enough"
WEBHOOK = {"provider": "webhook", "provider_url": "https://office.example/", "provider_secret": SECRET}
PLUG_IN = """
from bpp.provider.port import Answer

class Roofs:
    async def ask(self, question):
        return Answer(accepted=question.terms.provider == "valley", reason="not ours")

    async def tell(self, event):
        return None

class Deaf:
    async def ask(self, question):
        return Answer(accepted=True)

def broken():
    raise OSError("no network")
"""
NAMES = """[degnode.providers]
roofs = valley_office:Roofs
deaf = valley_office:Deaf
broken = valley_office:broken
absent = valley_office:Absent
"""


def told(**values: Any) -> SellerSettings:
    needed = {
        "subscriber_id": "bpp.example",
        "public_url": "https://bpp.example",
        "registry_url": "https://registry.example",
    }
    return SellerSettings.model_validate({**needed, **values})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings back offices along."""
    (tmp_path / "valley_office.py").write_text(PLUG_IN)
    metadata = tmp_path / "valley_office-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: valley-office\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(NAMES)
    monkeypatch.syspath_prepend(str(tmp_path))


async def founded(settings: SellerSettings, database: Database) -> Foundation:
    clock = SystemClock()
    signers = await open_own_keys(settings, database=database, clock=clock)
    return lay_foundation(role=Role.BPP, settings=settings, database=database, clock=clock, signers=signers)


async def parts_of(database: Database, folder: Path, **values: Any) -> ProviderParts:
    """Return what a node of these settings has, and does, as it starts."""
    settings = told(data_dir=folder, **values)
    foundation = await founded(settings, database)
    seller = Bpp(catalogue=catalogue(), correspondent=foundation.correspondent)
    return await provider_parts(settings, seller, foundation)


async def followers(uow_factory: UnitOfWorkFactory) -> list[str]:
    async with uow_factory() as uow:
        return list((await uow.connection.execute(select(news_followers.c.name))).scalars())


async def test_a_node_asks_nobody_unless_it_is_told_whom(
    database: Database, uow_factory: UnitOfWorkFactory, tmp_path: Path
) -> None:
    assert await parts_of(database, tmp_path) == ProviderParts()
    assert await followers(uow_factory) == []


async def test_a_node_with_a_webhook_asks_before_it_sells_and_tells_until_it_has_none(
    database: Database, uow_factory: UnitOfWorkFactory, tmp_path: Path
) -> None:
    parts = await parts_of(database, tmp_path, **WEBHOOK)
    assert set(parts.preparations) == {Action.SELECT, Action.INIT, Action.CONFIRM, Action.UPDATE}
    assert len(parts.workers) == 1
    assert await followers(uow_factory) == ["provider"]
    await parts_of(database, tmp_path, **WEBHOOK)
    assert await followers(uow_factory) == ["provider"]
    await parts_of(database, tmp_path)
    assert await followers(uow_factory) == []


async def test_a_webhook_s_secret_is_not_in_what_is_shown(database: Database, tmp_path: Path) -> None:
    settings = told(data_dir=tmp_path, **WEBHOOK)
    office = offices_of(settings, await founded(settings, database)).usual
    assert office is not None
    assert isinstance(office.port, WebhookProvider)
    assert SECRET not in repr(settings) + repr(office) + repr(vars(office.port))


@pytest.mark.usefixtures("installed")
async def test_a_package_s_back_office_is_found_by_its_entry_point(
    database: Database, tmp_path: Path
) -> None:
    settings = told(data_dir=tmp_path, provider="entry-point:roofs")
    office = offices_of(settings, await founded(settings, database)).usual
    assert office is not None
    assert type(office.port).__name__ == "Roofs"


@pytest.mark.usefixtures("installed")
async def test_a_file_names_the_back_offices_of_single_providers(
    database: Database, uow_factory: UnitOfWorkFactory, tmp_path: Path
) -> None:
    file = tmp_path / "offices.yaml"
    file.write_text(
        "providers:\n"
        "  valley-solar-cooperative:\n"
        "    {office: webhook, url: 'https://office.example', secret_file: its.secret}\n"
        "  hill-wind: {office: 'entry-point:roofs'}\n"
        "  lake-hydro: {office: built-in}\n"
    )
    (tmp_path / "its.secret").write_text(SECRET)
    settings = told(data_dir=tmp_path, provider_offices=str(file), provider_timeout="PT2S")
    offices = offices_of(settings, await founded(settings, database))
    valley, hill = offices.of("valley-solar-cooperative"), offices.of("hill-wind")
    assert valley is not None
    assert hill is not None
    assert (valley.name, type(valley.port), valley.patience.seconds) == (
        "valley-solar-cooperative",
        WebhookProvider,
        2,
    )
    assert type(hill.port).__name__ == "Roofs"
    assert offices.of("lake-hydro") is None
    assert offices.of("anybody else") is None
    with capture_logs() as logs:
        parts = await parts_of(database, tmp_path, provider_offices=str(file))
    assert len(parts.workers) == 4  # two that are told, one of those who are not, one of all others
    assert await followers(uow_factory) == ["provider"]
    assert [each["providers"] for each in logs if each["event"] == "provider.not_in_catalogue"] == [
        ["hill-wind", "lake-hydro"]
    ]


async def test_what_came_of_questions_is_among_the_metrics(database: Database, tmp_path: Path) -> None:
    settings = told(data_dir=tmp_path, **WEBHOOK)
    foundation = await founded(settings, database)
    office = offices_of(settings, foundation).usual
    assert office is not None
    office.count("accepted")
    told_of = generate_latest(foundation.metrics.registry).decode()
    assert 'degnode_back_office_questions_total{office="usual",outcome="accepted"} 1.0' in told_of


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", "no installed package has the entry point nothing.*absent, broken, deaf, roofs"),
        ("absent", "absent cannot be loaded: AttributeError"),
        ("broken", "broken cannot be loaded: OSError: no network"),
        ("deaf", "what the entry point deaf makes has no tell"),
    ],
)
def test_a_back_office_that_cannot_be_used_is_told_at_the_start(name: str, why: str) -> None:
    with pytest.raises(ProviderUnusable, match=why):
        load_provider(name)


@pytest.mark.parametrize(
    "values",
    [
        {"provider": "webhooks"},
        {"provider": "entry-point:"},
        {"provider": "webhook"},
        {"provider": "webhook", "provider_url": "https://office.example/"},
        WEBHOOK | {"provider_secret": "short"},
        WEBHOOK | {"provider_timeout": "PT1M"},
    ],
)
def test_settings_that_are_not_whole_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"provider|DEGNODE_PROVIDER"):
        told(**values)


def test_settings_that_do_not_go_together_are_told_as_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEGNODE_SUBSCRIBER_ID", "bpp.example.local")
    monkeypatch.setenv("DEGNODE_PUBLIC_URL", "http://127.0.0.1:8082")
    monkeypatch.setenv("DEGNODE_REGISTRY_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("DEGNODE_PROVIDER", "webhook")
    with pytest.raises(SettingsInvalid, match=r"  DEGNODE_PROVIDER=webhook needs DEGNODE_PROVIDER_URL"):
        load_settings(ProviderSettings, data_dir=tmp_path)
