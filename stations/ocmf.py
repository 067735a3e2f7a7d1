"""Meter values that their meter has signed, in the Open Charge Metering Format (OCMF). Pure.

Source: OCMF 1.4 (SAFE e.V.), sections, payload data, signature; tables 7 and 8 (fields), 10 (states of the
meter), 22 (algorithms), 25 (registers of energy).
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from metering.energy import MAX_WATT_HOURS, Direction

_HEADER: Final = "OCMF"
_SECTIONS: Final = 3
_DEFAULT_ALGORITHM: Final = "ECDSA-secp256r1-SHA256"
_CURVES: Final[Mapping[str, str]] = {
    "ECDSA-secp192r1-SHA256": "secp192r1",
    "ECDSA-secp256k1-SHA256": "secp256k1",
    _DEFAULT_ALGORITHM: "secp256r1",
    "ECDSA-secp384r1-SHA256": "secp384r1",
    "ECDSA-brainpool256r1-SHA256": "brainpoolP256r1",
    "ECDSA-brainpool384r1-SHA256": "brainpoolP384r1",
    "ECDSA-brainpoolP256r1-SHA256": "brainpoolP256r1",  # so written by meters
    "ECDSA-brainpoolP384r1-SHA256": "brainpoolP384r1",
}
"""The algorithms with the curve of the key that each needs; secp192k1 the library does not know."""
_OBIS: Final = re.compile(
    r"[0-9A-F]{1,2}-[0-9A-F]{1,2}:0?([0-9A-F]{1,2})\.0?8\.0?([0-9A-E])(?:[.*].{1,3})?", re.IGNORECASE
)
_REGISTERS: Final[Mapping[str, tuple[Direction, int]]] = {
    "B0": (Direction.IMPORT, 0),
    "1": (Direction.IMPORT, 1),
    "B1": (Direction.IMPORT, 2),
    "C0": (Direction.EXPORT, 0),
    "2": (Direction.EXPORT, 1),
    "C1": (Direction.EXPORT, 2),
}
"""The registers of energy by their OBIS group C; the nearer to the vehicle, the higher the number."""
_ALL_TARIFFS: Final = "0"
_UNITS: Final = {"Wh": 0, "kWh": 3}
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?")
_OF_READING: Final = ("TM", "RV", "RI", "RU", "ST", "EF")


class RecordRefused(ValueError):
    """A record vouches for nothing: it cannot be read, or another than the meter signed it."""


class MeterKeyUnfit(ValueError):
    """This is no public key of a meter."""


@dataclass(frozen=True, slots=True)
class MeterKey:
    """The public key by which a meter's records are checked, and its curve."""

    key: ec.EllipticCurvePublicKey

    @property
    def curve(self) -> str:
        return self.key.curve.name

    @classmethod
    def read(cls, text: str) -> MeterKey:
        """Return the key in `text`: a SubjectPublicKeyInfo in hexadecimal, with or without blanks, or base64.

        Raises: MeterKeyUnfit.
        """
        try:
            key = load_der_public_key(_bytes_of("".join(text.split())))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise MeterKeyUnfit("this is no public key in hexadecimal or base64") from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES.values():
            raise MeterKeyUnfit(
                f"this is no key on one of the curves {', '.join(sorted(set(_CURVES.values())))}"
            )
        return cls(key)


def read_record(signed: str, *, key: MeterKey) -> Mapping[Direction, Decimal]:
    """Return the last stand of each direction for which a record vouches, in Wh, exact.

    `signed` is the record as a station sends it: as it is, in hexadecimal or in base64.
    Raises: RecordRefused.
    """
    sections = _text_of(signed).split("|")
    if len(sections) != _SECTIONS or sections[0].strip() != _HEADER:
        raise RecordRefused("the signed value is no OCMF record")
    _, payload, signature = sections
    _check_signature(payload, _object(signature, "signature"), key)
    return _stands(_object(payload, "payload"))


def _check_signature(payload: str, signature: Mapping[str, Any], key: MeterKey) -> None:
    algorithm = str(signature.get("SA", _DEFAULT_ALGORITHM))
    if _CURVES.get(algorithm) != key.curve:
        raise RecordRefused(f"it is signed by {algorithm[:40]}, and the meter's key is on {key.curve}")
    if signature.get("SM", "application/x-der") != "application/x-der":
        raise RecordRefused(f"its signature is written as {str(signature['SM'])[:40]}, not as DER")
    try:
        written = _bytes_of(str(signature.get("SD", "")), encoding=str(signature.get("SE", "hex")))
        key.key.verify(written, payload.encode(), ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        raise RecordRefused("its signature is not that of the meter") from None


def _stands(payload: Mapping[str, Any]) -> Mapping[Direction, Decimal]:
    found: dict[Direction, tuple[tuple[bool, int], Decimal]] = {}
    before: Mapping[str, Any] = {}
    readings = payload.get("RD")
    for each in readings if isinstance(readings, list) else ():
        if not isinstance(each, dict):
            raise RecordRefused("a reading of the signed record is no object")
        before = {name: each.get(name, before.get(name)) for name in _OF_READING}  # what is left out stays
        register = _OBIS.fullmatch(str(before["RI"]))
        direction, nearness = _REGISTERS.get(register[1].upper() if register else "", (None, 0))
        if direction is None or register is None:
            continue
        rank = register[2] == _ALL_TARIFFS, nearness
        if direction not in found or rank >= found[direction][0]:
            found[direction] = rank, _watt_hours(before)
    return {direction: watt_hours for direction, (_, watt_hours) in found.items()}


def _watt_hours(reading: Mapping[str, Any]) -> Decimal:
    if reading["ST"] != "G" or "E" in str(reading["EF"] or ""):
        state = f"state {str(reading['ST'])[:10]}, errors {str(reading['EF'] or 'none')[:10]}"
        raise RecordRefused(f"the meter itself says that this is not to be billed: {state}")
    written, unit = str(reading["RV"]).strip(), reading["RU"]
    if not _NUMBER.fullmatch(written) or unit not in _UNITS:
        raise RecordRefused(f"the signed record states no energy: {written[:40]} {str(unit)[:10]}")
    watt_hours = Decimal(written).scaleb(_UNITS[unit])
    if watt_hours > MAX_WATT_HOURS:
        raise RecordRefused(f"{written} {unit} is more than any meter counts")
    return watt_hours


def _object(section: str, what: str) -> Mapping[str, Any]:
    try:
        read = json.loads(section, parse_float=str, parse_int=str)  # numbers as they are written
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise RecordRefused(f"the {what} of the signed record is no JSON object")
    return read


def _text_of(signed: str) -> str:
    """Return a record as text. Raises: RecordRefused."""
    text = signed.strip()
    if text.startswith(_HEADER):
        return text
    try:
        return _bytes_of(text).decode().strip()
    except ValueError:
        raise RecordRefused("the signed value is no OCMF record") from None


def _bytes_of(text: str, *, encoding: str = "") -> bytes:
    """Return the bytes written in `text`, as `encoding` says. Raises: ValueError."""
    is_hex = encoding == "hex" or (not encoding and re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text))
    if is_hex:
        return bytes.fromhex(text)
    try:
        return b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
