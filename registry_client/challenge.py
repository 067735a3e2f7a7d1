"""The riddle by which a registry finds out whether a subscriber has its encryption key.

Networks encrypt it in ways that exclude each other. Today's (ONIX, ONDC): the X25519 shared secret
of both sides is the key of AES-256-ECB with PKCS#7 padding, as it is. That is weak as a cipher, but
it is what they speak, and the riddle is random and used once. The other: a libsodium sealed box.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from kernel.errors import NodeError
from protocol.keys import KeyUnreadable
from protocol.x25519 import EncryptionPrivateKey, EncryptionPublicKey

_BLOCK_BITS: Final = 128
_MAX_CHALLENGE: Final = 4_096  # characters of base64; a real one has some dozens


class ChallengeScheme(StrEnum):
    """How a registry encrypts its challenge."""

    AES_ECB = "aes-ecb"  # X25519 shared secret used as an AES-256-ECB key; PKCS#7
    SEALED_BOX = "sealed-box"  # libsodium's crypto_box_seal


class ChallengeUnreadable(NodeError):
    """What a registry sent as a challenge cannot be decrypted with our key."""

    code, http_status, retryable = "AUT_SIGNATURE_INVALID", 400, False


def encrypt_challenge(
    plain: str,
    *,
    scheme: ChallengeScheme,
    sender: EncryptionPrivateKey,
    receiver: EncryptionPublicKey,
) -> str:
    """Return the base64 that only `receiver` can read; a sealed box needs no `sender`.

    Raises: KeyUnreadable, if `receiver` is a point of small order: then anybody could read it.
    """
    if scheme is ChallengeScheme.SEALED_BOX:
        try:
            return b64encode(SealedBox(PublicKey(receiver.raw)).encrypt(plain.encode())).decode()
        except CryptoError as error:
            raise KeyUnreadable("this X25519 public key is a point of small order") from error
    padder = PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    encryptor = _cipher(sender.shared_secret(receiver)).encryptor()
    return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt_challenge(
    text: str,
    *,
    scheme: ChallengeScheme,
    sender: EncryptionPublicKey,
    receiver: EncryptionPrivateKey,
) -> str:
    """Return what `encrypt_challenge` was given, or a registry of the same scheme.

    Whatever is wrong with the text, the refusal is the same: who learnt whether it was the padding could
    read other texts by and by. Raises: ChallengeUnreadable.
    """
    try:
        sealed = b64decode(text[:_MAX_CHALLENGE], validate=True)
        if scheme is ChallengeScheme.SEALED_BOX:
            return SealedBox(PrivateKey(receiver.raw)).decrypt(sealed).decode()
        decryptor = _cipher(receiver.shared_secret(sender)).decryptor()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        padded = decryptor.update(sealed) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except KeyUnreadable as error:  # the registry's key, whatever the text is
        raise _unreadable(f"the challenge cannot be decrypted as {scheme}: {error}") from error
    except (ValueError, CryptoError) as error:  # no base64, no whole block, no padding, no text
        raise _unreadable(f"the challenge cannot be decrypted as {scheme}") from error


def _unreadable(why: str) -> ChallengeUnreadable:
    return ChallengeUnreadable(
        why,
        path="$.challenge",
        hint="Check that the registry holds this node's encr_public_key, that this node knows the "
        "registry's, and that both use the same scheme.",
    )


def _cipher(secret: bytes) -> Cipher[ECB]:
    return Cipher(AES256(secret), ECB())  # noqa: S305  the scheme of today's networks
