"""The node's signing key: a file that only its owner may read, made on first use."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from kernel.errors import NodeError
from protocol.ed25519 import PrivateKey
from protocol.keys import new_private_key, read_private_key, write_private_key

log = structlog.get_logger(__name__)


class SigningKeyUnusable(NodeError):
    """The signing key's file cannot be used; the node does not start."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


def load_signing_key(path: Path) -> PrivateKey:
    """Return the key in `path`, making one there first if the file does not exist.

    Raises: SigningKeyUnusable.
    """
    try:
        return read_private_key(path.read_text())
    except FileNotFoundError:
        key = make_signing_key(path)
        log.info("signing_key.made", path=str(path))
        return key
    except (ValueError, OSError) as error:  # no key, no text, or not ours to read
        raise SigningKeyUnusable(
            f"the signing key cannot be read: {error}",
            path=str(path),
            hint="Put the base64 of a 32-byte Ed25519 seed there, or remove the file to get a new key.",
        ) from error


def make_signing_key(path: Path) -> PrivateKey:
    """Return a new key and leave it in `path`, where nothing may be yet.

    Raises: SigningKeyUnusable.
    """
    key = new_private_key()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(write_private_key(key) + "\n")
    except OSError as error:
        raise SigningKeyUnusable(f"no signing key can be made: {error}", path=str(path)) from error
    return key
