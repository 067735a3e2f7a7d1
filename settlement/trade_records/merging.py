"""What a write makes of a trade's record. Records are mappings of the API's own field names.

What the platforms agreed is written once: either may add what is not there yet, none may change what the
other has already seen. What a utility says of its own side holds until it says something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import simplejson

from settlement.trade_records.refusals import RefusalCode, Refused

Record = Mapping[str, Any]

NEEDED: Final = (
    "platformIdBuyer",
    "platformIdSeller",
    "discomIdBuyer",
    "discomIdSeller",
    "buyerId",
    "sellerId",
)
"""What every record has from its beginning, besides its key."""

NO_DIGEST: Final = ""
"""What stands for the digest before a record's first."""


def begin(change: Record) -> dict[str, Any]:
    """Return the first state of a record. Raises: Refused, if a field is missing."""
    for field in NEEDED:
        if field not in change:
            raise Refused(RefusalCode.MISSING_REQUIRED, f"a new record needs {field}", field=field)
    return dict(change)


def agree(record: Record, change: Record) -> dict[str, Any]:
    """Return the record with what a platform adds. Raises: Refused, if something is there and differs."""
    for field, value in change.items():
        if field in record and record[field] != value:
            raise Refused(RefusalCode.CONFLICT, f"{field} was written before, as something else", field=field)
    return {**change, **record}


def canonical(record: Record) -> str:
    """Return the one text of a record: JSON with sorted names, without spaces, numbers as they were sent."""
    return simplejson.dumps(
        record, use_decimal=True, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def row_digest(before: str, text: str) -> str:
    """Return the digest of a record's state, given its canonical text and the digest of the state before.

    It is SHA-256 over the two with a line feed between them.
    """
    return "sha256:" + sha256("\n".join((before, text)).encode()).hexdigest()
