"""A Python file as the rules see it: its lines, its syntax tree and what its names stand for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A rule that is broken, and where; prints as editors like it."""

    path: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.message}"


@dataclass(frozen=True)
class Source:
    """One file, by its path from the top of the repository."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, text: str) -> Self:
        """Return the parsed file. Raises: SyntaxError."""
        return cls(PurePosixPath(path), text, ast.parse(text))

    @property
    def package(self) -> str:
        """The folder at the top of the repository, empty for a file that lies there."""
        return self.path.parts[0] if len(self.path.parts) > 1 else ""

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def imported(self) -> dict[str, str]:
        """What each imported name stands for: `dt` → `datetime.datetime`."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        return names

    def dotted(self, node: ast.expr) -> str:
        """Return the full name of `a.b.c`, imports resolved; empty when it is no name."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (parent := self.dotted(node.value)):
            return f"{parent}.{node.attr}"
        return ""

    def find(self, node: ast.AST, code: str, message: str) -> Finding:
        """Return a finding at the place of `node`."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        return Finding(str(self.path), line, column, code, message)
