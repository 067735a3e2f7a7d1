"""Which part of a list a caller of an HTTP API asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Skip = Annotated[int, Query(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Query(ge=1, le=200)]
