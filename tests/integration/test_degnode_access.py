"""`degnode api-keys`, `peers` and `audit`: what an operator says is done at once, and on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import Result

from kernel.clock import SystemClock
from kernel.errors import NodeError
from node.api_key_store import ApiKeyNotFound
from node.api_keys import ApiKeyRefused, ApiKeys
from node.peer_rule_store import PeerRuleNotFound
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed


class Operator:
    """Works on the command line of the node whose database it is."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def runs(self, *arguments: str) -> str:
        """Return what a command prints that ends well."""
        return printed(await self.tries(*arguments))

    async def tries(self, *arguments: str) -> Result:
        return await invoke(*arguments, "--database-url", self._database_url)

    async def reads(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.runs(*arguments, "--json"))
        return found


@pytest.fixture
def operator(database_url: str) -> Operator:
    return Operator(database_url)


async def test_a_key_is_printed_once_and_opens_the_node_until_it_is_revoked(
    operator: Operator, uow_factory: UnitOfWorkFactory
) -> None:
    text = await operator.runs("api-keys", "new", "--name", "the app", "--scope", "buy", "--for", "90d")
    door = ApiKeys(uow_factory=uow_factory, configured=None, clock=SystemClock())
    assert (await door.holder_of(text)).name == "the app"
    (listed,) = await operator.reads("api-keys", "list")
    assert (listed["name"], listed["scopes"], listed["state"]) == ("the app", ["buy"], "active")
    assert listed["expires_at"] is not None
    secret = text.split("_", 2)[2]
    assert secret not in json.dumps(listed) + await operator.runs("api-keys", "list")

    await operator.runs("api-keys", "revoke", listed["id"], "--why", "the phone was lost")
    door.forget()
    with pytest.raises(ApiKeyRefused):
        await door.holder_of(text)
    (listed,) = await operator.reads("api-keys", "list")
    assert (listed["state"], listed["revoked_why"]) == ("revoked", "the phone was lost")
    acts = [(act["what"], act["why"]) for act in await operator.reads("audit", "--what", "api_key")]
    assert acts == [("api_key.revoked", "the phone was lost"), ("api_key.made", None)]


async def test_a_key_that_cannot_be_is_not_made(operator: Operator) -> None:
    command = ("api-keys", "new", "--name", "the app", "--scope", "buy")
    both = await operator.tries(*command, "--for", "90d", "--expires", "2036-01-01T00:00:00Z")
    assert both.exit_code == 2
    assert (await operator.tries("api-keys", "new", "--name", "x", "--scope", "sing")).exit_code == 1
    missing = await operator.tries("api-keys", "revoke", "none", "--why", "gone")
    assert isinstance(missing.exception, ApiKeyNotFound)
    assert await operator.reads("audit") == []


async def test_scopes_are_explained() -> None:
    assert "meters:write" in printed(await invoke("api-keys", "scopes"))


async def test_peers_are_allowed_refused_and_forgotten(operator: Operator) -> None:
    told = await operator.runs("peers", "refuse", "*.example.net", "--why", "a complaint")
    assert "refused" in told
    await operator.runs("peers", "allow", "bpp.example.com", "--rate", "2.5", "--why", "a good neighbour")
    rules = {rule["pattern"]: rule for rule in await operator.reads("peers", "rules")}
    assert {name: (rule["effect"], rule["rate"]) for name, rule in rules.items()} == {
        "*.example.net": ("refuse", None),
        "bpp.example.com": ("allow", 2.5),
    }
    shown = await operator.runs("peers", "rules")
    assert "refuse" in shown
    number = str(rules["*.example.net"]["id"])
    assert "*.example.net" in await operator.runs("peers", "forget", number, "--why", "settled")
    assert [rule["pattern"] for rule in await operator.reads("peers", "rules")] == ["bpp.example.com"]
    again = await operator.tries("peers", "forget", number, "--why", "settled")
    assert isinstance(again.exception, PeerRuleNotFound)


async def test_a_reason_says_something(operator: Operator) -> None:
    for blank in ("", "  "):
        assert (await operator.tries("peers", "allow", "bpp.example.com", "--why", blank)).exit_code == 2
    assert await operator.reads("peers", "rules") == []


async def test_a_rule_that_cannot_be_is_refused_in_words(operator: Operator) -> None:
    result = await operator.tries("peers", "allow", "a b", "--why", "x")
    assert isinstance(result.exception, NodeError)
    assert result.exception.hint


async def test_acts_are_shown_one_by_one_with_their_numbers_as_they_were(operator: Operator) -> None:
    assert await operator.runs("audit") == "Nothing is on record."
    await operator.runs(
        "peers", "allow", "bpp.example.com", "--rate", "2.5", "--why", "a [red]good[/red] one"
    )
    (act,) = await operator.reads("audit")
    assert (act["what"], act["after"]["rate"]) == ("peer_rule.made", 2.5)
    shown = (await operator.runs("audit")).splitlines()
    assert shown[0].split() == [str(act["number"]), "peer_rule.made", "subscriber", "bpp.example.com"]
    assert any(line.split()[0] == "who" and "(command line)" in line for line in shown)
    assert any(line.split(maxsplit=1) == ["why", "a [red]good[/red] one"] for line in shown)
    assert any('"rate": 2.5' in line for line in shown)


async def test_a_distrusted_key_is_listed_with_its_reason_whatever_stands_in_it(operator: Operator) -> None:
    await operator.runs(
        "network", "distrust", "bap.example", "k1", "--why", "see [/tickets/12], stolen [red]"
    )
    listed = await operator.runs("network", "distrust", "--list")
    assert "[/tickets/12]" in listed
    assert "[red]" in listed


@pytest.mark.parametrize("command", [("distrust", "bap.example", "k1"), ("leave", "--yes")])
async def test_a_reason_of_blanks_is_none(operator: Operator, command: tuple[str, ...]) -> None:
    result = await operator.tries("network", *command, "--why", "  ")
    assert result.exit_code == 2
    assert "say why in a few words" in result.output
