"""`degnode serve`: run one role in this process."""

from __future__ import annotations

import typer
import uvloop

serve = typer.Typer(
    help="Run one role. Settings are environment variables; `degnode serve settings` lists them.",
    no_args_is_help=True,
)


@serve.command()
def registry() -> None:
    """Run the registry of a small network."""
    from degnode.roles import registry as role

    uvloop.run(role.run())


@serve.command()
def bap() -> None:
    """Run a buyer's platform: an HTTP API for consumers' apps."""
    from degnode.roles import bap as role

    uvloop.run(role.run())


@serve.command()
def bpp() -> None:
    """Run a seller's platform: catalogue, contracts, meters, settlement."""
    from degnode.roles import bpp as role

    uvloop.run(role.run())


@serve.command()
def settings() -> None:
    """List the settings of every role."""
    from rich.console import Console
    from rich.table import Table

    from degnode.roles.bpp import SellerSettings
    from degnode.roles.registry import RegistrySettings
    from node.settings import ServiceSettings, Settings

    kinds: dict[str, type[ServiceSettings]] = {
        "registry": RegistrySettings,
        "bap": Settings,
        "bpp": SellerSettings,
    }
    names = dict.fromkeys(name for kind in kinds.values() for name in kind.model_fields)
    table = Table(title="Settings")
    for heading in ("variable", "default", "roles", "meaning"):
        table.add_column(heading, overflow="fold")
    for name in names:
        field = next(kind.model_fields[name] for kind in kinds.values() if name in kind.model_fields)
        default = "required" if field.is_required() else str(field.get_default(call_default_factory=True))
        roles = " ".join(role for role, kind in kinds.items() if name in kind.model_fields)
        table.add_row(f"DEGNODE_{name.upper()}", default, roles, field.description)
    Console().print(table)
