"""Ed25519 (RFC 8032), made and checked by the fastest engine that proves itself.

libsodium takes about half the time of OpenSSL for a verification, so it is preferred; a machine
without it, or one whose library answers the known question wrongly, works with OpenSSL. Both answer
alike: keys that are no point of the curve, or one of small order (anything could be their signature),
are refused before, and so are signatures that begin with a point of small order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

try:
    from nacl import bindings as sodium
    from nacl.exceptions import BadSignatureError
except ImportError:  # pragma: no cover  a machine without libsodium; the engine does not prove itself
    sodium, BadSignatureError = None, ValueError  # type: ignore[assignment,misc]

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ORDER_EIGHT: Final = (
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
)
_SMALL_ORDER: Final = frozenset((0, 1, _P - 1, *_ORDER_EIGHT))
"""The y coordinates of every point of order 1, 2, 4 or 8."""

# RFC 8032, section 7.1, test 2: the question that an engine is asked before it is trusted.
_KNOWN_SEED: Final = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
_KNOWN_KEY: Final = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
_KNOWN_MESSAGE: Final = b"\x72"
_KNOWN_SIGNATURE: Final = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]
"""`verify(signature, message)`; the signature has 64 bytes."""


class KeyWeak(ValueError):
    """Bytes that are no key: of another length, no point of the curve, or one of small order."""


def _y_of(point: bytes) -> int:
    """Return the y coordinate of an encoded point; the last bit says which x."""
    return int.from_bytes(point, "little") & (2**255 - 1)


class Engine(Protocol):
    """A library that does the arithmetic; keys are prepared once and kept."""

    name: str

    def signing_with(self, seed: bytes) -> Sign: ...

    def verifying_with(self, public_key: bytes) -> Verify: ...


class OpenSsl:
    """Ed25519 as the `cryptography` package does it."""

    name = "openssl"

    def signing_with(self, seed: bytes) -> Sign:
        return Ed25519PrivateKey.from_private_bytes(seed).sign

    def verifying_with(self, public_key: bytes) -> Verify:
        check = Ed25519PublicKey.from_public_bytes(public_key).verify

        def verify(signature: bytes, message: bytes) -> bool:
            if _y_of(signature[:KEY_BYTES]) in _SMALL_ORDER:  # libsodium refuses these by itself
                return False
            try:
                check(signature, message)
            except InvalidSignature:
                return False
            return True

        return verify


class Libsodium:
    """Ed25519 as the `PyNaCl` package does it."""

    name = "libsodium"

    def signing_with(self, seed: bytes) -> Sign:
        _, secret = sodium.crypto_sign_seed_keypair(seed)

        def sign(message: bytes) -> bytes:
            return sodium.crypto_sign(message, secret)[:SIGNATURE_BYTES]

        return sign

    def verifying_with(self, public_key: bytes) -> Verify:
        def verify(signature: bytes, message: bytes) -> bool:
            try:
                sodium.crypto_sign_open(signature + message, public_key)
            except BadSignatureError:
                return False
            return True

        return verify


def proves_itself(engine: Engine) -> bool:
    """Say whether `engine` answers the known question: it signs, it verifies, and it refuses."""
    try:
        verify = engine.verifying_with(_KNOWN_KEY)
        return (
            engine.signing_with(_KNOWN_SEED)(_KNOWN_MESSAGE) == _KNOWN_SIGNATURE
            and verify(_KNOWN_SIGNATURE, _KNOWN_MESSAGE)
            and not verify(_KNOWN_SIGNATURE, b"\x73")
        )
    except Exception:  # noqa: BLE001  whatever is wrong with it, it is not to be used
        return False


def choose(engines: Sequence[Engine]) -> Engine:
    """Return the first of `engines` that proves itself. Raises: RuntimeError, if none does."""
    for engine in engines:
        if proves_itself(engine):
            return engine
    raise RuntimeError("no library on this machine can sign and verify Ed25519")


ENGINE: Final = choose((Libsodium(), OpenSsl()))
"""What this process signs and verifies with."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are checked with: 32 bytes. Raises: KeyWeak, for what is none."""

    raw: bytes
    _verify: Verify = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        y = _y_of(self.raw)
        if len(self.raw) != KEY_BYTES or y in _SMALL_ORDER or not _is_on_curve(y):
            raise KeyWeak("no Ed25519 public key, or one of small order")
        object.__setattr__(self, "_verify", ENGINE.verifying_with(self.raw))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Say whether `signature` is this key's signature of `message`."""
        return len(signature) == SIGNATURE_BYTES and self._verify(signature, message)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs: a seed of 32 bytes, which is shown nowhere. Raises: KeyWeak."""

    seed: bytes = field(repr=False)
    _sign: Sign = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise KeyWeak(f"the seed of a signing key has {KEY_BYTES} bytes, this has {len(self.seed)}")
        object.__setattr__(self, "_sign", ENGINE.signing_with(self.seed))

    @classmethod
    def generate(cls) -> PrivateKey:
        """Return a new key."""
        return cls(token_bytes(KEY_BYTES))

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes that sign `message`."""
        return self._sign(message)


def _is_on_curve(y: int) -> bool:
    """Say whether there is an x with −x² + y² = 1 + d·x²·y² in the field."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P)
    return y < _P and pow(square, (_P - 1) // 2, _P) == 1
