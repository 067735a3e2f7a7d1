"""The tables of this room: what stations are told, how connectors stand, what was charged."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.metadata import metadata

station_commands: Final = Table(
    "station_commands",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("verb", Text, nullable=False),
    Column("connector_id", Text, nullable=False),  # the catalogue's resource
    Column("session_id", Text, nullable=False),  # the contract
    Column("tag", Text, nullable=False),  # what the session is called at the station
    Column("until", DateTime(timezone=True)),  # of a reservation
    Column("limit_wh", BigInteger),  # Wh
    Column("limit_watts", BigInteger),  # W
    Column("put_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),  # when to try next
    Column("leased_until", DateTime(timezone=True)),  # until when some process carries it out
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("acceptance", Text),  # none as long as it is under way
    Column("why", Text),  # of the last attempt
    Column("done_at", DateTime(timezone=True)),
    Index("ix_station_commands_due", "due_at", postgresql_where=text("done_at IS NULL")),
    Index("ix_station_commands_session", "session_id"),
    Index("ix_station_commands_tag", "tag"),
)

station_connectors: Final = Table(
    "station_connectors",
    metadata,
    Column("connector_id", Text, primary_key=True),  # the catalogue's resource
    Column("station_id", Text, nullable=False),
    Column("number", Integer, nullable=False),  # of the connector (OCPP 1.6) or of the EVSE (2.0.1)
    Column("status", Text),  # the last StationEventKind that says how it stands
    Column("status_at", DateTime(timezone=True)),  # since when, by the station's clock
    Column("session_id", Text),  # whose energy flows, if any does
    Column("why", Text),
    UniqueConstraint("station_id", "number"),
)

station_limits: Final = Table(
    "station_limits",
    metadata,
    Column("connector_id", Text, primary_key=True),  # the catalogue's resource
    Column("watts", BigInteger, nullable=False),  # W, the most that it shall give
    Column("grid_event", Text),  # what of the grid wants it, if that does
    Column("why", Text, nullable=False),
    Column("put_at", DateTime(timezone=True), nullable=False),
    Column("held_since", DateTime(timezone=True)),  # since when the charging that runs there is held to it
)

stations: Final = Table(
    "stations",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("protocol", Text, nullable=False),  # ocpp1.6, ocpp2.0.1, webhook, simulator
    Column("connection", BigInteger, nullable=False, server_default="0"),  # how often it connected
    Column("connected_at", DateTime(timezone=True)),  # none while it is away
    Column("heard_at", DateTime(timezone=True)),
    Column("held_by", Text),  # the process that it is connected to; none where any reaches it
    Column("held_until", DateTime(timezone=True)),  # when that process is taken for dead
    Column("vendor", Text),
    Column("model", Text),
    Column("firmware", Text),
    Column("serial_number", Text),
)

station_transactions: Final = Table(
    "station_transactions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),  # OCPP 1.6: the transactionId that we give
    Column("station_id", Text, nullable=False),
    Column("transaction_ref", Text, nullable=False),  # what makes it one: 2.0.1: the station's own id
    Column("connector_id", Text, nullable=False),
    Column("session_id", Text),  # the contract; none where it was nobody's
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("start_wh", BigInteger),  # Wh, the register's stand at the start
    Column("stopped_at", DateTime(timezone=True)),
    Column("stop_wh", BigInteger),  # Wh
    Column("stop_reason", Text),
    Column("last_seq_no", Integer),  # OCPP 2.0.1
    Column("highest_wh", BigInteger),  # Wh, the highest stand that its meter values said
    Column("counted_at", DateTime(timezone=True)),  # when the last stand was that is believed
    Column("shown_wh", BigInteger),  # Wh, the first stand that was told where only what is signed counts
    Column("doubt", Text),  # what of its figures does not fit together
    UniqueConstraint("station_id", "transaction_ref"),
    Index("ix_station_transactions_session", "session_id"),
    Index("ix_station_transactions_open", "connector_id", postgresql_where=text("stopped_at IS NULL")),
)
