"""`degnode station`, as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

from kernel.clock import SystemClock
from stations.password import is_right
from stations.port import Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16
from tests.support.command_line import invoke, printed
from tests.support.station_world import CONNECTOR, NOW, SESSION, STATIONS, TAG, station_world


async def shown(database_url: str, *arguments: str) -> str:
    return printed(await invoke("station", *arguments, "--database-url", database_url))


async def test_there_are_no_stations_at_first(database_url: str) -> None:
    assert "DEGNODE_STATIONS names the file" in await shown(database_url, "list")
    for command in (("show", "CP-7"), ("unlock", CONNECTOR)):
        refused = await invoke("station", *command, "--database-url", database_url)
        assert refused.exit_code != 0
        assert "no station" in str(refused.exception)


async def test_a_station_is_shown_with_what_it_was_told_and_what_was_charged(
    database_url: str, uow_factory: UnitOfWorkFactory
) -> None:
    async with station_world(uow_factory) as world, ChargePoint16(world.url) as station:
        await station.boot()
        await world.tell(Verb.START)
        await station.heard("RemoteStartTransaction")
        started = await station.start(TAG, NOW, 100_000)
        await station.values((NOW, 90_000), transaction=started.transaction_id)
        assert "is told to let go" in await shown(database_url, "unlock", CONNECTOR)
        world.clock.set(SystemClock().now())  # by which the command was put
        await world.carry_out()
        assert await station.heard("UnlockConnector") == {"connector_id": 1}
        [listed] = json.loads(await shown(database_url, "list", "--json"))
        assert (listed["protocol"], listed["model"]) == ("ocpp1.6", "Duo 22")
        assert "Volt Works" in await shown(database_url, "list")
        [report] = json.loads(await shown(database_url, "show", "CP-7", "--json"))
        text = await shown(database_url, "show", "CP-7")
    assert [each["status"] for each in report["connectors"]] == ["STARTED", None]
    assert [(each["verb"], each["acceptance"]) for each in report["commands"]] == [
        ("UNLOCK", "ACCEPTED"),
        ("START", "ACCEPTED"),
    ]
    [charging] = report["chargings"]
    assert (charging["session_id"], charging["start_wh"]) == (SESSION, 90_000)  # the last of a second counts
    assert "Connectors of CP-7" in text


async def test_a_limit_is_shown_with_what_its_station_made_of_it(
    database_url: str, uow_factory: UnitOfWorkFactory
) -> None:
    limit = ("limit", CONNECTOR, "--watts", "11000", "--why", "feeder 7 is full")
    refused = await invoke("station", *limit, "--database-url", database_url)
    assert "no station has the plug" in str(refused.exception)
    async with station_world(uow_factory) as world, ChargePoint16(world.url) as station:
        await world.tell(Verb.START)
        await station.heard("RemoteStartTransaction")
        await station.start(TAG, NOW, 100_000)
        assert "11000 W at most" in await shown(database_url, *limit, "--grid-event", "DR-1")
        world.clock.set(SystemClock().now())
        await world.carry_out()
        await station.heard("SetChargingProfile")
        [report] = json.loads(await shown(database_url, "show", "CP-7", "--json"))
        assert "11000" in await shown(database_url, "show", "CP-7")
        await shown(database_url, "lift", CONNECTOR, "--why", "it is over")
        world.clock.set(SystemClock().now())
        await world.carry_out()
        await station.heard("ClearChargingProfile")
    assert [each["limit_watts"] for each in report["connectors"]] == [11_000, None]
    assert report["connectors"][0]["limit_held_since"] is not None
    assert (report["commands"][0]["verb"], report["commands"][0]["acceptance"]) == ("LIMIT", "ACCEPTED")
    twice = await invoke("station", "lift", CONNECTOR, "--why", "x", "--database-url", database_url)
    assert "may give all that it can" in str(twice.exception)


async def test_a_file_is_checked_before_a_node_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "stations.yaml"
    file.write_text(STATIONS)
    assert CONNECTOR in printed(await invoke("station", "check", str(file)))
    file.write_text(STATIONS.replace("number: 2", "number: 1"))
    refused = await invoke("station", "check", str(file))
    assert refused.exit_code != 0
    assert "CP-7/1 is there twice" in str(refused.exception)


async def test_a_secret_that_no_node_could_read_is_found_by_the_check(tmp_path: Path) -> None:
    file, secret = tmp_path / "stations.yaml", tmp_path / "depot.secret"
    file.write_text("""
stations:
  - id: depot
    protocol: webhook
    url: https://depot.example.org/
    secret_file: depot.secret
    connectors:
      - {number: 1, resource: plug-1, meter: "0A0100B1", greatest_watts: 22000}
""")
    refused = await invoke("station", "check", str(file))
    assert refused.exit_code != 0
    assert "the secret of station depot cannot be read" in str(refused.exception)
    secret.write_text("x" * 32)
    assert "plug-1" in printed(await invoke("station", "check", str(file)))


async def test_a_password_is_made_with_its_hash() -> None:
    said = dict(line.split() for line in printed(await invoke("station", "password")).splitlines())
    assert is_right(said["password"], said["hash"])


async def test_a_password_that_is_there_is_hashed() -> None:
    made = printed(await invoke("station", "password", "--stdin", typed="sixteen-characters-at-least\n"))
    assert is_right("sixteen-characters-at-least", made.split()[1])
    refused = await invoke("station", "password", "--stdin", typed="short\n")
    assert refused.exit_code != 0
    assert "16 to 40" in refused.output
