"""Host names that mean what a test says, for as long as it says so."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import pytest


class Names:
    """Answers questions for the addresses of names, in order; the last answer is given again and again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self._answers: dict[str, list[Sequence[str]]] = {}
        self._others = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._find)

    def mean(self, name: str, *answers: Sequence[str]) -> None:
        """Let `name` stand for the addresses of each answer in turn."""
        self._answers[name] = list(answers)

    def _find(self, host: str, port: int, *arguments: Any, **named: Any) -> list[Any]:
        answers = self._answers.get(host)
        if answers is None:
            return self._others(host, port, *arguments, **named)
        self.asked.append(host)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [_entry(address, port) for address in addresses]


def _entry(address: str, port: int) -> tuple[Any, ...]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
