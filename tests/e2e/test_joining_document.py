"""docs/joining-a-network.md does what it says: its own commands, in its own shells, print what it shows."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from degnode.demo.scenario import zone_at_noon
from degnode.processes import free_port
from kernel.clock import SystemClock
from tests.support.document_shells import Shell, Step, fits, steps_of
from tests.support.processes import eventually, own_environment

TOP: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = TOP / "docs" / "joining-a-network.md"
PORTS: Final = {"registry": "8080", "bap": "8081", "bpp": "8082"}
SHELLS: Final = (1, 2, 3, 4)


class Stage:
    """A folder like the project's, and ports that are free in place of those of the document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {written: str(free_port()) for written in PORTS.values()}
        examples = folder / "examples"
        shutil.copytree(TOP / "examples", examples)
        catalog = examples / "catalog" / "solar-rooftop.yaml"
        text = catalog.read_text(encoding="utf-8")
        assert "zone: UTC" in text
        zone = zone_at_noon(SystemClock().now())  # whose day does not end while the trade runs
        catalog.write_text(text.replace("zone: UTC", f"zone: {zone}"), encoding="utf-8")

    def here(self, text: str) -> str:
        """Return what the document says, with the ports of this stage."""
        return re.sub(r":(808[0-2])\b", lambda match: f":{self.ports[match[1]]}", text)

    def there(self, text: str) -> str:
        """Return what was printed, with the ports of the document."""
        for written, free in self.ports.items():
            text = text.replace(f":{free}", f":{written}")
        return text

    def environment(self, shell: int) -> dict[str, str]:
        path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
        registry_port = {"DEGNODE_PORT": self.ports[PORTS["registry"]]} if shell == 1 else {}
        return own_environment() | path | registry_port

    async def become_ready(self, role: str) -> None:
        """Return when the process of `role` takes messages."""
        url = self.here(f"http://127.0.0.1:{PORTS[role]}/readyz")
        async with httpx.AsyncClient(trust_env=False) as client:

            async def is_ready() -> bool:
                try:
                    return (await client.get(url)).status_code == httpx.codes.OK
                except httpx.TransportError:
                    return False

            await eventually(is_ready, what=f"{role} is ready", seconds=60)


@asynccontextmanager
async def four_shells(stage: Stage) -> AsyncIterator[dict[int, Shell]]:
    shells = {number: Shell(stage.folder, stage.environment(number)) for number in SHELLS}
    try:
        for shell in shells.values():
            await shell.start()
        yield shells
    finally:
        for number in reversed(SHELLS):  # the registry goes last
            await shells[number].stop()


async def take(step: Step, stage: Stage, shells: dict[int, Shell]) -> None:
    """Type a step's command where it belongs, and compare what it prints with what the document shows."""
    command = stage.here(step.command)
    for number in (step.shell,) if step.shell else SHELLS:
        if step.serves:
            printed = await shells[number].begin(command, lines=len(step.output))
            role = command.split()[2]
            await stage.become_ready(role)
        else:
            printed = await shells[number].run(command)
        shown = "\n".join(step.output)
        assert fits(step.output, stage.there(printed)), (
            f"{step.command}\nshown:\n{shown}\nprinted:\n{printed}"
        )


def test_the_document_names_four_shells_and_every_command_that_is_joined_with() -> None:
    steps = list(steps_of(DOCUMENT.read_text(encoding="utf-8")))
    assert {step.shell for step in steps} == {0, *SHELLS}
    words = {" ".join(step.command.split()[:3]) for step in steps if step.command.startswith("degnode")}
    assert {"degnode serve registry", "degnode serve bpp", "degnode serve bap"} <= words
    assert sum(step.command.startswith("degnode join ") for step in steps) == 2


@pytest.mark.timeout(600)
async def test_the_document_runs_as_it_is_written() -> None:
    # Not a folder of pytest's: those are closed to other users, and the embedded database is one.
    with tempfile.TemporaryDirectory(prefix="degnode-", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder))
        async with four_shells(stage) as shells:
            for step in steps_of(DOCUMENT.read_text(encoding="utf-8")):
                await take(step, stage, shells)
