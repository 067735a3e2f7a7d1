"""The commands of docker-compose.yml are commands of ours."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

TOP: Final = Path(__file__).resolve().parents[2]
SERVICES: Final[dict[str, Any]] = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))[
    "services"
]
COMMANDS: Final = sorted(
    service["command"] for service in SERVICES.values() if service.get("image") == "degnode"
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_of_a_service_is_known_to_the_command_line(command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "degnode"
    shown = subprocess.run(
        [sys.executable, "-m", "degnode", *arguments, "--help"],
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr


def test_there_is_one_command_for_each_role() -> None:
    assert COMMANDS == ["degnode serve bap", "degnode serve bpp", "degnode serve registry"]
