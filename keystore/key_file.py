"""A bare signing key in a file of its own: for tools, and from before keys were in the database."""

from __future__ import annotations

from pathlib import Path

from kernel.errors import NodeError
from keystore.private_file import write_private_file
from protocol.ed25519 import PrivateKey
from protocol.keys import new_private_key, read_private_key, write_private_key


class SigningKeyUnusable(NodeError):
    """The signing key's file cannot be used."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


def read_key_file(path: Path) -> PrivateKey:
    """Return the key in `path`. Raises: SigningKeyUnusable."""
    try:
        return read_private_key(path.read_text())
    except UnicodeDecodeError:  # which would tell bytes of the key
        raise _unreadable("the file holds no text", path) from None
    except (ValueError, OSError) as error:  # no key, not there, or not ours to read
        raise _unreadable(str(error), path) from error


def _unreadable(why: str, path: Path) -> SigningKeyUnusable:
    return SigningKeyUnusable(
        f"the signing key cannot be read: {why}",
        path=str(path),
        hint="Put the base64 of a 32-byte Ed25519 seed there, or name no file and get new keys.",
    )


def make_key_file(path: Path) -> PrivateKey:
    """Return a new key and leave it in `path`, where nothing may be yet, for its owner only.

    Raises: SigningKeyUnusable.
    """
    key = new_private_key()
    try:
        write_private_file(path, write_private_key(key) + "\n")
    except OSError as error:
        raise SigningKeyUnusable(
            f"no signing key can be made: {error}",
            path=str(path),
            hint="Name a file that is not there yet, in a folder that you may write to.",
        ) from error
    return key
