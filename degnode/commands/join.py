"""`degnode join`: into a network, without editing anybody's registry by hand."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from degnode.commands.lengths import read_length
from degnode.commands.place import DEFAULT_DATA_DIR, DatabaseUrl, DataDir
from kernel.clock import SystemClock
from node.settings import KeyFormat
from node.telemetry import configure_logging
from protocol.actions import Role
from registry_client.challenge import ChallengeScheme

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_WAIT: Final = timedelta(seconds=60)


RegistryUrl = Annotated[str | None, typer.Option(help="The URL of the network's registry.")]
RoleOption = Annotated[
    Role | None, typer.Option(help="What to be: a buyer's or seller's platform, a gateway.")
]
SubscriberName = Annotated[
    str | None, typer.Option(help="Your name on the network, such as the host name of your URL.")
]
OwnUrl = Annotated[str | None, typer.Option(help="Where peers reach you; the registry calls you there.")]
DomainName = Annotated[str | None, typer.Option(help="The domain that you trade in.")]
CatalogFile = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="Of a seller: what is for sale.")
]
Host = Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 if nothing is said.")]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Where to listen; the URL's own on this machine, or 8080."),
]
RegistryKeys = Annotated[
    list[str] | None,
    typer.Option(help="The registry's signing key, base64, as its operator told you; repeat for several."),
]
RegistryId = Annotated[
    str | None, typer.Option(help="The name of a registry that has its own keys only in its list.")
]
RegistryEncryptionKey = Annotated[
    str | None, typer.Option(help="The X25519 key, base64, of a registry that does not show it.")
]
Scheme = Annotated[
    ChallengeScheme | None, typer.Option(help="How the registry encrypts, if it does not say so.")
]
Format = Annotated[
    KeyFormat | None, typer.Option(help="How the registry wants encryption keys: raw, or in DER.")
]
RequestId = Annotated[
    str | None, typer.Option(help="The request id that an ONDC-style registry wants signed on a page.")
]
Wait = Annotated[
    timedelta | None, typer.Option(parser=read_length, help="How long to wait for the registry.")
]


def join(  # noqa: PLR0913  one for each option
    *,
    registry: RegistryUrl = None,
    role: RoleOption = None,
    subscriber: SubscriberName = None,
    url: OwnUrl = None,
    domain: DomainName = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
    catalog: CatalogFile = None,
    host: Host = None,
    port: Port = None,
    registry_key: RegistryKeys = None,
    registry_id: RegistryId = None,
    registry_encryption_key: RegistryEncryptionKey = None,
    challenge_scheme: Scheme = None,
    key_format: Format = None,
    site_verification: RequestId = None,
    wait: Wait = None,
) -> None:
    """Join a network: make keys, ask its registry, answer its challenge, wait until SUBSCRIBED.

    Every step is shown, and of one that fails why and what to do; then the status is 1. To do it again
    is harmless, and goes on where it stopped; then nothing needs to be said but --data-dir.
    """
    from degnode.join.checklist import Checklist
    from degnode.join.flow import Join, JoinRequest

    if site_verification is not None and not _REQUEST_ID.fullmatch(site_verification):
        raise typer.BadParameter(
            "at most 128 letters, digits, dots, dashes or underscores", param_hint="--site-verification"
        )
    request = JoinRequest(
        data_dir=data_dir,
        registry=registry,
        role=role,
        subscriber=subscriber,
        domain=domain,
        url=url,
        database_url=database_url,
        registry_keys=tuple(registry_key or ()),
        registry_id=registry_id,
        registry_encryption_key=registry_encryption_key,
        scheme=challenge_scheme,
        key_format=key_format,
        catalog=catalog,
        host=host,
        port=port,
        site_request_id=site_verification,
        wait=_WAIT if wait is None else wait,
    )
    configure_logging(level="ERROR", log_format="console")  # the screen tells the rest in its own way
    run = Join(request=request, checklist=Checklist(Console(highlight=False)), clock=SystemClock())
    if not asyncio.run(run.run()):
        raise typer.Exit(1)
