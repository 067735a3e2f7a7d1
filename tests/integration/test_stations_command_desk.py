"""Commands to stations reach them in order, once, and as long as it makes sense."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kernel.clock import ManualClock
from kernel.energy import Energy
from stations.command_desk import PATIENCE, CommandDesk
from stations.command_store import CommandStore, put_command, tag_of
from stations.port import Acceptance, CommandResult, StationCommand, Verb
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ACCEPTED = CommandResult(acceptance=Acceptance.ACCEPTED)
AWAY = CommandResult(acceptance=Acceptance.UNREACHABLE, why="the station is not connected")
CONNECTOR, SESSION = "ccs2-7", "contract-1"


@dataclass
class ScriptedPort:
    """Answers with what it is given, the last answer again and again."""

    answers: list[CommandResult | Exception]
    told: list[StationCommand] = field(default_factory=list)

    async def carry_out(self, command: StationCommand) -> CommandResult:
        self.told.append(command)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    def __init__(self, uow_factory: UnitOfWorkFactory, *answers: CommandResult | Exception) -> None:
        self.uow_factory = uow_factory
        self.clock = ManualClock(NOW)
        self.port = ScriptedPort(list(answers) or [ACCEPTED])
        self.results: list[tuple[Verb, str, Acceptance, str]] = []
        self.desk = CommandDesk(
            port=self.port,
            holder="here",
            uow_factory=uow_factory,
            clock=self.clock,
            on_result=self._on_result,
        )

    async def put(self, verb: Verb, session: str = SESSION, connector: str = CONNECTOR) -> None:
        async with self.uow_factory() as uow:
            await put_command(
                uow, verb=verb, connector_id=connector, session_id=session, now=self.clock.now()
            )

    async def _on_result(
        self, _uow: UnitOfWork, command: StationCommand, result: CommandResult, _now: datetime
    ) -> None:
        self.results.append((command.verb, command.session_id, result.acceptance, result.why))


async def test_a_command_reaches_the_station_with_all_that_was_put_down(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = World(uow_factory)
    async with uow_factory() as uow:
        await put_command(
            uow,
            verb=Verb.RESERVE,
            connector_id=CONNECTOR,
            session_id=SESSION,
            now=NOW,
            until=NOW + timedelta(hours=1),
            limit=Energy(20_000),
        )
    assert await world.desk.step()
    assert not await world.desk.step()
    [told] = world.port.told
    assert told == StationCommand(
        id=told.id,
        verb=Verb.RESERVE,
        connector_id=CONNECTOR,
        session_id=SESSION,
        until=NOW + timedelta(hours=1),
        limit=Energy(20_000),
    )
    assert world.results == [(Verb.RESERVE, SESSION, Acceptance.ACCEPTED, "")]


async def test_a_station_that_is_away_is_asked_again_until_the_patience_is_over(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = World(uow_factory, AWAY)
    await world.put(Verb.START)
    while not world.results:
        if not await world.desk.step():
            world.clock.advance(timedelta(milliseconds=500))
    assert world.results == [(Verb.START, SESSION, Acceptance.UNREACHABLE, AWAY.why)]
    assert world.clock.now() <= NOW + PATIENCE[Verb.START]
    assert len(world.port.told) > 3
    assert not await world.desk.step()


async def test_a_stop_is_told_as_soon_as_the_station_is_there_again(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory, AWAY, AWAY, ACCEPTED)
    await world.put(Verb.STOP)
    assert await world.desk.step()
    world.clock.advance(timedelta(minutes=10))
    assert await world.desk.step()
    assert not await world.desk.step()
    async with uow_factory() as uow:
        await CommandStore(uow.connection).hasten([CONNECTOR], now=world.clock.now())
    assert await world.desk.step()
    assert world.results == [(Verb.STOP, SESSION, Acceptance.ACCEPTED, "")]


async def test_a_connector_is_told_in_order_and_another_is_not_kept_waiting(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = World(uow_factory)
    await world.put(Verb.START)
    await world.put(Verb.STOP, "contract-0")
    await world.put(Verb.START, "contract-2", "ccs2-8")
    now = world.clock.now()
    async with uow_factory() as uow:  # the start is under way elsewhere
        assert await CommandStore(uow.connection).claim(
            holder="here", now=now, until=now + timedelta(minutes=2)
        )
    assert await world.desk.step()
    assert not await world.desk.step()
    assert [told.session_id for told in world.port.told] == ["contract-2"]


async def test_a_command_that_was_put_off_is_overtaken(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory, AWAY)
    await world.put(Verb.STOP)
    await world.desk.step()
    world.clock.advance(timedelta(milliseconds=10))
    await world.put(Verb.START, "contract-2")
    assert await world.desk.step()
    assert [told.verb for told in world.port.told] == [Verb.STOP, Verb.START]


async def test_a_command_whose_time_is_over_is_not_told(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory)
    await world.put(Verb.START)
    world.clock.advance(PATIENCE[Verb.START])  # nobody was there to carry it out
    assert await world.desk.step()
    assert world.port.told == []
    assert world.results == [(Verb.START, SESSION, Acceptance.UNREACHABLE, "it was too late for it")]


async def test_a_start_that_was_put_off_does_not_come_after_its_stop(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory, AWAY, ACCEPTED)
    await world.put(Verb.START)
    await world.desk.step()
    await world.put(Verb.STOP)
    world.clock.advance(timedelta(seconds=10))
    while await world.desk.step():
        pass
    assert [told.verb for told in world.port.told] == [Verb.START, Verb.STOP]


async def test_who_outlived_its_lease_tells_nobody(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory)
    await world.put(Verb.START)
    async with uow_factory() as uow:
        late = await CommandStore(uow.connection).claim(
            holder="here", now=NOW, until=NOW + timedelta(seconds=1)
        )
    assert late is not None
    world.clock.advance(timedelta(seconds=2))
    assert await world.desk.step()
    async with uow_factory() as uow:
        store = CommandStore(uow.connection)
        assert not await store.finish(late, AWAY, now=world.clock.now())
        assert not await store.put_off(late, due_at=world.clock.now(), why="late")
    assert [acceptance for *_, acceptance, _ in world.results] == [Acceptance.ACCEPTED]


async def test_an_outcome_that_another_has_recorded_is_not_told_twice(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory)
    await world.put(Verb.START)

    class Slow(ScriptedPort):
        async def carry_out(self, command: StationCommand) -> CommandResult:
            world.clock.advance(timedelta(minutes=3))
            if len(world.port.told) == 0:
                world.port.told.append(command)
                await world.desk.step()  # somebody else, after the lease
            return ACCEPTED

    slow = Slow([ACCEPTED])
    slow_desk = CommandDesk(
        port=slow,
        holder="elsewhere",
        uow_factory=uow_factory,
        clock=world.clock,
        on_result=world.desk.on_result,
    )
    assert await slow_desk.step()
    assert len(world.results) == 1


async def test_an_adapter_that_fails_counts_as_a_station_that_is_away(uow_factory: UnitOfWorkFactory) -> None:
    world = World(uow_factory, ValueError("broken"), ACCEPTED)
    await world.put(Verb.START)
    assert await world.desk.step()
    assert world.results == []
    world.clock.advance(timedelta(seconds=1))
    assert await world.desk.step()
    assert world.results == [(Verb.START, SESSION, Acceptance.ACCEPTED, "")]


def test_a_tag_fits_into_twenty_characters_and_tells_sessions_apart() -> None:
    assert len(tag_of(SESSION)) == 20
    assert tag_of(SESSION) == tag_of(SESSION) != tag_of("contract-2")
