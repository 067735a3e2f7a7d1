"""The key manager of an operator who has HashiCorp Vault (or OpenBao): its transit engine seals.

The key-encryption key never leaves Vault. It is asked once for every key set that is made or opened,
not when a message is signed.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import hvac
from hvac.exceptions import InvalidRequest, VaultError
from requests.exceptions import RequestException

from kernel.errors import NodeError
from keystore.local_key_manager import SealBroken

_FORM: Final = b"vault:"  # how the transit engine begins what it has sealed


class VaultUnusable(NodeError):
    """Vault does not answer, or does not let this node seal or open."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKeyManager:
    """Seals with `key` of the transit engine mounted at `mount`; `token` is asked for each time.

    The label is sealed along with the secret, so that every version of Vault and every type of key
    binds them. A call ends within `timeout`.
    """

    url: str
    mount: str
    key: str
    token: Callable[[], str] = field(repr=False)
    timeout: timedelta = timedelta(seconds=10)

    @property
    def name(self) -> str:
        return f"vault:{self.mount}/{self.key}"

    @staticmethod
    def recognises(sealed: bytes) -> bool:
        """Say whether a key manager of this make sealed it."""
        return sealed.startswith(_FORM)

    async def seal(self, plain: bytes, *, label: str) -> bytes:
        """Return `plain` sealed together with `label`. Raises: VaultUnusable."""
        text = b64encode(_bound(label) + plain).decode()
        try:
            data = await self._ask("encrypt_data", plaintext=text)
        except InvalidRequest as error:
            raise self._unusable(error) from error
        sealed = str(data.get("ciphertext", "")).encode()
        if not self.recognises(sealed):
            raise VaultUnusable("Vault's answer holds no ciphertext", path="DEGNODE_VAULT_URL", hint=_HINT)
        return sealed

    async def open(self, sealed: bytes, *, label: str) -> bytes:
        """Return what was sealed under `label`. Raises: SealBroken, VaultUnusable."""
        try:
            data = await self._ask("decrypt_data", ciphertext=sealed.decode("latin-1"))
            plain = b64decode(str(data.get("plaintext", "")), validate=True)
        except (InvalidRequest, ValueError) as error:
            raise self._broken(label) from error
        if not plain.startswith(_bound(label)):
            raise self._broken(label)
        return plain.removeprefix(_bound(label))

    async def _ask(self, method: str, **values: str) -> dict[str, Any]:
        """Return the `data` of Vault's answer. Raises: VaultUnusable; InvalidRequest, to be judged."""
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                answer = await asyncio.to_thread(self._call, method, values)
        except InvalidRequest:
            raise
        except (VaultError, RequestException, OSError) as error:  # of which TimeoutError is one
            raise self._unusable(error) from error
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise VaultUnusable("Vault's answer cannot be read", path="DEGNODE_VAULT_URL", hint=_HINT)
        return data

    def _call(self, method: str, values: dict[str, str]) -> object:
        client = hvac.Client(
            url=self.url,
            token=self.token(),
            timeout=self.timeout.total_seconds(),
            allow_redirects=False,
        )
        try:
            call: Callable[..., object] = getattr(client.secrets.transit, method)
            return call(name=self.key, mount_point=self.mount, **values)
        finally:
            client.adapter.close()

    def _unusable(self, error: BaseException) -> VaultUnusable:
        return VaultUnusable(
            f"Vault does not seal or open with {self.mount}/{self.key}: {type(error).__name__}",
            path="DEGNODE_VAULT_URL",
            hint=_HINT,
        )

    def _broken(self, label: str) -> SealBroken:
        return SealBroken(
            f"the private key {label!r} was not sealed with Vault's key {self.mount}/{self.key}",
            path="DEGNODE_VAULT_KEY",
            hint="Name the key of Vault that sealed it: `degnode keys list` says which.",
        )


_HINT: Final = (
    "Check that Vault is up and unsealed, that the transit engine is mounted there, and that the token's "
    "policy allows to update encrypt and decrypt with this key."
)


def token_from_file(path: Path) -> Callable[[], str]:
    """Return what reads the token anew each time, for whoever renews it writes it there.

    It raises VaultUnusable where there is none to read.
    """

    def read() -> str:
        try:
            return path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise VaultUnusable(
                f"Vault's token cannot be read: {type(error).__name__}",
                path=str(path),
                hint="Let DEGNODE_VAULT_TOKEN_FILE name a file with the token that this user may read.",
            ) from None  # what cannot be decoded would tell bytes of the token

    return read


def _bound(label: str) -> bytes:
    return label.encode() + b"\0"
