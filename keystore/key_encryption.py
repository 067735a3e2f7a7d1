"""Where the key-encryption key comes from: the environment, a file, or one made on first use."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

import structlog

from kernel.errors import NodeError
from keystore.local_key_manager import KEK_BYTES
from keystore.private_file import write_private_file

log = structlog.get_logger(__name__)

FILE_NAME: Final = "key-encryption.key"


class KeyEncryptionKeyUnusable(NodeError):
    """The key that private keys are sealed with cannot be read or made."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


def read_key_encryption_keys(text: str, *, place: str) -> tuple[bytes, ...]:
    """Return the keys of `text`: base64 of 32 bytes each, separated by commas, newest first.

    `place` is where the text stands, for the error; the text itself is shown nowhere.
    Raises: KeyEncryptionKeyUnusable.
    """
    keys = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            keys.append(b64decode(part, validate=True))
        except ValueError:
            raise _unusable("a key-encryption key is written in base64", place) from None
    if not keys:
        raise _unusable("there is no key-encryption key", place)
    if any(len(key) != KEK_BYTES for key in keys):
        raise _unusable(f"a key-encryption key has {KEK_BYTES} bytes", place)
    return tuple(keys)


def load_key_encryption_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in the file `path`. Raises: KeyEncryptionKeyUnusable."""
    try:
        text = path.read_text("ascii")
    except OSError as error:
        raise _unusable(f"the file of the key-encryption key cannot be read: {error}", str(path)) from error
    except UnicodeDecodeError:  # which would tell bytes of the key
        raise _unusable("the file of the key-encryption key holds no text", str(path)) from None
    return read_key_encryption_keys(text, place=str(path))


def ensure_key_encryption_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in `path`, making one there first if there is none.

    Processes that start at the same time all get the same.
    Raises: KeyEncryptionKeyUnusable.
    """
    if not path.exists():
        _make(path)
    return load_key_encryption_keys(path)


def _make(path: Path) -> None:
    """Put a new key in `path`, whole or not at all, unless another process was first."""
    draft = path.with_name(f"{path.name}.{token_hex(4)}")
    try:
        try:
            write_private_file(draft, b64encode(token_bytes(KEK_BYTES)).decode() + "\n")
            with suppress(FileExistsError):
                os.link(draft, path)
                log.info("keys.encryption_key_made", path=str(path))
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(f"no key-encryption key can be made: {error}", str(path)) from error


def _unusable(what: str, place: str) -> KeyEncryptionKeyUnusable:
    return KeyEncryptionKeyUnusable(
        what,
        path=place,
        hint="It is the base64 of 32 random bytes, such as `openssl rand -base64 32` prints.",
    )
