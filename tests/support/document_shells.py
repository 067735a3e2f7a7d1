"""Running a document: its console blocks, in the shells that its headings name, as a reader would."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_HEADING: Final = re.compile(r"^#+ (.*)$")
_SHELL: Final = re.compile(r"Shell (\d+)")
_BLOCK: Final = re.compile(r"^```(\w*)$")
_MARK: Final = "end-of-command"
_PATIENCE: Final = 90  # s
_GAP: Final = "…"


@dataclass(frozen=True, slots=True)
class Step:
    """A command, the shell that it is typed into (0: each of them), and what it prints."""

    shell: int
    command: str
    output: tuple[str, ...]

    @property
    def serves(self) -> bool:
        """Say whether the command goes on until it is stopped."""
        return self.command.startswith("degnode serve ")


def steps_of(document: str) -> Iterator[Step]:
    """Yield the commands of a document's console blocks, in order, with what they print."""
    shell, is_console = 0, False
    step: list[str] = []
    for line in document.splitlines():
        if not is_console and (heading := _HEADING.match(line)):
            named = _SHELL.match(heading[1])
            shell = int(named[1]) if named else shell
        elif block := _BLOCK.match(line):
            if step:
                yield Step(shell, step[0], tuple(step[1:]))
            is_console, step = block[1] == "console", []
        elif is_console and line.startswith("$ "):
            if step:
                yield Step(shell, step[0], tuple(step[1:]))
            step = [line.removeprefix("$ ")]
        elif is_console:
            step.append(line)


def fits(expected: tuple[str, ...], printed: str) -> bool:
    """Say whether what was printed is what the document shows; `…` stands for anything."""
    lines = ("(?:.*\n)*?" if line == _GAP else _line(line) + "\n" for line in expected)
    return re.fullmatch("".join(lines), printed) is not None


def _line(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split(_GAP))


@dataclass(slots=True)
class Shell:
    """One bash that commands are typed into."""

    folder: Path
    environment: Mapping[str, str]
    process: Process | None = None
    printed: list[str] = field(default_factory=list)

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            "bash",
            "--noprofile",
            "--norc",
            cwd=self.folder,
            env=dict(self.environment),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )

    async def run(self, command: str) -> str:
        """Return what `command` prints until it ends."""
        self._type(f"{command}\nprintf '\\n%s %s\\n' {_MARK} $?\n")
        lines: list[str] = []
        async with asyncio.timeout(_PATIENCE):
            while not (line := await self._read_line()).startswith(_MARK):
                lines.append(line)
        text = "".join(lines)
        return text.removesuffix("\n")  # the mark begins a line of its own

    async def begin(self, command: str, lines: int) -> str:
        """Type a command that goes on; return the first lines that it prints."""
        self._type(f"{command}\n")
        async with asyncio.timeout(_PATIENCE):
            return "".join([await self._read_line() for _ in range(lines)])

    async def stop(self) -> None:
        """End the shell and all that was begun in it, as Ctrl-C does."""
        if self.process is None or self.process.returncode is not None:
            return
        group = self.process.pid
        assert self.process.stdin is not None
        self.process.stdin.close()
        os.killpg(group, signal.SIGTERM)
        try:
            async with asyncio.timeout(20):
                await self.process.communicate()
        except TimeoutError:
            os.killpg(group, signal.SIGKILL)
            await self.process.wait()

    def _type(self, text: str) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    async def _read_line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        assert line, f"the shell ended; it printed {self.printed[-20:]}"
        self.printed.append(line)
        return line
