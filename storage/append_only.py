"""Tables whose rows stay as they are: PostgreSQL itself refuses to change or remove them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, Table, event

_REFUSE: Final = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $body$
"""


def make_append_only(*tables: Table) -> None:
    """Have each table refuse every update, delete and truncate from its creation on."""
    for table in tables:
        event.listen(table, "after_create", _guard)


def _guard(table: Table, connection: Connection, **_: object) -> None:
    connection.exec_driver_sql(_REFUSE)
    connection.exec_driver_sql(
        f"CREATE TRIGGER {table.name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
