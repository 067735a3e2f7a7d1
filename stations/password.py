"""The passwords of stations, kept as what they hash to: nobody can read one in a file.

Source: OCPP 1.6 security whitepaper and OCPP 2.0.1 part 2, A00: HTTP Basic, the station's id as the user.
The hash is scrypt's (RFC 7914) over 16 MiB, which is much for passwords that are long and random already.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import scrypt
from hmac import compare_digest
from secrets import token_bytes
from typing import Final

_COST: Final = {"n": 2**14, "r": 8, "p": 1}
_BYTES: Final = 32
_FORM: Final = re.compile(r"scrypt:(?P<salt>[A-Za-z0-9+/]{22}==):(?P<hash>[A-Za-z0-9+/]{43}=)", re.ASCII)
SHORTEST_PASSWORD: Final = 16
"""OCPP: a password has 16 to 40 characters, and is as random as can be."""
LONGEST_PASSWORD: Final = 40


class PasswordUnfit(ValueError):
    """A password is none that a station may have; the text says why."""


def is_password_hash(text: str) -> bool:
    """Say whether `text` is what `hash_password` returns."""
    return _FORM.fullmatch(text) is not None


def hash_password(password: str) -> str:
    """Return what may stand in a file for a password. Raises: PasswordUnfit."""
    if not SHORTEST_PASSWORD <= len(password.encode()) <= LONGEST_PASSWORD or not password.isprintable():
        raise PasswordUnfit(
            f"a station's password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} printable characters"
        )
    salt = token_bytes(16)
    return f"scrypt:{b64encode(salt).decode()}:{b64encode(_hash(password, salt)).decode()}"


def is_right(password: str, password_hash: str) -> bool:
    """Say whether the password is the one that was hashed; it takes some ten milliseconds of a core."""
    found = _FORM.fullmatch(password_hash)
    if found is None or len(password.encode()) > LONGEST_PASSWORD:
        return False
    return compare_digest(_hash(password, b64decode(found["salt"])), b64decode(found["hash"]))


def _hash(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(), salt=salt, dklen=_BYTES, maxmem=2**26, **_COST)
