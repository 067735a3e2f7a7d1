"""What may be overlooked in a peer's signature header, as data; nothing is, unless it is set."""

from __future__ import annotations

from typing import Final, NamedTuple


class Tolerance(NamedTuple):
    """Forms of the header that are taken although BECKN-006 does not have them."""

    bare: bool = False
    """The scheme `Signature ` in front is missing (ONIX takes and sends this)."""
    record_keys: bool = False
    """The key is named `{namespace}/{registry}/{record}|ed25519` (NFH-007)."""


STRICT: Final = Tolerance()
LENIENT: Final = Tolerance(bare=True, record_keys=True)
"""For headers that were believed when they came, and are read once more."""
