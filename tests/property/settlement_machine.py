"""Whatever happens in a town that trades, in whatever order and wherever it dies: everything still agrees.

    python -m tests.property.settlement_machine --seconds 600

runs it for so long, seed after seed, and prints the steps of what fails, as short as they can be made.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import migrate
from tests.property.settlement_money_rules import PayingTown
from tests.property.settlement_trade_rules import TradingTown


class SettlementMachine(TradingTown, PayingTown):
    """All that may happen."""


def run_for(seconds: int, *, url: str, first_seed: int = 0, shrinks: bool = True) -> tuple[int, int]:
    """Run examples, seed after seed, until the time is over; return the last seed and the steps.

    How many are run depends on the machine, which they are does not.
    """
    loop = asyncio.new_event_loop()
    SettlementMachine.loop, SettlementMachine.database = loop, Database.connect(url)
    SettlementMachine.until = monotonic() + seconds
    SettlementMachine.steps = SettlementMachine.examples = 0
    SettlementMachine.found = SettlementMachine.is_over = False
    try:
        for number in count(first_seed):
            try:
                _run_seed(number, shrinks=shrinks)
            except BaseException as error:
                if SettlementMachine.is_over:  # hypothesis may wonder that an example ended in its middle
                    return number, SettlementMachine.steps
                again = f"python -m tests.property.settlement_machine --seed {number} --seconds {seconds}"
                error.add_note(f"Once more, with as few steps as will do: {again}")
                raise
    finally:
        loop.run_until_complete(SettlementMachine.database.close())
        loop.close()
    raise AssertionError("there is always a next seed")


def _run_seed(number: int, *, shrinks: bool) -> None:
    run_state_machine_as_test(
        seed(number)(SettlementMachine),
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )


async def _prepare(url: str) -> None:
    database = Database.connect(url)
    await migrate(database)
    await database.close()


def main() -> None:
    asked = argparse.ArgumentParser(description="Run the town that trades, with a PostgreSQL of its own.")
    asked.add_argument("--seconds", type=int, default=600)
    asked.add_argument("--seed", type=int, default=0, help="the first one")
    asked.add_argument("--as-found", action="store_true", help="do not look for fewer steps that fail, too")
    options = asked.parse_args()
    with TemporaryDirectory(prefix="degnode-machine-", ignore_cleanup_errors=True) as folder:
        server = start_embedded(Path(folder) / "data")
        try:
            asyncio.run(_prepare(server.get_uri()))
            last, steps = run_for(
                options.seconds, url=server.get_uri(), first_seed=options.seed, shrinks=not options.as_found
            )
        finally:
            server.cleanup()
    sys.stdout.write(f"seeds {options.seed} to {last}: {steps} steps, nothing found\n")


if __name__ == "__main__":
    main()
