"""docs/security.md as it stands: what it names is there, and no call leaves a node by another door."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from node.settings import Settings

TOP: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = (TOP / "docs" / "security.md").read_text(encoding="utf-8")
SHOWN: Final = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)))
ATTACKS: Final = (
    "Replay",
    "Swapped sender",
    "Key of another subscriber",
    "Downgraded algorithm",
    "Forged registry answer",
    "Callback to 169.254.x.x",
    "Redirect to loopback",
    "Gateway pretending",
    "Oversized header",
    "API key brute force",
)
OF_THE_REGISTRY: Final = {"DEGNODE_REGISTRY_CHECKS"}
DOORS: Final = {  # where HTTP clients are made, and why each may be
    "node/transport.py",  # to peers: guarded
    "registry_client/reach.py",  # the guard itself
    "registry_client/connection.py",  # to the operator's registry
    "schemas/remote_contexts.py",  # to places that the operator names
    "keystore/vault_key_manager.py",  # to the operator's Vault
    "degnode/join/doorstep.py",  # to one's own node
    "degnode/join/report.py",  # to the operator's registry: what its clock says
    "degnode/processes.py",  # to processes of one's own, on this machine
    "degnode/demo/app.py",
    "degnode/client/market.py",  # an app's, to the platform that it buys through
    "degnode/commands/node_desk.py",  # to the operator's own node
    "degnode/demo/cashier.py",
    "degnode/demo/meters.py",
    "metering/sep/utility_client.py",  # to the utility's server that the operator names
    "stations/webhook/caller.py",  # to the back office that the operator names
    "bpp/provider/webhook.py",  # to another one
    "degnode/simulation/posting.py",  # to the mirror that the operator names
}
CLIENTS: Final = re.compile(
    r"\b(httpx\.(Async)?Client|aiohttp\.ClientSession|hvac\.Client|urlopen|httpx\.(get|post|stream|request))\("
)


@pytest.mark.parametrize(("file", "test"), SHOWN, ids=[test for _, test in SHOWN])
def test_every_test_that_the_document_names_is_there(file: str, test: str) -> None:
    tree = ast.parse((TOP / file).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert test in names


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_that_is_asked_for_has_its_row_and_its_test(attack: str) -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith(f"| **{attack}**")]
    assert len(rows) == 1
    assert "`tests/" in rows[0]


def test_every_row_of_the_attacks_names_a_test() -> None:
    rows = DOCUMENT.partition("## Attacks")[2].strip().splitlines()[2:]
    assert rows
    shown = {f"`{file}::{test}`" for file, test in SHOWN}
    assert [row for row in rows if not any(name in row for name in shown)] == []


def test_every_setting_that_the_document_names_is_one() -> None:
    named = set(re.findall(r"`(DEGNODE_[A-Z_]+)", DOCUMENT))
    known = {f"DEGNODE_{name.upper()}" for name in Settings.model_fields}
    assert named - known - OF_THE_REGISTRY == set()


def test_no_call_leaves_a_node_by_another_door() -> None:
    packages = [folder for folder in TOP.iterdir() if (folder / "__init__.py").is_file()]
    files = [file for package in packages if package.name != "tests" for file in package.rglob("*.py")]
    found = {str(file.relative_to(TOP)) for file in files if CLIENTS.search(file.read_text(encoding="utf-8"))}
    assert found == DOORS
