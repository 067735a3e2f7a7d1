"""`degnode validate`: is a message one, and if not, where and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from protocol.document import parse_document
from protocol.errors import JsonInvalid
from protocol.profile import PROFILES
from protocol.remarks import Remark, remarks
from protocol.verdict import Fault, Verdict, judge
from schemas.jsonld import JsonLd
from schemas.library import Rules
from schemas.pack_folder import load_packs
from schemas.packs import bundled_packs
from schemas.remote_contexts import RemoteContexts

ProfileName = StrEnum("ProfileName", {name: name for name in PROFILES})  # type: ignore[misc]  # made of the table


class Packs(StrEnum):
    """Whether attributes are looked into."""

    ON = "on"
    OFF = "off"


_RULES: Final = {Packs.ON: Rules.PARTICIPANT, Packs.OFF: Rules.TRANSPORT}
_MANIFEST: Final = "manifest.json"


def validate(
    paths: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Files, and directories that are walked for *.json."),
    ],
    profile: Annotated[
        ProfileName | None,
        typer.Option(help="The generation; without it each message's own keys tell."),
    ] = None,
    packs: Annotated[
        Packs,
        typer.Option(
            help="on: what a participant needs, attributes included. off: the transport's schema alone."
        ),
    ] = Packs.ON,
    pack_folder: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="More packs, besides those that come along."),
    ] = None,
    contexts_from: Annotated[
        list[str] | None,
        typer.Option(
            help="An https address below which JSON-LD contexts may be fetched; without it none is."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one array of {file, profile, action, valid, errors}.")
    ] = False,
) -> None:
    """Say of every message whether it is valid, and of those that are not, where and why.

    Ends with status 1 if any is not. With packs on, remarks tell of attributes that no pack knows,
    and of keys that their JSON-LD context does not explain.
    """
    chosen = None if profile is None else PROFILES[profile.value]
    known = bundled_packs() if pack_folder is None else (*bundled_packs(), *load_packs(pack_folder))
    say = partial(judge, profile=chosen, rules=_RULES[packs], packs=known)
    verdicts = [(file, _judge(file, say)) for file in _files(paths)]
    if as_json:
        sys.stdout.write(json.dumps([_entry(*entry) for entry in verdicts], indent=1) + "\n")
    else:
        reader = JsonLd(known, RemoteContexts(contexts_from) if contexts_from else None)
        look = partial(remarks, packs=known, reader=reader) if packs is Packs.ON else _no_remarks
        _print(verdicts, look)
    if not all(verdict.is_valid for _, verdict in verdicts):
        raise typer.Exit(1)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = (file for file in path.rglob("*.json") if file.name != _MANIFEST)
            yield from sorted(file for file in found if not file.is_dir())
        else:
            yield path


def _judge(file: Path, say: Callable[[bytes], Verdict]) -> Verdict:
    """Return what is to be said of a file; one that cannot be read holds up no other."""
    try:
        return say(file.read_bytes())
    except OSError as error:
        fault = Fault(
            path="$",
            code=JsonInvalid.code,
            message=f"the file cannot be read: {error.strerror or error}",
            rule="file",
        )
        return Verdict(profile=None, action=None, faults=(fault,))


def _entry(file: Path, verdict: Verdict) -> dict[str, object]:
    return {
        "file": str(file),
        "profile": verdict.profile,
        "action": verdict.action,
        "valid": verdict.is_valid,
        "errors": [
            {"path": fault.path, "code": fault.code, "message": fault.message} for fault in verdict.faults
        ],
    }


def _no_remarks(_document: Mapping[str, Any]) -> list[Remark]:
    """Remark upon nothing: the transport does not look into attributes."""
    return []


def _print(
    verdicts: Sequence[tuple[Path, Verdict]], look: Callable[[Mapping[str, Any]], list[Remark]]
) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for file, verdict in verdicts:
        mark = "[green]valid[/green]  " if verdict.is_valid else "[red]invalid[/red]"
        console.print(f"{mark} {escape(str(file))}  {verdict.profile or '?'} {verdict.action or '?'}")
        for fault in verdict.faults:
            console.print(f"    {escape(fault.path)}: {escape(fault.message)} ({fault.rule})")
            if fault.hint:
                console.print(f"      {escape(fault.hint)}", style="dim")
        if verdict.is_valid:
            for remark in look(parse_document(file.read_bytes())):
                console.print(f"    [yellow]{escape(remark.path)}: {escape(remark.message)}[/yellow]")
    wrong = sum(not verdict.is_valid for _, verdict in verdicts)
    console.print(f"{len(verdicts)} messages, {wrong} invalid")
