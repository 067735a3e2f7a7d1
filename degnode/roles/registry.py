"""The registry of a small network."""

from __future__ import annotations

from pydantic import Field, SecretStr

from degnode.roles.configuration import load_settings
from degnode.serve import open_database, serve
from kernel.clock import SystemClock
from node.settings import ServiceSettings
from node.telemetry import configure_logging
from registry.app import create_registry_app
from storage.unit_of_work import UnitOfWorkFactory


class RegistrySettings(ServiceSettings):
    """The settings of a registry."""

    registry_token: SecretStr = Field(description="What participants must know to enter themselves.")


async def run() -> None:
    """Run the registry until its process is told to stop."""
    settings = load_settings(RegistrySettings)
    configure_logging(level=settings.log_level, log_format=settings.log_format)
    async with open_database(settings, name="registry") as database:
        app = create_registry_app(
            uow_factory=UnitOfWorkFactory(database),
            clock=SystemClock(),
            token=settings.registry_token.get_secret_value(),
        )
        try:
            await serve(app, settings)
        finally:
            await database.close()
