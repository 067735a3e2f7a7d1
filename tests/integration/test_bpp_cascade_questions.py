"""A trade is found by what its utility calls it, however many others were asked about."""

from __future__ import annotations

from sqlalchemy import text

from bpp.cascade.questions import QuestionStore
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory


async def test_what_a_utility_names_is_found_by_indexes(
    uow_factory: UnitOfWorkFactory, database: Database
) -> None:
    query = QuestionStore.naming("o-1", utility_id="hill-grid.example").compile(database.engine)
    async with uow_factory() as uow:
        for setting in ("enable_seqscan = off", "plan_cache_mode = force_generic_plan"):
            await uow.connection.execute(text(f"SET LOCAL {setting}"))
        raw = await uow.connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        given = [query.params[name] for name in query.positiontup or ()]
        plan = "\n".join(row[0] for row in await driver.fetch(f"EXPLAIN {query}", *given))
    assert "ix_utility_questions_answered" in plan, plan
    assert "ix_utility_questions_contract_id" in plan, plan
