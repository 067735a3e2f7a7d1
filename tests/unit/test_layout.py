"""The house as it stands: every package on its floor, and nothing lying about at the top."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest

TOP: Final = Path(__file__).resolve().parents[2]

FLOORS: Final = (
    {"kernel"},
    {"schemas"},
    {"protocol"},
    {"storage", "registry_client"},
    {"keystore", "metering", "trading"},
    {"search", "settlement", "stations", "provenance"},
    {"node"},
    {"bap", "bpp", "discovery", "gateway", "registry"},
    {"console", "conformance"},
    {"degnode"},
)
PLANNED: Final = {"provenance", "console", "conformance"}
"""Rooms whose place is known and whose work has not come yet."""

BESIDE_THE_FLOORS: Final = {
    ".ci",
    ".dockerignore",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "docker-compose.yml",
    "docs",
    "examples",
    "linters",
    "migrations",
    "pyproject.toml",
    "requirements-build.txt",
    "requirements-dev.txt",
    "requirements-generator.txt",
    "requirements.txt",
    "tests",
}
PACKAGES: Final = sorted(name for floor in FLOORS for name in floor if (TOP / name).is_dir())


@pytest.fixture(scope="module")
def tools() -> dict[str, Any]:
    """The `[tool]` tables of pyproject.toml."""
    tables: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    return tables


def _at_the_top() -> set[str]:
    """What lies at the top, without what git ignores there."""
    ignored = [line.rstrip("/") for line in (TOP / ".gitignore").read_text(encoding="utf-8").split()]
    return {
        entry.name
        for entry in TOP.iterdir()
        if entry.name != ".git" and not any(fnmatch(entry.name, pattern) for pattern in ignored)
    }


def _imported_roots(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    roots: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return roots


def test_nothing_unexpected_lies_at_the_top() -> None:
    assert _at_the_top() - set(PACKAGES) - BESIDE_THE_FLOORS == set()


def test_every_room_that_is_due_is_built() -> None:
    assert {name for floor in FLOORS for name in floor} - PLANNED - set(PACKAGES) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_lives_there(package: str) -> None:
    door = TOP / package / "__init__.py"
    assert ast.get_docstring(ast.parse(door.read_text(encoding="utf-8")))


def test_the_kernel_imports_nothing_but_the_standard_library() -> None:
    imported = {root for file in (TOP / "kernel").rglob("*.py") for root in _imported_roots(file)}
    assert imported - sys.stdlib_module_names - {"kernel"} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_what_is_not_in_the_wheel(package: str) -> None:
    imported = {root for file in (TOP / package).rglob("*.py") for root in _imported_roots(file)}
    assert imported & {"tests", "examples", "linters"} == set()


def test_import_linter_keeps_these_very_floors(tools: dict[str, Any]) -> None:
    (floors,) = (contract for contract in tools["importlinter"]["contracts"] if contract["id"] == "floors")
    assert [set(re.findall(r"\w+", layer)) for layer in reversed(floors["layers"])] == list(FLOORS)
    optional = {name for layer in floors["layers"] for name in re.findall(r"\((\w+)\)", layer)}
    assert optional == PLANNED


def test_the_wheel_the_linter_and_the_coverage_know_every_package(tools: dict[str, Any]) -> None:
    assert sorted(tools["importlinter"]["root_packages"]) == PACKAGES
    assert sorted(tools["coverage"]["run"]["source_pkgs"]) == PACKAGES
    assert sorted(tools["hatch"]["build"]["targets"]["wheel"]["packages"]) == sorted(
        [*PACKAGES, "migrations"]
    )


def test_every_page_of_decisions_has_its_number_and_its_three_parts() -> None:
    pages = sorted((TOP / "docs" / "adr").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith("# "), page.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], (
            page.name
        )
