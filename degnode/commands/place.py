"""Which node a command is about: options that many commands share, taken as one thing."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, TypeVar, get_type_hints

import typer

from degnode.node_database import node_database
from kernel.clock import SystemClock
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

P = ParamSpec("P")
R = TypeVar("R")

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="DEGNODE_DATA_DIR", help="The node's data directory.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar=["DEGNODE_DATABASE_URL", "DATABASE_URL"],
        show_envvar=True,
        help="The node's PostgreSQL database, if it is not the one in its data directory.",
    ),
]
RoleName = Annotated[
    str | None,
    typer.Option("--role", help="Whose database in the data directory: needed only where several are."),
]

DEFAULT_DATA_DIR: Final = Path(".degnode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An open unit of work on a node's database, and what time it is."""

    uow: UnitOfWork
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which node is meant; each field is an option of the commands that have one of these."""

    role: RoleName = None
    data_dir: DataDir = DEFAULT_DATA_DIR
    database_url: DatabaseUrl = None

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Open the node's database for one unit of work. Raises: RoleUnclear, DatabaseUnusable."""
        async with (
            node_database(self.role, self.data_dir, self.database_url) as database,
            UnitOfWorkFactory(database)() as uow,
        ):
            yield Desk(uow=uow, now=SystemClock().now())


def at_a_place(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command an option for each field of its `place`, and hand it those as one."""
    signature = inspect.signature(command, eval_str=True)
    kind = signature.parameters["place"].annotation
    options = _options_of(kind)

    @wraps(command)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        values: dict[str, Any] = dict(named)
        values["place"] = kind(**{option.name: values.pop(option.name) for option in options})
        return command(*arguments, **values)

    others = [each for each in signature.parameters.values() if each.name != "place"]
    run.__dict__["__signature__"] = signature.replace(parameters=[*others, *options])
    run.__annotations__ = {each.name: each.annotation for each in (*others, *options)}
    return run


def _options_of(kind: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]
