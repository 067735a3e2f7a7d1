"""The API key of a fresh install: made and shown once."""

from __future__ import annotations

import sys

from node.api_keys import add_api_key, has_api_keys, new_api_key
from node.runtime import Foundation


async def ensure_api_key(foundation: Foundation) -> None:
    """Make a first API key, and print it this once, where none is set and none was ever made."""
    if foundation.settings.api_key is not None:
        return
    async with foundation.uow_factory() as uow:
        if await has_api_keys(uow):
            return
        key = new_api_key()
        await add_api_key(uow, name="first", key=key, now=foundation.clock.now())
    print(f"API key of this node, shown only now: {key}", file=sys.stderr, flush=True)
