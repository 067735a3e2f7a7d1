"""The API key of a fresh install: made and shown once."""

from __future__ import annotations

import sys

from node.api_key_store import issue_first_api_key
from node.runtime import Foundation


async def ensure_api_key(foundation: Foundation) -> None:
    """Make a first API key, and print it this once, where none is set and none was ever made."""
    if foundation.settings.api_key is not None:
        return
    async with foundation.uow_factory() as uow:
        issued = await issue_first_api_key(uow, now=foundation.clock.now())
    if issued is not None:
        print(f"API key of this node, shown only now: {issued.text}", file=sys.stderr, flush=True)
