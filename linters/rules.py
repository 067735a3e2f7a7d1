"""The rules of the house, each one function; `RULES` is what is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Final

from linters.source import Finding, Source

UNIT_OF_WORK: Final = PurePosixPath("storage/unit_of_work.py")
CLOCK: Final = PurePosixPath("kernel/clock.py")
NO_PACKAGES: Final = frozenset({"", "tests", "examples", "migrations", "linters"})
"""Folders at the top that are no floor of the house."""

COMMITTING: Final = frozenset({"commit", "begin"})
CLOCKS: Final = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
        "time.gmtime",
        "time.localtime",
        "time.ctime",
    }
)
STOPWATCHES: Final = frozenset(
    {
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.process_time",
        "time.process_time_ns",
    }
)
STOPWATCH_PATHS: Final = ("degnode/bench*", "degnode/bench*/*", "tests/**/*", "node/telemetry.py")
EXACT_FILES: Final = frozenset({PurePosixPath("kernel/money.py"), PurePosixPath("kernel/energy.py")})
EXACT_PACKAGES: Final = frozenset({"trading", "settlement", "metering"})
ALLOW_FLOAT: Final = re.compile(r"#\s*house: allow-float(\s*\(\S[^)]*\))?")
NO_NAMES: Final = re.compile(r"utils?|helpers?|common|misc|base|base_.*")
MAX_FILE_LINES: Final = 500
MAX_FUNCTION_LINES: Final = 60


def commits_only_in_the_unit_of_work(source: Source) -> Iterator[Finding]:
    """HOUSE001: a transaction is opened and committed in one file."""
    if source.path == UNIT_OF_WORK or source.package in NO_PACKAGES:
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in COMMITTING
        ):
            yield source.find(
                node,
                "HOUSE001",
                f".{node.func.attr}() outside {UNIT_OF_WORK}: take an open UnitOfWork, or open one "
                "with its factory",
            )


def the_clock_is_an_argument(source: Source) -> Iterator[Finding]:
    """HOUSE002: the system's clock is read in one file; stopwatches run where things are measured."""
    refused = CLOCKS - (CLOCKS if source.path == CLOCK else frozenset())
    if not any(_matches(source.path, pattern) for pattern in STOPWATCH_PATHS):
        refused |= STOPWATCHES
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and (name := source.dotted(node)) in refused:
            yield source.find(node, "HOUSE002", _clock_message(name))
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if (name := f"{node.module}.{alias.name}") in refused:
                    yield source.find(node, "HOUSE002", _clock_message(name))


def no_float_in_money_or_energy(source: Source) -> Iterator[Finding]:
    """HOUSE003: where money and energy are counted, `float` is neither written, called nor annotated."""
    if source.path not in EXACT_FILES and source.package not in EXACT_PACKAGES:
        return
    refusing = {
        id(name)
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and source.dotted(call.func) == "isinstance"
        for name in ast.walk(call)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            what = f"the literal {node.value!r}"
        elif isinstance(node, ast.Name) and node.id == "float" and id(node) not in refusing:
            what = "float"
        else:
            continue
        allowed = ALLOW_FLOAT.search(source.lines[node.lineno - 1])
        if allowed and allowed[1]:
            continue
        missing = "; the allowance needs its reason in brackets" if allowed else ""
        yield source.find(node, "HOUSE003", f"{what} in money or energy code: use int or Decimal{missing}")


def modules_are_named_after_what_they_are(source: Source) -> Iterator[Finding]:
    """HOUSE004: a name that fits everything says nothing."""
    for name in (*source.path.parts[:-1], source.path.stem):
        if NO_NAMES.fullmatch(name):
            yield source.find(
                source.tree, "HOUSE004", f"{name!r} says nothing: name the module after what lives there"
            )


def files_stay_short(source: Source) -> Iterator[Finding]:
    """HOUSE005: a file is read in one sitting."""
    if len(source.lines) > MAX_FILE_LINES:
        yield source.find(
            source.tree, "HOUSE005", f"{len(source.lines)} lines; a file has at most {MAX_FILE_LINES}"
        )


def functions_stay_short(source: Source) -> Iterator[Finding]:
    """HOUSE006: a function is seen at one glance."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield source.find(
                    node,
                    "HOUSE006",
                    f"{node.name} has {lines} lines; a function has at most {MAX_FUNCTION_LINES}",
                )


RULES: Final[tuple[Callable[[Source], Iterator[Finding]], ...]] = (
    commits_only_in_the_unit_of_work,
    the_clock_is_an_argument,
    no_float_in_money_or_energy,
    modules_are_named_after_what_they_are,
    files_stay_short,
    functions_stay_short,
)


def check(path: str, text: str) -> list[Finding]:
    """Return every finding in the file `text`, whose path from the top is `path`, in order."""
    try:
        source = Source.parse(path, text)
    except SyntaxError as error:
        return [Finding(path, error.lineno or 1, error.offset or 1, "HOUSE000", f"no Python: {error.msg}")]
    return sorted(finding for rule in RULES for finding in rule(source))


def _matches(path: PurePosixPath, pattern: str) -> bool:
    if pattern.endswith("/**/*"):
        return path.is_relative_to(pattern.removesuffix("/**/*"))
    return path.match(pattern) and len(path.parts) == len(PurePosixPath(pattern).parts)


def _clock_message(name: str) -> str:
    if name in STOPWATCHES:
        return f"{name} measures: it belongs into {', '.join(STOPWATCH_PATHS)}; time is an argument elsewhere"
    return f"{name} outside {CLOCK}: take `now` as an argument, or a Clock where a loop runs"
