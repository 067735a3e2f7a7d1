"""The key manager of a node on its own: AES-256-GCM under a key that the operator keeps."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from secrets import token_bytes
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kernel.errors import NodeError

KEK_BYTES: Final = 32
_FORM: Final = b"\x01"  # how a sealed secret is laid out: form, nonce, ciphertext with tag
_NONCE_BYTES: Final = 12
_NAME_BYTES: Final = 4


class SealBroken(NodeError):
    """A sealed private key cannot be opened with the keys at hand."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


class LocalKeyManager:
    """Seals with the first key-encryption key (32 bytes), opens with any of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Take the keys, newest first. Raises: ValueError, if there is none or one has not 32 bytes."""
        if not keys or any(len(key) != KEK_BYTES for key in keys):
            raise ValueError(f"a key-encryption key has {KEK_BYTES} bytes, and there must be one")
        self._ciphers = [AESGCM(key) for key in keys]
        self._names = [_name(key) for key in keys]

    @property
    def name(self) -> str:
        return self._names[0]

    @staticmethod
    def recognises(sealed: bytes) -> bool:
        """Say whether a key manager of this make sealed it."""
        return sealed.startswith(_FORM)

    async def seal(self, plain: bytes, *, label: str) -> bytes:
        """Return `plain` sealed; `label` is authenticated with it."""
        nonce = token_bytes(_NONCE_BYTES)
        return _FORM + nonce + self._ciphers[0].encrypt(nonce, plain, label.encode())

    async def open(self, sealed: bytes, *, label: str) -> bytes:
        """Return what was sealed under `label`. Raises: SealBroken."""
        form, nonce, secret = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if form == _FORM and len(nonce) == _NONCE_BYTES:
            for cipher in self._ciphers:
                try:
                    return cipher.decrypt(nonce, secret, label.encode())
                except InvalidTag:
                    continue
        raise SealBroken(
            f"the private key {label!r} was not sealed with the key-encryption key "
            f"that is here, {', '.join(self._names)}",
            path="DEGNODE_KEY_ENCRYPTION_KEY",
            hint="Give the node the key-encryption key that sealed it: `degnode keys list` names it. "
            "All processes of a participant need the same one.",
        )


def _name(key: bytes) -> str:
    """Return what tells keys apart without giving them away."""
    return f"local:{blake2b(key, digest_size=_NAME_BYTES, person=b'degnode-kek').hexdigest()}"
