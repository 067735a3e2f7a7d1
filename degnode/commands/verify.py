"""`degnode verify`: does a signature hold, and if not, what is the first thing that differs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from degnode.commands.instants import read_instant
from kernel.clock import SystemClock
from protocol.ed25519 import PublicKey
from protocol.keys import KeyUnreadable, read_public_key
from protocol.request_binding import possible_fourth_lines
from protocol.signature_header import SCHEME
from protocol.signing import KeyValidity
from protocol.tolerance import STRICT, Tolerance
from protocol.verification import Expectation, Report, explain

_TOLERANT: Final = Tolerance(bare=True, record_keys=True)


def verify(  # noqa: PLR0913  one for each option
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The body as it came, byte by byte.")
    ],
    *,
    authorization: Annotated[
        str, typer.Option(help="The value of the header Authorization, or of the Signature of an answer.")
    ],
    public_key: Annotated[str, typer.Option(help="The signer's key, base64, from the registry.")],
    request_signature: Annotated[
        list[str] | None,
        typer.Option(help="What a request was signed with that this may answer: base64, or its header."),
    ] = None,
    digest: Annotated[
        str | None, typer.Option(help="What the sender says the digest is, if it says so.")
    ] = None,
    now: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="When it came; by default now.")
    ] = None,
    valid_from: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="From when the key is valid.")
    ] = None,
    valid_until: Annotated[
        datetime | None, typer.Option(parser=read_instant, help="Until when the key is valid.")
    ] = None,
    tolerant: Annotated[
        bool, typer.Option("--tolerant", help="Take the forms of header that some peers send.")
    ] = False,
) -> None:
    """Explain whether a signature holds: header, digest, window, key, signature, up to what differs.

    Ends with status 1 if it does not hold.
    """
    report = explain(
        file.read_bytes(),
        authorization,
        key=_read_key(public_key),
        now=now or SystemClock().now(),
        expected=Expectation(
            request_signatures=tuple(
                line for request in request_signature or () for line in _fourth_lines(request)
            ),
            digest=digest,
            validity=KeyValidity(valid_from, valid_until),
            tolerance=_TOLERANT if tolerant else STRICT,
        ),
    )
    _print(report)
    if not report.holds:
        raise typer.Exit(1)


def _read_key(text: str) -> PublicKey:
    try:
        return read_public_key(text)
    except KeyUnreadable as error:
        raise typer.BadParameter(str(error), param_hint="--public-key") from error


def _fourth_lines(request: str) -> tuple[str, ...]:
    return possible_fourth_lines(request) if request.startswith(SCHEME) else (request,)


def _print(report: Report) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for finding in report.findings:
        verdict = "[green]holds  [/green]" if finding.holds else "[red]differs[/red]"
        console.print(f"{finding.part:<10} {verdict} {escape(finding.text)}")
    if report.hint:
        console.print(f"[bold]Hint:[/bold] {escape(report.hint)}")
