"""Where in a message stands what a refusal is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from kernel.errors import NodeError
from node.message import Inbound
from protocol.profile import Profile
from trading.fields import Field
from trading.mapping import wire_of

_CURTAILMENT: Final = {"watt_hours": Field.QUANTITY, "since": Field.ORDER}
"""Where in a message stands what a form of curtailment names so."""


def places_named(inbound: Inbound) -> AbstractContextManager[None]:
    """Name what a refusal is about by its place in the message."""
    return places_on(inbound.profile)


@contextmanager
def places_on(profile: Profile) -> Iterator[None]:
    """Name what a refusal is about by its place in a message of a generation."""
    try:
        yield
    except NodeError as error:
        if isinstance(error.path, Field):
            error.path = wire_of(profile.name).PATHS[error.path]
        raise


@contextmanager
def curtailment_on_wire() -> Iterator[None]:
    """Name what stands against a curtailment as a message has it, and not an operator's form."""
    try:
        yield
    except NodeError as error:
        error.path = _CURTAILMENT.get(str(error.path), error.path)
        raise
