"""The house's own linters: what each rule refuses, and what it lets pass."""

from __future__ import annotations

import pytest

from linters.rules import MAX_FILE_LINES, MAX_FUNCTION_LINES, RULES, check


def _codes(path: str, text: str) -> list[str]:
    return [finding.code for finding in check(path, text)]


def _function(lines: int) -> str:
    return "def long() -> None:\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("bpp/orders.py", "await session.commit()", "HOUSE001"),
        ("storage/outbox.py", "async with engine.begin() as connection: ...", "HOUSE001"),
        ("bpp/orders.py", "from datetime import datetime\nnow = datetime.now(UTC)", "HOUSE002"),
        ("bpp/orders.py", "import datetime\nnow = datetime.datetime.utcnow()", "HOUSE002"),
        ("bpp/orders.py", "from datetime import datetime as dt\nread = dt.now", "HOUSE002"),
        ("bpp/orders.py", "from datetime import date\nday = date.today()", "HOUSE002"),
        ("bpp/orders.py", "import time as t\nnow = t.time()", "HOUSE002"),
        ("bpp/orders.py", "from time import time_ns", "HOUSE002"),
        ("tests/unit/test_x.py", "import time\nnow = time.time()", "HOUSE002"),
        ("node/ingress.py", "import time\nstart = time.perf_counter()", "HOUSE002"),
        ("kernel/clock.py", "from time import monotonic", "HOUSE002"),
        ("kernel/money.py", "cent = 0.01", "HOUSE003"),
        ("kernel/energy.py", "def scale(factor: float) -> int: ...", "HOUSE003"),
        ("settlement/cycle.py", "amount = float(text)", "HOUSE003"),
        ("trading/quote.py", "prices: list[float] = []", "HOUSE003"),
        ("metering/mapping.py", "values = map(float, texts)", "HOUSE003"),
        ("metering/mapping.py", "share = 1j", "HOUSE003"),
        ("metering/mapping.py", "wait = 0.5  # house: allow-float", "HOUSE003"),
        ("metering/mapping.py", "wait = 0.5  # house: allow-float ()", "HOUSE003"),
        ("node/utils.py", "", "HOUSE004"),
        ("node/helpers/clock.py", "", "HOUSE004"),
        ("bap/common.py", "", "HOUSE004"),
        ("bap/base_handler.py", "", "HOUSE004"),
        ("bap/views.py", "\n" * (MAX_FILE_LINES + 1), "HOUSE005"),
        ("bap/views.py", _function(MAX_FUNCTION_LINES + 1), "HOUSE006"),
        ("tests/unit/test_x.py", "async " + _function(MAX_FUNCTION_LINES + 1), "HOUSE006"),
        ("bap/views.py", "def broken(:", "HOUSE000"),
    ],
)
def test_what_is_against_the_rules_is_found(path: str, text: str, code: str) -> None:
    assert _codes(path, text) == [code]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("storage/unit_of_work.py", "await connection.commit()"),
        ("tests/conftest.py", "async with engine.begin() as connection: ..."),
        ("bpp/orders.py", "async with connection.begin_nested(): ..."),
        ("bpp/orders.py", "commit = order.commitment()"),
        ("kernel/clock.py", "from datetime import datetime\nnow = datetime.now(UTC)"),
        ("bpp/orders.py", "now = clock.now()"),
        ("bpp/orders.py", "from datetime import datetime\nat = datetime.fromtimestamp(0, UTC)"),
        ("bpp/orders.py", "import time\ntime.sleep(1)"),
        ("degnode/bench.py", "import time\nstart = time.perf_counter()"),
        ("degnode/benchmarks/receive.py", "from time import perf_counter"),
        ("node/telemetry.py", "import time\nstart = time.monotonic()"),
        ("tests/e2e/test_x.py", "from time import monotonic"),
        ("kernel/money.py", "if isinstance(amount, float): raise TypeError"),
        ("kernel/money.py", "if isinstance(amount, (float, complex)): raise TypeError"),
        ("settlement/cycle.py", "hundred = 100"),
        ("settlement/cycle.py", '"""0.1 as a float."""'),
        ("settlement/cycle.py", "wait = 0.5  # house: allow-float (seconds, no money)"),
        ("node/delivery.py", "timeout: float = 0.5"),
        ("bap/commons.py", ""),
        ("bap/database.py", ""),
        ("bap/views.py", "\n" * MAX_FILE_LINES),
        ("bap/views.py", _function(MAX_FUNCTION_LINES)),
        ("bap/views.py", "from . import routes"),
    ],
)
def test_what_the_rules_allow_passes(path: str, text: str) -> None:
    assert _codes(path, text) == []


def test_a_finding_prints_where_what_and_what_to_do() -> None:
    (finding,) = check("bpp/orders.py", "\n  \nsession.commit()\n")
    assert str(finding) == (
        "bpp/orders.py:3:1: HOUSE001 .commit() outside storage/unit_of_work.py: "
        "take an open UnitOfWork, or open one with its factory"
    )


def test_findings_come_in_the_order_of_the_file() -> None:
    found = check("settlement/cycle.py", "a = 0.5\nsession.commit()\nb = 1.5\n")
    assert [finding.line for finding in found] == [1, 2, 3]


def test_every_rule_says_its_code_in_its_docstring() -> None:
    codes = [(rule.__doc__ or "").partition(":")[0] for rule in RULES]
    assert codes == [f"HOUSE{number:03}" for number in range(1, len(RULES) + 1)]
