"""Where in a message stands what a refusal is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.errors import NodeError
from node.message import Inbound
from trading.fields import Field
from trading.mapping import wire_of


@contextmanager
def places_named(inbound: Inbound) -> Iterator[None]:
    """Name what a refusal is about by its place in the message."""
    try:
        yield
    except NodeError as error:
        if isinstance(error.path, Field):
            error.path = wire_of(inbound.profile.name).PATHS[error.path]
        raise
