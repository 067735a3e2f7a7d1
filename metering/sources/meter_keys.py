"""The public keys of meters that sign their readings, from a YAML file that an operator keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernel.errors import NodeError
from metering.sources.naming import meter_by_mrid
from protocol.ed25519 import PublicKey
from protocol.keys import read_public_key

MOST_KEYS: Final = 100_000


class MeterKeysUnreadable(NodeError):
    """The file of meters' keys cannot be used."""

    code, http_status, retryable = "METER_KEYS_UNREADABLE", 500, False


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterKey:
    """A key of a meter (canonical mRID), and what the meter can measure at most. Units: W."""

    meter: str
    key_id: str
    public_key: PublicKey
    greatest_watts: int | None = None


FindMeterKey = Callable[[str, str], MeterKey | None]
"""Returns the key of a meter (canonical mRID) by the key's name, or None where it has no such key."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    meter: str
    key_id: str
    public_key: str
    greatest_watts: int | None = Field(None, gt=0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    meter_keys: list[_Entry] = Field(max_length=MOST_KEYS)


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """The keys of all meters that have one."""

    by_name: Mapping[tuple[str, str], MeterKey] = field(default_factory=dict)

    def find(self, meter: str, key_id: str) -> MeterKey | None:
        return self.by_name.get((meter, key_id))


def load_meter_keys(path: Path) -> MeterKeys:
    """Return the keys in a file. Raises: MeterKeysUnreadable, saying where and what."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = _File.model_validate(content).meter_keys
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MeterKeysUnreadable(f"the meters' keys {path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise MeterKeysUnreadable(f"{path}: {first['msg']}", path=where, hint=_FORM) from error
    keys: dict[tuple[str, str], MeterKey] = {}
    for number, entry in enumerate(entries):
        key = _key(entry, f"meter_keys.{number}", path)
        if keys.setdefault((key.meter, key.key_id), key) is not key:
            raise MeterKeysUnreadable(f"{path}: the key is there twice", path=f"meter_keys.{number}")
    return MeterKeys(keys)


_FORM: Final = (
    "Write a list meter_keys of meter (the mRID in quotes: digits alone would be a number), key_id (in "
    "quotes), public_key (base64) and, if known, greatest_watts."
)


def _key(entry: _Entry, where: str, path: Path) -> MeterKey:
    try:
        meter = meter_by_mrid(entry.meter).mrid
        public_key = read_public_key(entry.public_key)
    except (NodeError, ValueError) as error:
        raise MeterKeysUnreadable(f"{path}: {error}", path=where, hint=_FORM) from error
    return MeterKey(
        meter=meter, key_id=entry.key_id, public_key=public_key, greatest_watts=entry.greatest_watts
    )
