"""A DeDi record as it comes over the line: `{record_id, details{…}, network_memberships[], …}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import structlog

from registry_client.subscriber import KEY_NAMES, RecordUnreadable, SubscriberRecord, SubscriberStatus

log = structlog.get_logger(__name__)

_RECORD_NAMES: Final = ("record_id", "record_name")
_BESIDE: Final = {
    "valid_from": "valid_from",
    "valid_until": "valid_until",
    "valid_till": "valid_until",
    "network_memberships": "network_memberships",
}
"""What may stand beside `details` as well as in it, and as what; what stands beside them counts."""

_LIVE: Final = ("live", "active")


class DediName(NamedTuple):
    """The three parts of a record's path."""

    namespace: str
    registry: str
    record: str

    @classmethod
    def parse(cls, text: str) -> DediName | None:
        """Return the parts of `{namespace}/{registry}/{record}`, None if it is no such name."""
        parts = text.split("/")
        return cls(*parts) if len(parts) == 3 and all(parts) else None


def read_record(
    data: Mapping[str, Any], *, name: DediName, must_name_itself: bool = False
) -> SubscriberRecord | None:
    """Return the record that was asked for by `name`, None if it cannot be read or is another's.

    Its key is called as the details say, else as the record is. With `must_name_itself` the record must
    say that it is this one: the signature of an answer to an unsigned question says nothing of it.
    """
    details = data.get("details")
    if not isinstance(details, Mapping):
        return None
    names = [data.get(field) for field in _RECORD_NAMES] + [details.get(field) for field in KEY_NAMES]
    own = (name.record, "/".join(name))
    if must_name_itself and not any(said in own for said in names):
        log.warning("registry.record_unnamed", record="/".join(name))
        return None
    beside = {meant: data[field] for field, meant in _BESIDE.items() if data.get(field) is not None}
    key_id = next((details[field] for field in KEY_NAMES if details.get(field)), name.record)
    try:
        return SubscriberRecord.from_wire(
            {**details, **beside, "key_id": key_id, "status": _status(data, details)}
        )
    except RecordUnreadable as error:
        log.warning("registry.record_unreadable", record="/".join(name), reason=str(error))
        return None


def read_records(data: Mapping[str, Any], *, name: DediName) -> list[SubscriberRecord]:
    """Return the records of the list that `name` is in, without those that nobody can read."""
    entries = data.get("records")
    records = []
    for entry in entries if isinstance(entries, list) else ():
        said = _said_name(entry) if isinstance(entry, Mapping) else None
        record = read_record(entry, name=name._replace(record=said)) if said else None
        if record is not None and record.subscriber_id == name.namespace:
            records.append(record)
    return records


def _status(data: Mapping[str, Any], details: Mapping[str, Any]) -> object:
    """Return how the subscription stands; a record that was revoked is over, whatever else it says."""
    state = data.get("state") or data.get("status") or details.get("status")
    if data.get("is_revoked") is True or (isinstance(state, str) and state.lower() == "revoked"):
        return SubscriberStatus.UNSUBSCRIBED.value
    return None if isinstance(state, str) and state.lower() in _LIVE else state


def _said_name(entry: Mapping[str, Any]) -> str | None:
    for field in reversed(_RECORD_NAMES):
        if isinstance(said := entry.get(field), str) and said:
            return said.rpartition("/")[2]
    return None
