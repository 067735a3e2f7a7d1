"""Conditions on where things are, as 2.0 writes them (CQL2 operators over GeoJSON)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar

from trading.mapping.find import Json, find, find_text, read_decimal
from trading.mapping.geojson import read_geometry, write_geometry
from trading.refusals import FieldInvalid, FieldMissing, SearchUnsupported
from trading.request import Criteria
from trading.spatial import Quantifier, SpatialFilter, SpatialOperator

MOST_CONDITIONS: Final = 4
MOST_TARGETS: Final = 4
FARTHEST: Final = Decimal(10_000_000)
"""The longest reach of S_DWITHIN in metres: half of the way round the earth is 20,000 km."""

_PREFIX: Final = "S_"
_WGS84: Final = frozenset(
    {"EPSG:4326", "EPSG::4326", "EPSG:0:4326", "4326", "OGC:CRS84", "OGC::CRS84", "OGC:1.3:CRS84", "CRS84"}
)
"""GeoJSON's one reference system: its names, and what stands behind `crs` in them as URN or URL."""

E = TypeVar("E", bound=StrEnum)


def read_spatial(entries: object, *, path: str) -> tuple[SpatialFilter, ...]:
    """Return the conditions that stand at `path`, none if nothing stands there.

    Raises: FieldInvalid, FieldMissing, SearchUnsupported.
    """
    if entries is None:
        return ()
    if not isinstance(entries, list) or len(entries) > MOST_CONDITIONS:
        raise FieldInvalid(f"a list of {MOST_CONDITIONS} conditions at most is taken", path=path)
    return tuple(_read_one(entry, f"{path}[{index}]") for index, entry in enumerate(entries))


def write_spatial(filters: Sequence[SpatialFilter], *, in_capitals: bool, own: str) -> list[Json]:
    """Return conditions; RC writes operators and quantifiers in small letters, LTS in capitals.

    `own` is the JSONPath of an item's own place, which a condition without targets is about.
    """
    return [_write_one(condition, in_capitals, own) for condition in filters]


def refuse_window(criteria: Criteria) -> None:
    """Raises: SearchUnsupported, if the criteria name a time, which a filter has to say in 2.0."""
    if criteria.window is not None:
        raise SearchUnsupported("a time is searched for by a filter on productionWindow")


def read_reach(value: object, *, path: str) -> Decimal:
    """Return a distance in metres. Raises: FieldInvalid."""
    distance = read_decimal(value, path=path)
    if not 0 <= distance <= FARTHEST:
        raise FieldInvalid(
            f"a distance of 0 to {FARTHEST} m is taken", path=path, hint="Leave the condition out instead."
        )
    return distance


def _read_one(entry: object, path: str) -> SpatialFilter:
    operator = _word(entry, "op", SpatialOperator, path, prefix=_PREFIX)
    if operator is None:
        raise FieldMissing("the condition has no operator", path=f"{path}.op")
    _require_wgs84(find(entry, "srid"), f"{path}.srid")
    geometry = find(entry, "geometry")
    if geometry is None:
        raise FieldMissing("there is nothing to compare with", path=f"{path}.geometry")
    distance = None
    if operator is SpatialOperator.DWITHIN:
        if find(entry, "distanceMeters") is None:
            raise FieldMissing("the operator needs a distance", path=f"{path}.distanceMeters")
        distance = read_reach(find(entry, "distanceMeters"), path=f"{path}.distanceMeters")
    return SpatialFilter(
        operator=operator,
        geometry=read_geometry(geometry, path=f"{path}.geometry"),
        targets=_read_targets(find(entry, "targets"), f"{path}.targets"),
        quantifier=_word(entry, "quantifier", Quantifier, path) or Quantifier.ANY,
        distance=distance,
        path=path,
    )


def _read_targets(targets: object, path: str) -> tuple[str, ...]:
    listed = [targets] if isinstance(targets, str) else targets
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_TARGETS:
        raise FieldInvalid(f"one to {MOST_TARGETS} JSONPaths are needed here", path=path)
    if not all(isinstance(target, str) for target in listed):
        raise FieldInvalid("a JSONPath is text", path=path)
    return tuple(listed)


def _word(entry: object, key: str, words: type[E], path: str, *, prefix: str = "") -> E | None:
    """Return which of `words` stands under `key`, in letters of either size; None if nothing does."""
    found = find(entry, key)
    if found is None:
        return None
    text = (find_text(entry, key) or "").upper()
    bare = text.removeprefix(prefix)
    if (prefix and bare == text) or bare not in {word.value for word in words}:
        known = ", ".join(f"{prefix}{word.value}".lower() for word in words)
        raise FieldInvalid(f"{key} is none that is known here", path=f"{path}.{key}", hint=f"One of {known}.")
    return words(bare)


def _require_wgs84(srid: object, path: str) -> None:
    if srid is None:
        return
    if str(srid).upper().replace("/", ":").rpartition("CRS:")[2] not in _WGS84:
        raise SearchUnsupported(
            f"this platform does not know positions in {str(srid)[:40]!r}",
            path=path,
            hint="Write the geometry in EPSG:4326, longitude first, and leave srid out.",
        )


def _write_one(condition: SpatialFilter, in_capitals: bool, own: str) -> Json:
    def cased(word: str) -> str:
        return word if in_capitals else word.lower()

    targets = list(condition.targets) or [own]
    written: Json = {
        "op": cased(f"{_PREFIX}{condition.operator.value}"),
        "targets": targets[0] if len(targets) == 1 else targets,
        "geometry": write_geometry(condition.geometry),
        "quantifier": cased(condition.quantifier.value),
    }
    return written | ({} if condition.distance is None else {"distanceMeters": condition.distance})
