"""The tables of this room: feeds and how they are doing, positions, pages as last seen, subscriptions."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
)

from storage.metadata import metadata

meter_feeds: Final = Table(
    "meter_feeds",
    metadata,
    Column("name", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),  # when to poll all of it next
    Column("hinted_at", DateTime(timezone=True)),  # when a notification said that some of it is news
    Column("hinted_whole", Boolean, nullable=False, server_default=false()),  # or that all of it may be
    Column("leased_until", DateTime(timezone=True)),  # until when some process polls it
    Column("lease", BigInteger, nullable=False, server_default="0"),  # how often it was taken so
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("last_error", Text),  # of the last poll, none if it went well
    Column("polled_at", DateTime(timezone=True)),  # when a poll last went well
    Column("clock_difference", Integer),  # s, positive where the server's clock is ahead
)

meter_feed_registers: Final = Table(
    "meter_feed_registers",
    metadata,
    Column("feed", Text, ForeignKey("meter_feeds.name"), primary_key=True),
    Column("device_lfdi", Text, primary_key=True),  # upper case, or empty
    Column("meter_mrid", Text, primary_key=True),  # canonical
    Column("register_mrid", Text, primary_key=True),  # canonical
    Column("longest_set", BigInteger, nullable=False, server_default="0"),  # s
    Column("newest_reading", BigInteger),  # s since 1970: start of the newest reading that was read
    Column("looked_back_at", DateTime(timezone=True)),  # when corrections were last looked for
    Column("look_from", BigInteger),  # s since 1970: from when on a notification says to look
    Column("hinted_at", DateTime(timezone=True)),  # when it said so
    Column("changed_by_news", BigInteger, nullable=False, server_default="0"),  # how many of them changed it
    Column("last_error", Text),
)

meter_feed_pages: Final = Table(
    "meter_feed_pages",
    metadata,
    Column("feed", Text, ForeignKey("meter_feeds.name"), primary_key=True),
    Column("url", Text, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),  # of the page as it was last
    Column("edition", Integer, nullable=False),  # 0 as first seen, one more each time that it differs
    Column("etag", Text),  # kept only where nothing is lost by not reading the page again
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Index("ix_meter_feed_pages_seen_at", "feed", "seen_at"),
)

meter_subscriptions: Final = Table(
    "meter_subscriptions",
    metadata,
    Column("feed", Text, ForeignKey("meter_feeds.name"), primary_key=True),
    Column("resource", Text, primary_key=True),  # the address of what is subscribed to
    # Which register the resource is about: all three, or none where it is about several.
    Column("device_lfdi", Text),
    Column("meter_mrid", Text),
    Column("register_mrid", Text),
    Column("secret_sha256", LargeBinary, nullable=False, unique=True),  # of the token in our address
    Column("is_confirmed", Boolean, nullable=False, server_default=false()),  # the server surely has it
    Column("former_secret_sha256", LargeBinary, unique=True),  # of the last before it that it surely had
    Column("location", Text),  # what the server calls the subscription
    Column("renew_at", DateTime(timezone=True), nullable=False),
    Column("notified_at", DateTime(timezone=True)),  # when we last heard
    Column("last_error", Text),
)
