"""`degnode serve`: run one role in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from degnode.roles.node_env import serve_from

serve = typer.Typer(
    help="Run one role. Settings are environment variables; `degnode serve settings` lists them.",
    no_args_is_help=True,
)

UseDataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        file_okay=False,
        help="The node's directory: its keys, its database, and the settings that `degnode join` left there.",
    ),
]


@serve.command()
def registry(data_dir: UseDataDir = None) -> None:
    """Run the registry of a small network."""
    serve_from(data_dir, role="registry")
    from degnode.roles import registry as role

    uvloop.run(role.run())


@serve.command()
def bap(data_dir: UseDataDir = None) -> None:
    """Run a buyer's platform: an HTTP API for consumers' apps."""
    serve_from(data_dir, role="bap")
    from degnode.roles import bap as role

    uvloop.run(role.run())


@serve.command()
def bpp(data_dir: UseDataDir = None) -> None:
    """Run a seller's platform: catalogue, contracts, meters, settlement."""
    serve_from(data_dir, role="bpp")
    from degnode.roles import bpp as role

    uvloop.run(role.run())


@serve.command()
def gateway(data_dir: UseDataDir = None) -> None:
    """Run a gateway of a v1.1 network: searches to all sellers, catalogues back."""
    serve_from(data_dir, role="bg")
    from degnode.roles import gateway as role

    uvloop.run(role.run())


@serve.command()
def utility(data_dir: UseDataDir = None) -> None:
    """Run a distribution utility: sanctioned loads and wheeling charges of its customers' trades."""
    serve_from(data_dir, role="bpp")
    from degnode.roles import utility as role

    uvloop.run(role.run())


@serve.command()
def discovery(data_dir: UseDataDir = None) -> None:
    """Run a discovery service: sellers publish their catalogues to it, buyers search all of them."""
    serve_from(data_dir, role="cds")
    from degnode.roles import discovery as role

    uvloop.run(role.run())


@serve.command()
def settings() -> None:
    """List the settings of every role."""
    from rich.console import Console
    from rich.table import Table

    from degnode.roles.bap import BuyerSettings
    from degnode.roles.bpp import SellerSettings
    from degnode.roles.discovery import DiscoverySettings
    from degnode.roles.gateway import GatewaySettings
    from degnode.roles.registry import RegistrySettings
    from degnode.roles.utility import UtilitySettings
    from node.settings import ServiceSettings

    kinds: dict[str, type[ServiceSettings]] = {
        "registry": RegistrySettings,
        "bap": BuyerSettings,
        "bpp": SellerSettings,
        "gateway": GatewaySettings,
        "utility": UtilitySettings,
        "discovery": DiscoverySettings,
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
