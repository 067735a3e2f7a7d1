"""`degnode sign`: the header under which a file could be sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from degnode.commands.instants import read_instant
from degnode.commands.validate import ProfileName
from kernel.clock import SystemClock
from protocol.ed25519 import PrivateKey
from protocol.keys import read_private_key
from protocol.profile import PROFILES, V2_RC, Binding
from protocol.request_binding import fourth_line
from protocol.signature_header import SCHEME
from protocol.signing import MAX_VALIDITY, Signer, parse_header

_USUAL: Final = ProfileName(V2_RC.name)


def sign(  # noqa: PLR0913  one for each option
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The body, byte by byte.")],
    *,
    key: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="The file of the signing key.")],
    subscriber: Annotated[str, typer.Option(help="Who signs, as the registry knows them.")],
    key_id: Annotated[str, typer.Option(help="What the registry calls the key.")],
    profile: Annotated[ProfileName, typer.Option(help="The generation.")] = _USUAL,
    request_signature: Annotated[
        str | None,
        typer.Option(help="What the request was signed with that this answers: base64, or its header."),
    ] = None,
    binding: Annotated[
        Binding | None, typer.Option(help="What of that request is signed; by default as the profile does.")
    ] = None,
    created: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="When it is signed; by default now.")
    ] = None,
    seconds: Annotated[
        int, typer.Option(min=1, max=int(MAX_VALIDITY.total_seconds()), help="How long it is valid.")
    ] = 300,
) -> None:
    """Print the Authorization header that signs FILE.

    An answer's own Signature header is made in the same way.
    """
    spoken = PROFILES[profile.value]
    header = Signer(
        subscriber_id=subscriber,
        key_id=key_id,
        private_key=_read_key(key),
        validity=timedelta(seconds=seconds),
    ).sign(
        file.read_bytes(),
        now=created or SystemClock().now(),
        label=spoken.digest_labels[0],
        request_signature=_bound(request_signature, binding or spoken.binding),
    )
    parse_header(header)  # names that no header can hold are told here, not by the peer
    print(header)


def _read_key(file: Path) -> PrivateKey:
    try:
        return read_private_key(file.read_text())
    except ValueError as error:  # no key, or no text
        raise typer.BadParameter(f"{file} holds no signing key: {error}", param_hint="--key") from error


def _bound(request: str | None, binding: Binding) -> str | None:
    """Return what the fourth line repeats of the request; a bare signature is taken as it is."""
    if request is None:
        return None
    if binding is Binding.NONE:
        raise typer.BadParameter(
            "this profile binds no request; say --binding to do it all the same",
            param_hint="--request-signature",
        )
    return fourth_line(request, binding) if request.startswith(SCHEME) else request
