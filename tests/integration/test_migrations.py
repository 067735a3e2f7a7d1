"""The migrations make the very schema that the code declares."""

from __future__ import annotations

from uuid import uuid4

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from degnode.tables import all_tables
from storage.database import Database, create_database
from storage.migrate import is_current, migrate, upgrade

TRIGGERS = """
    SELECT event_object_table, trigger_name, event_manipulation, action_timing, action_statement
    FROM information_schema.triggers WHERE trigger_schema = 'public' ORDER BY 1, 2, 3
"""
FUNCTIONS = """
    SELECT proname, regexp_replace(prosrc, '\\s+', ' ', 'g') FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace ORDER BY 1
"""
STORAGE = """
    SELECT c.relname, a.attname, a.attstorage, c.reloptions::text FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      AND c.relname <> 'alembic_version' ORDER BY 1, 2
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
    ORDER BY 1, 2
"""
INDEXES = """
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2
"""


async def test_the_tables_are_those_that_the_code_declares(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), all_tables()))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_triggers_constraints_and_storage_are_those_that_the_code_declares(
    database: Database, postgres_url: str
) -> None:
    declared = Database.connect(await create_database(postgres_url, f"declared_{uuid4().hex[:12]}"))
    try:
        async with declared.engine.begin() as connection:
            await connection.run_sync(all_tables().create_all)
        for query in (TRIGGERS, FUNCTIONS, STORAGE, CONSTRAINTS, INDEXES):
            assert await _rows(database, query) == await _rows(declared, query)
    finally:
        await declared.close()


async def test_migrating_again_changes_nothing(database: Database) -> None:
    assert await is_current(database)
    await migrate(database)
    assert await is_current(database)


async def test_an_empty_database_is_not_current(postgres_url: str) -> None:
    empty = Database.connect(await create_database(postgres_url, f"empty_{uuid4().hex[:12]}"))
    try:
        assert not await is_current(empty)
        await migrate(empty)
        assert await is_current(empty)
    finally:
        await empty.close()


async def test_what_a_database_of_the_first_schema_holds_is_of_the_first_wire(postgres_url: str) -> None:
    old = Database.connect(await create_database(postgres_url, f"old_{uuid4().hex[:12]}"))
    try:
        async with old.engine.begin() as connection:
            await connection.run_sync(upgrade, "0001")
            await connection.execute(text(_A_TRANSACTION))
            await connection.execute(text(_A_PEER))
        assert not await is_current(old)
        await migrate(old)
        assert await is_current(old)
        assert await _rows(old, "SELECT transaction_id, profile FROM bap_transactions") == [("t-1", "v2_rc")]
        assert await _rows(old, "SELECT subscriber_id, failures, profile FROM peers") == [
            ("bpp.example", 3, None)
        ]
    finally:
        await old.close()


async def test_what_was_on_stock_before_there_were_intervals_is_one_quantity_in_all(
    postgres_url: str,
) -> None:
    old = Database.connect(await create_database(postgres_url, f"old_{uuid4().hex[:12]}"))
    try:
        async with old.engine.begin() as connection:
            await connection.run_sync(upgrade, "0038")
            await connection.execute(text("INSERT INTO stock VALUES ('roof', 500, 20), ('hill', 7, 0)"))
            await connection.execute(text("ALTER TABLE holds DROP CONSTRAINT fk_holds_contract_id_contracts"))
            await connection.execute(text("INSERT INTO holds VALUES ('c-1', 'roof', 20)"))
        await migrate(old)
        buckets = (
            "SELECT resource_id, basis, starts, available_wh, reserved_wh, p.contract_id, p.watt_hours "
            "FROM stock JOIN stock_buckets AS b USING (resource_id) "
            "LEFT JOIN hold_parts AS p ON p.bucket_id = b.id ORDER BY 1"
        )
        assert await _rows(old, buckets) == [
            ("hill", "WHOLE", None, 7, 0, None, None),
            ("roof", "WHOLE", None, 500, 20, "c-1", 20),
        ]
    finally:
        await old.close()


_A_TRANSACTION = """
    INSERT INTO bap_transactions (transaction_id, bpp_id, bpp_url, created_at, updated_at)
    VALUES ('t-1', 'bpp.example', 'https://bpp.example', now(), now())
"""
_A_PEER = "INSERT INTO peers (subscriber_id, failures) VALUES ('bpp.example', 3)"


async def _rows(database: Database, query: str) -> list[tuple[object, ...]]:
    async with database.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]
