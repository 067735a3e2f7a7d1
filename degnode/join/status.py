"""Showing how a participant stands."""

from __future__ import annotations

import json

from rich.console import Console

from degnode.join.checklist import Checklist
from degnode.join.membership import Membership
from degnode.join.report import Report, make_report
from degnode.key_views import key_table
from degnode.roles.joining import plain
from kernel.clock import format_instant
from registry_client.standing import Standing


async def show_status(membership: Membership, checklist: Checklist, *, as_json: bool) -> bool:
    """Print how it stands, for people or for programs; return whether peers find it."""
    report = await make_report(membership)
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
        return report.is_in
    settings = membership.settings
    checklist.title(f"{settings.subscriber_id}, {membership.role.upper()} at {plain(settings.public_url)}")
    _show_registry(report, checklist)
    for key_id, standing in report.standings.items():
        _show_standing(key_id, standing, checklist)
    if report.sets:
        Console(highlight=False).print(key_table(report.sets, now=report.now))
    return report.is_in


def _show_registry(report: Report, checklist: Checklist) -> None:
    url = report.membership.registry_url
    if report.trouble is not None:
        checklist.note("registry", f"{url}: {report.trouble.message}; how it stands is known there only")
        checklist.note(
            "", "Peers go on with the keys that they have looked up, for a while. Ask again later."
        )
        return
    checklist.done("registry", f"{url} answers; {'; '.join(report.registry_lines())}")


def _show_standing(key_id: str, standing: Standing | None, checklist: Checklist) -> None:
    if standing is None:
        checklist.note(key_id, "the registry does not know it: run `degnode network renew`")
        return
    since = f" since {format_instant(standing.since)}" if standing.since else ""
    reason = f": {standing.reason.removesuffix('.')}" if standing.reason else ""
    hint = f" What to do: {standing.hint}" if standing.hint else ""
    show = checklist.done if standing.is_in else checklist.note
    show(key_id, f"{standing.status or 'in a state that is not known'}{since}{reason}.{hint}")
