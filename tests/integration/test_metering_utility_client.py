"""Following a utility's server over real HTTP, whatever it does, into a real database."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kernel.interval import Interval
from metering.energy import Direction
from metering.ingest import record_mirror_document
from metering.query import quarantined_readings
from metering.sep.utility_client import UtilityLimits
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.device_certificates import DeviceAuthority
from tests.support.feed_world import SOON, WHOLE_DAY, FeedWorld
from tests.support.metering_documents import (
    METER,
    MIDNIGHT,
    NOW,
    QUARTER,
    START,
    document,
    reading,
)
from tests.support.utility_server import (
    DAY_SECONDS,
    EPOCH_NOW,
    LEGACY,
    ServedReadings,
    ServedRegister,
    Traps,
    UtilityServer,
    day,
    export_register,
    serving,
)

LATER = timedelta(minutes=15)


async def test_a_day_is_read_along_the_links_from_the_capability(uow_factory: UnitOfWorkFactory) -> None:
    async with serving() as server:
        world = FeedWorld(server, uow_factory)
        state = await world.poll()
        assert await world.values() == WHOLE_DAY
    assert (state["last_error"], state["failures"], state["polled_at"]) == (None, 0, NOW)
    assert (await world.register())["newest_reading"] == START + 95 * QUARTER
    assert [result.accepted for result in world.told] == [96]


async def test_the_meters_of_function_set_assignments_are_found(uow_factory: UnitOfWorkFactory) -> None:
    async with serving(traps=Traps(meters_under="fsa")) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        assert await world.values() == WHOLE_DAY


async def test_import_and_export_are_kept_apart_though_their_pages_are_the_same(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async with UtilityServer(ServedRegister(sets=[day()]), export_register(day()), now=EPOCH_NOW) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        assert await world.values() == WHOLE_DAY
        assert await world.values(direction=Direction.EXPORT) == WHOLE_DAY


@pytest.mark.parametrize(
    "traps",
    [
        Traps(largest_page=1),
        Traps(largest_page=10, overlap=3),
        Traps(largest_page=40, says_all=False),
        Traps(gzips=True),
        Traps(media_type="application/xml"),
        Traps(etags=True, largest_page=50),
        Traps(ignores_after=True),
        Traps(poll_rate=None),
        Traps(time_quality=7),
    ],
    ids=["one-a-page", "overlap", "no-all", "gzip", "plain-xml", "etags", "no-after", "no-rate", "no-clock"],
)
async def test_what_a_server_may_do_otherwise_changes_nothing(
    uow_factory: UnitOfWorkFactory, traps: Traps
) -> None:
    async with serving(day(quarters=96), day(500, days_later=-1), traps=traps) as server:
        world = FeedWorld(server, uow_factory)
        for _ in range(2):
            assert (await world.poll(after=LATER))["last_error"] is None
        assert await world.energies() == [(value, 0) for value in WHOLE_DAY]
        assert (await world.rows())[0] == 192


async def test_a_list_that_is_not_as_long_as_it_says_holds_the_position_back(
    uow_factory: UnitOfWorkFactory,
) -> None:
    server = serving(day(), day(500, days_later=-1))
    async with server:
        world = FeedWorld(server, uow_factory)

        def lie(path: str) -> None:
            server.traps.all_is_off_by = 1 if path.endswith("/sets/0/readings") else 0

        server.traps.before = lie
        state = await world.poll()
        assert "says that it has 97 entries, and 96 came" in state["last_error"]
        assert (await world.register())["newest_reading"] == START - QUARTER
        server.traps.before = None
        server.traps.all_is_off_by = 0
        assert (await world.poll(after=LATER))["last_error"] is None
        assert (await world.register())["newest_reading"] == START + 95 * QUARTER
        assert await world.energies() == [(value, 0) for value in WHOLE_DAY]


async def test_a_list_that_grows_during_the_walk_is_read_again_and_nothing_counts_twice(
    uow_factory: UnitOfWorkFactory,
) -> None:
    served = day(quarters=90)
    async with serving(served, traps=Traps(largest_page=40)) as server:
        world = FeedWorld(server, uow_factory)

        def grow(_path: str) -> None:
            if len(server.asked_for("readings")) == 2:
                served.values[START + 90 * QUARTER] = 340

        server.traps.before = grow
        assert (await world.poll())["last_error"] is None
        assert await world.energies() == [(value, 0) for value in WHOLE_DAY[:91]]


@pytest.mark.parametrize("trap", ["repeats_first_page", "empty_pages_from"])
async def test_a_server_that_cannot_page_is_told_of_and_not_asked_for_ever(
    uow_factory: UnitOfWorkFactory, trap: str
) -> None:
    traps = Traps(largest_page=40)
    setattr(traps, trap, 40)
    async with serving(traps=traps) as server:
        state = await FeedWorld(server, uow_factory).poll()
        assert "96 entries, and 40 came" in state["last_error"]
        assert len(server.asked) < 20


@pytest.mark.parametrize(
    "href",
    [
        "http://127.0.0.1:9/steal",
        "https://elsewhere.example/sep",
        "//elsewhere.example/x",
        "file:///etc/passwd",
    ],
)
async def test_a_link_to_another_origin_is_refused_and_not_followed(
    uow_factory: UnitOfWorkFactory, href: str
) -> None:
    async with serving(traps=Traps(hrefs={"points": href})) as server:
        world = FeedWorld(server, uow_factory)
        state = await world.poll()
        assert "leads away from" in state["last_error"]
        assert await world.rows() == (0, 0)


async def test_an_absolute_link_to_the_same_server_is_followed(uow_factory: UnitOfWorkFactory) -> None:
    async with serving() as server:
        server.traps.hrefs = {"points": f"{server.url}/sep/points"}
        world = FeedWorld(server, uow_factory)
        await world.poll()
        assert await world.values() == WHOLE_DAY


async def test_links_that_go_in_a_circle_end_in_a_clear_word(uow_factory: UnitOfWorkFactory) -> None:
    async with serving(traps=Traps(hrefs={"/sep/register/0/sets": "/sep/points"})) as server:
        state = await FeedWorld(server, uow_factory).poll()
        assert "a ReadingSetList was asked for, and a UsagePointList came" in state["last_error"]


async def test_two_registers_that_lead_to_one_list_are_both_refused(uow_factory: UnitOfWorkFactory) -> None:
    server = UtilityServer(ServedRegister(sets=[day()]), export_register(day()), now=EPOCH_NOW)
    async with server:
        server.traps.hrefs = {"/sep/register/1/sets": "/sep/register/0/sets"}
        world = FeedWorld(server, uow_factory)
        state = await world.poll()
        assert state["last_error"].count("another register leads to the same readings") == 2
        assert await world.rows() == (0, 0)


async def test_redirects_are_not_followed(uow_factory: UnitOfWorkFactory) -> None:
    async with serving(traps=Traps(status=302)) as server:
        state = await FeedWorld(server, uow_factory).poll()
        assert "Redirects are not followed" in state["last_error"]
        assert server.asked == ["/sep/dcap"]


@pytest.mark.parametrize(
    ("traps", "complaint"),
    [
        (Traps(bomb=True), "longer than is taken"),
        (Traps(media_type="application/sep-exi"), "EXI is not spoken here"),
        (Traps(namespace=LEGACY), "namespace"),
        (Traps(clock_ahead=121), "121 s from ours"),
        (Traps(clock_ahead=-(10**9)), "from ours"),
    ],
    ids=["gzip-bomb", "exi", "legacy", "clock", "clock-far"],
)
async def test_what_cannot_be_trusted_is_not_read(
    uow_factory: UnitOfWorkFactory, traps: Traps, complaint: str
) -> None:
    async with serving(traps=traps) as server:
        world = FeedWorld(server, uow_factory)
        assert complaint in (await world.poll())["last_error"]
        assert await world.rows() == (0, 0)


async def test_a_long_answer_is_cut_off(uow_factory: UnitOfWorkFactory) -> None:
    async with serving() as server:
        world = FeedWorld(server, uow_factory, limits=UtilityLimits(max_answer_bytes=2_000))
        assert "longer than is taken" in (await world.poll())["last_error"]


async def test_the_namespace_of_2013_is_taken_where_the_file_says_so(uow_factory: UnitOfWorkFactory) -> None:
    async with serving(traps=Traps(namespace=LEGACY)) as server:
        world = FeedWorld(server, uow_factory, legacy_namespace=True)
        await world.poll()
        assert await world.values() == WHOLE_DAY


async def test_a_correction_is_exactly_one_revision(uow_factory: UnitOfWorkFactory) -> None:
    served = day()
    async with serving(served) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        served.values[START + 95 * QUARTER] = 1
        for _ in range(3):
            await world.poll(after=SOON)
        assert await world.energies() == [*((value, 0) for value in WHOLE_DAY[:95]), (1, 1)]
        assert sum(len(result.touched) for result in world.told[1:]) == 1


async def test_an_older_correction_is_found_by_looking_back(uow_factory: UnitOfWorkFactory) -> None:
    early, late = day(500, days_later=-1), day()
    async with serving(early, late) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        early.values[START - DAY_SECONDS] = 1
        await world.poll(after=SOON)
        before = Interval(MIDNIGHT - timedelta(days=1), MIDNIGHT)
        assert (await world.values(window=before))[0] == 500
        await world.poll(after=timedelta(hours=6))
        assert (await world.energies(window=before))[:2] == [(1, 1), (501, 0)]


async def test_a_value_that_becomes_again_what_it_was_is_believed(uow_factory: UnitOfWorkFactory) -> None:
    served = day()
    async with serving(served) as server:
        world = FeedWorld(server, uow_factory)
        for value in (345, 1, 345):
            served.values[START + 95 * QUARTER] = value
            await world.poll(after=SOON)
        assert (await world.energies())[-1] == (345, 2)


async def test_polls_that_bring_no_news_keep_nothing(uow_factory: UnitOfWorkFactory) -> None:
    async with serving() as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        await world.poll(after=SOON)
        kept = await world.rows()
        for _ in range(3):
            await world.poll(after=SOON)
        assert await world.rows() == kept == (96, 2)


async def test_an_unchanged_page_is_not_sent_again_where_etags_are_offered(
    uow_factory: UnitOfWorkFactory,
) -> None:
    served = day()
    async with serving(served, traps=Traps(etags=True)) as server:
        world = FeedWorld(server, uow_factory)
        for expected in (0, 0, 1, 2):
            await world.poll(after=SOON)
            assert server.not_modified == expected
        served.values[START + 95 * QUARTER] = 1
        await world.poll(after=SOON)
        assert server.not_modified == 2
        assert (await world.energies())[-1] == (1, 1)


async def test_a_register_with_one_endless_set_is_read_from_the_newest_reading_on(
    uow_factory: UnitOfWorkFactory,
) -> None:
    endless = ServedReadings(
        duration=10 * DAY_SECONDS, values={START + n * QUARTER: 250 + n for n in range(90)}
    )
    async with serving(endless) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        endless.values[START + 90 * QUARTER] = 340
        await world.poll(after=SOON)
        assert server.asked_for("readings")[-1].startswith(
            f"/sep/register/0/sets/0/readings?a={START + 89 * QUARTER - 7200}&"
        )
        assert await world.energies() == [(value, 0) for value in WHOLE_DAY[:91]]


async def test_readings_of_a_set_that_is_still_being_made_wait_until_it_is_finished(
    uow_factory: UnitOfWorkFactory,
) -> None:
    provisional = day(quarters=10)
    provisional.mrid = "F" * 24 + "00001234"
    async with serving(day(500, days_later=-1), provisional, day(days_later=-2)) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        assert await world.values() == []
        provisional.mrid = "0A00001234"
        await world.poll(after=LATER)
        assert await world.values() == WHOLE_DAY[:10]


async def test_a_stamp_from_the_future_is_set_aside_and_does_not_have_others_skipped(
    uow_factory: UnitOfWorkFactory,
) -> None:
    served = day(quarters=90)
    served.values[START + 10_000 * QUARTER] = 5
    async with serving(served) as server:
        world = FeedWorld(server, uow_factory)
        await world.poll()
        served.values[START + 90 * QUARTER] = 340
        await world.poll(after=SOON)
        assert await world.values() == WHOLE_DAY[:91]
        async with uow_factory() as uow:
            aside = await quarantined_readings(uow.connection, meter=METER, at=NOW)
        assert {item.doubt.reason.value for item in aside} == {"FUTURE"}
        assert (await world.register())["newest_reading"] == START + 90 * QUARTER


async def test_one_set_that_cannot_be_read_does_not_keep_the_others_from_being_read(
    uow_factory: UnitOfWorkFactory,
) -> None:
    broken = day(500, days_later=-1)
    broken.extra = "<Reading><value>1</value><value>2</value></Reading>"
    async with serving(day(days_later=-2), broken, day()) as server:
        world = FeedWorld(server, uow_factory)
        state = await world.poll()
        assert "value is there twice" in state["last_error"]
        assert await world.values() == WHOLE_DAY
        broken.extra = ""
        assert (await world.poll(after=LATER))["last_error"] is None
        assert (await world.rows())[0] == 3 * 96


async def test_a_register_with_nothing_but_its_last_reading_is_read_too(
    uow_factory: UnitOfWorkFactory,
) -> None:
    register = ServedRegister(last=(START, 250))
    async with UtilityServer(register, now=EPOCH_NOW) as server:
        world = FeedWorld(server, uow_factory)
        for quarter in (0, 0, 1, 2):
            register.last = START + quarter * QUARTER, 250 + quarter
            assert (await world.poll(after=SOON))["last_error"] is None
        assert await world.values() == [250, 251, 252]


async def test_server_and_node_show_each_other_their_certificates(
    uow_factory: UnitOfWorkFactory, tmp_path: Path
) -> None:
    authority = DeviceAuthority(tmp_path)
    theirs, ours = authority.server().material, authority.device("ours")
    server = UtilityServer(
        ServedRegister(sets=[day()]),
        now=EPOCH_NOW,
        traps=Traps(subscribable=True, device_lfdi=ours.lfdi),
        tls={
            "ssl_certfile": theirs.certificate,
            "ssl_keyfile": theirs.key,
            "ssl_ca_certs": str(authority.file),
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
        },
    )
    async with server:
        shown: dict[str, Any] = {
            "certificate": ours.material.certificate,
            "key": ours.material.key,
            "ca": authority.file,
        }
        world = FeedWorld(server, uow_factory, notify_url="https://ours.example/sep/notify", **shown)
        assert (await world.poll())["last_error"] is None
        assert await world.values() == WHOLE_DAY
        assert "/sep/register/0/sets" in server.subscriptions
        stranger = DeviceAuthority(tmp_path, "others").device("stranger")
        shown |= {"certificate": stranger.material.certificate, "key": stranger.material.key}
        refused = FeedWorld(server, uow_factory, **shown)
        assert "cannot be reached" in (await refused.poll(after=SOON))["last_error"]


async def test_meters_of_another_sender_are_not_taken_over(uow_factory: UnitOfWorkFactory) -> None:
    async with uow_factory() as uow:
        await record_mirror_document(document(reading(7)), uow=uow, now=NOW, sender="meter:own")
    async with serving() as server:
        world = FeedWorld(server, uow_factory)
        assert "another sender" in (await world.poll())["last_error"]
        assert await world.values() == [7]
